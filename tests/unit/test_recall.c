/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What was typed before: kept, shared between consoles, and harmless whatever is in it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "console/prompt/recall.h"
#include "scratch.h"

static char got[600][64];
static int n_got;

static void
on_entry(const char *text, void *arg)
{
	cr_assert_lt(n_got, 600);
	for (const char *p = text; *p; p++)
		cr_assert((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t');
	snprintf(got[n_got++], sizeof got[0], "%.60s", text);
}

static int
load(const char *path)
{
	struct recall *r = recall_new(path);

	n_got = 0;
	recall_load(r, on_entry, NULL);
	recall_free(r);
	return n_got;
}

static void
add(const char *path, const char *text)
{
	struct recall *r = recall_new(path);

	recall_add(r, text);
	recall_free(r);
}

static char *
in_scratch(const char *name)
{
	return mem_printf("%s/%s", scratch_dir[0] ? scratch_dir : scratch(), name);
}

Test(recall, what_is_kept_comes_back_in_its_order)
{
	char *path = in_scratch("new/folder/history");
	struct stat st;

	add(path, "one");
	add(path, "two\nlines, a \\ and a \\n\ttoo");
	add(path, " private");
	add(path, "");
	cr_assert_eq(load(path), 2);
	cr_assert_str_eq(got[0], "one");
	cr_assert_str_eq(got[1], "two\nlines, a \\ and a \\n\ttoo");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	free(path);
}

static void
put(const char *path, const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	cr_assert(fd >= 0);
	cr_assert_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

Test(recall, what_others_have_put_into_it_is_text_or_nothing)
{
	static const char evil[] =
	    "good\n\x1b]52;c;aGk=\a\n\x1b[2J\n\xff\xfe\n"
	    "bad \\x escape\nnul \0 here\n\x7f\x01\n\n half a line";
	char *path = in_scratch("history");

	put(path, evil, sizeof evil - 1);
	load(path);
	cr_assert_str_eq(got[0], "good");
	cr_assert_str_eq(got[1], "]52;c;aGk=");
	cr_assert_str_eq(got[2], "[2J");
	cr_assert_str_eq(got[3], "nul  here");
	cr_assert_eq(n_got, 4);
	add(path, "after it");
	cr_assert_eq(load(path), 5);
	cr_assert_str_eq(got[4], "after it");
	free(path);
}

Test(recall, a_file_of_any_size_costs_no_more_than_what_is_kept)
{
	char *path = in_scratch("history");
	static char block[1 << 20];
	struct stat st;

	memset(block, 'x', sizeof block);
	for (int i = 0; i < 10; i++) /* one line of 10 MB, then many */
		put(path, block, sizeof block);
	put(path, "\n", 1);
	cr_assert_eq(load(path), 0);
	for (int i = 0; i < 2000; i++)
		put(path, "some entry\n", 11);
	cr_assert_eq(load(path), RECALL_ENTRIES_MAX);
	add(path, "the last");
	cr_assert_eq(load(path), RECALL_ENTRIES_MAX);
	cr_assert_str_eq(got[RECALL_ENTRIES_MAX - 1], "the last");
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_lt(st.st_size, RECALL_BYTES_MAX);
	free(path);
}

static void
expect_refused(const char *path)
{
	struct recall *r = recall_new(path);

	n_got = 0;
	recall_load(r, on_entry, NULL);
	recall_add(r, "words");
	cr_assert_eq(n_got, 0);
	cr_assert_str_not_empty(recall_why(r), "%s", path);
	recall_free(r);
}

Test(recall, what_is_no_file_of_ours_alone_is_left_alone)
{
	char *dir = scratch(), path[128], other[128];

	snprintf(other, sizeof other, "%s/other", dir);
	put(other, "others\n", 7);
	snprintf(path, sizeof path, "%s/link", dir);
	cr_assert_eq(symlink(other, path), 0);
	expect_refused(path);
	snprintf(path, sizeof path, "%s/hard", dir);
	cr_assert_eq(link(other, path), 0);
	expect_refused(path);
	unlink(path);
	cr_assert_eq(load(other), 1); /* nothing was written through them */
	snprintf(path, sizeof path, "%s/dir", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	expect_refused(path);
	snprintf(path, sizeof path, "%s/fifo", dir);
	cr_assert_eq(mkfifo(path, 0600), 0);
	expect_refused(path);
	snprintf(path, sizeof path, "%s/open", dir);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(chmod(path, 0777), 0);
	strcat(path, "/history");
	expect_refused(path);
	expect_refused("/proc/self/history");
	expect_refused("/dev/null");
}

Test(recall, a_lock_of_another_keeps_no_key_waiting_and_loses_nothing)
{
	char *path = in_scratch("history");
	struct recall *r = recall_new(path);
	int fd;

	put(path, "one\n", 4);
	fd = open(path, O_RDONLY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	recall_add(r, "two");
	cr_assert_str_empty(recall_why(r)); /* that somebody writes is no news */
	cr_assert_eq(load(path), 1);
	close(fd);
	recall_add(r, "three"); /* and what had to wait is written with the next */
	cr_assert_str_empty(recall_why(r));
	cr_assert_eq(load(path), 3);
	cr_assert_str_eq(got[1], "two");
	recall_free(r);
	free(path);
}

Test(recall, at_the_end_a_lock_that_nobody_gives_back_is_waited_for_a_moment_only)
{
	char *path = in_scratch("history");
	struct recall *r = recall_new(path);
	int fd;

	put(path, "one\n", 4);
	fd = open(path, O_RDONLY);
	cr_assert_eq(flock(fd, LOCK_EX), 0);
	recall_add(r, "two");
	recall_free(r);
	close(fd);
	cr_assert_eq(load(path), 1);
	free(path);
}

Test(recall, consoles_at_work_at_the_same_time_lose_nothing)
{
	enum { WRITERS = 4, EACH = 100 };
	char *path = in_scratch("history"), text[32];
	int next[WRITERS] = {0}, status;

	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			struct recall *r = recall_new(path);

			for (int i = 0; i < EACH; i++) {
				snprintf(text, sizeof text, "%d %d", w, i);
				recall_add(r, text);
			}
			recall_free(r);
			_exit(0);
		}
	while (wait(&status) > 0)
		cr_assert_eq(status, 0);
	cr_assert_eq(load(path), WRITERS * EACH);
	for (int i = 0; i < n_got; i++) {
		int w, k;

		cr_assert_eq(sscanf(got[i], "%d %d", &w, &k), 2);
		cr_assert_eq(k, next[w]++); /* each in its own order */
	}
	free(path);
}
