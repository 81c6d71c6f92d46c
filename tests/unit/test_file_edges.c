/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A journal's file where the disk does not do as it is told; see test_journal_file.c. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk_fault.h"
#include "heap.h"
#include "scratch.h"
#include "wire/journal_file.h"

static char path[128];
static struct err err;
static int fds;

static void
end(void)
{
	fault_none();
	AT_END(open_fds() == fds, "a descriptor is left open");
}

static void
begin(void)
{
	fds = open_fds();
	snprintf(path, sizeof path, "%s/x.jsonl", scratch());
}

TestSuite(file_edges, .init = begin, .fini = end, .timeout = 30);

static struct journal_file *
opened(const char *data, size_t len)
{
	FILE *f = fopen(path, "w");
	struct journal_file *j;

	cr_assert_eq(fwrite(data, 1, len, f), len);
	fclose(f);
	j = journal_file_open(path, &err);
	cr_assert_not_null(j, "%s", err.words);
	return j;
}

static int
next(struct journal_file *j, const char **line, size_t *len)
{
	return journal_file_next(j, line, len, &err);
}

Test(file_edges, only_a_regular_file_that_can_be_looked_at_is_a_journal)
{
	int last;

	cr_assert_null(journal_file_open(path, &err));
	cr_assert(strstr(err.words, "open the journal "), "%s", err.words);
	cr_assert_eq(err.code, ERR_SYSTEM);
	cr_assert_null(journal_file_open(scratch_dir, &err));
	cr_assert(strstr(err.words, "no regular file"), "%s", err.words);
	cr_assert_eq(err.code, ERR_USAGE);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(journal_file_open(path, &err), "nobody waits for a writer");
	cr_assert_eq(unlink(path), 0);
	journal_file_close(opened("a\n", 2));
	fault_set("fstat", 0, 1, EIO);
	last = closed_fd;
	closed_fd = -1;
	cr_assert_null(journal_file_open(path, &err));
	cr_assert_geq(closed_fd, 0, "nothing is left open");
	cr_assert_geq(last, 0);
	journal_file_close(NULL);
}

Test(file_edges, what_cannot_be_read_is_an_error_and_can_be_tried_again)
{
	struct journal_file *j = opened("one\ntwo\n", 8);
	const char *line;
	size_t len;

	fault_set("pread", 0, 1, EIO);
	cr_assert_eq(next(j, &line, &len), -1);
	cr_assert(strstr(err.words, "read the journal ") && strstr(err.words, path));
	fault_set("pread", 0, 2, EINTR);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert(len == 3 && memcmp(line, "one", 3) == 0);
	fault_set("pread", 0, 3, FAULT_SHORT);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert(len == 3 && memcmp(line, "two", 3) == 0);
	cr_assert_eq(next(j, &line, &len), 0);
	journal_file_close(j);
	cr_assert_eq(closed_fd > 2, 1);
}

Test(file_edges, each_place_is_exact)
{
	struct journal_file *j = opened("one\n\nthree\ntorn", 15);
	const char *line;
	size_t len;

	cr_assert_eq(journal_file_at(j), 0);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert(journal_file_began(j) == 0 && journal_file_at(j) == 4 && len == 3);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert(journal_file_began(j) == 4 && journal_file_at(j) == 5 && len == 0);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert(journal_file_began(j) == 5 && journal_file_at(j) == 11 && len == 5);
	cr_assert_eq(next(j, &line, &len), 0);
	cr_assert_eq(journal_file_torn(j), 4);
	cr_assert_eq(journal_file_size(j), 15);
	journal_file_seek(j, 4);
	cr_assert_eq(journal_file_at(j), 4);
	cr_assert_eq(journal_file_torn(j), 0);
	cr_assert_eq(next(j, &line, &len), 1);
	cr_assert_eq(len, 0);
	journal_file_seek(j, 15);
	errno = EINTR; /* somebody else's: the end is no interruption */
	cr_assert_eq(next(j, &line, &len), 0);
	cr_assert_eq(journal_file_torn(j), 0);
	fault_set("fstat", 0, 1, EIO);
	cr_assert_eq(journal_file_size(j), -1);
	journal_file_close(j);
}

/* A line of n bytes, one of three behind it, and perhaps no end. */
static void
long_line(size_t n, bool ends)
{
	size_t all = n + (ends ? 5 : 0);
	char *data = mem_alloc(all);
	struct journal_file *j;
	const char *line;
	size_t len, want = n < JOURNAL_FILE_LINE_MAX ? n : JOURNAL_FILE_LINE_MAX;

	memset(data, 'x', n);
	if (ends)
		memcpy(data + n, "\nabc\n", 5);
	j = opened(data, all);
	if (!ends && n < JOURNAL_FILE_LINE_MAX) {
		cr_assert_eq(next(j, &line, &len), 0);
		cr_assert_eq(journal_file_torn(j), (int64_t)n);
		goto out;
	}
	cr_assert_eq(next(j, &line, &len), 1, "%zu", n);
	cr_assert_eq(len, want, "%zu: %zu", n, len);
	cr_assert_eq(journal_file_began(j), 0);
	journal_file_seek(j, 0); /* nothing is passed over of what is asked for anew */
	cr_assert_eq(next(j, &line, &len), 1, "%zu", n);
	cr_assert_eq(journal_file_began(j), 0);
	if (ends) {
		cr_assert_eq(next(j, &line, &len), 1, "%zu", n);
		cr_assert(len == 3 && memcmp(line, "abc", 3) == 0, "%zu", n);
		cr_assert_eq(journal_file_began(j), (int64_t)n + 1);
		cr_assert_eq(next(j, &line, &len), 0);
		cr_assert_eq(journal_file_torn(j), 0);
	} else {
		cr_assert_eq(next(j, &line, &len), 0);
		cr_assert_eq(journal_file_torn(j), (int64_t)n, "%zu", n);
	}
out:
	journal_file_close(j);
	free(data);
}

Test(file_edges, a_line_that_is_too_long_is_cut_and_what_follows_is_whole)
{
	static const int near[] = {-2, -1, 0, 1, 2, 65535, 65536, 65537, 200000};

	for (size_t i = 0; i < ARRAY_LEN(near); i++) {
		long_line((size_t)(JOURNAL_FILE_LINE_MAX + near[i]), true);
		long_line((size_t)(JOURNAL_FILE_LINE_MAX + near[i]), false);
	}
}

static void
one_life(void)
{
	struct journal_file *j = opened("a\n", 2);
	const char *line;
	size_t len;

	cr_assert_eq(next(j, &line, &len), 1);
	journal_file_close(j);
}

Test(file_edges, what_it_took_it_gives_back)
{
	GIVES_BACK(one_life());
}
