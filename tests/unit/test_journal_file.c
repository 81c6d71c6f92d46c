/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A journal's file: its lines, its torn end, and which file a word means. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "wire/journal_file.h"

static char dir[] = "/tmp/bg-journal-XXXXXX";

static void
make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
}

static void
remove_dir(void)
{
	char *command = mem_printf("rm -rf '%s'", dir);

	cr_assert_eq(system(command), 0);
	free(command);
}

TestSuite(journal_file, .init = make_dir, .fini = remove_dir);

static char *
write_file(const char *name, const char *data, size_t len, const char *mode)
{
	char *path = mem_printf("%s/%s", dir, name);
	FILE *f = fopen(path, mode);

	cr_assert_not_null(f, "%s", path);
	cr_assert_eq(fwrite(data, 1, len, f), len);
	fclose(f);
	return path;
}

static struct journal_file *
opened(const char *path)
{
	struct err err;
	struct journal_file *f = journal_file_open(path, &err);

	cr_assert_not_null(f, "%s", err.words);
	return f;
}

static void
expect_line(struct journal_file *f, const char *want)
{
	const char *line;
	size_t len;
	struct err err;

	cr_assert_eq(journal_file_next(f, &line, &len, &err), 1, "for %s", want);
	cr_assert_eq(len, strlen(want));
	cr_assert_eq(memcmp(line, want, len), 0);
}

static void
expect_end(struct journal_file *f, int64_t torn)
{
	const char *line;
	size_t len;
	struct err err;

	cr_assert_eq(journal_file_next(f, &line, &len, &err), 0);
	cr_assert_eq(journal_file_torn(f), torn);
}

Test(journal_file, lends_whole_lines_and_counts_the_torn_end)
{
	char *path = write_file("a.jsonl", "one\n\nthree\nfo", 13, "w");
	struct journal_file *f = opened(path);

	expect_line(f, "one");
	cr_assert_eq(journal_file_at(f), 4);
	expect_line(f, "");
	expect_line(f, "three");
	cr_assert_eq(journal_file_began(f), 5);
	cr_assert_eq(journal_file_at(f), 11);
	expect_end(f, 2);
	cr_assert_eq(journal_file_size(f), 13);
	free(write_file("a.jsonl", "ur\nfive\n", 8, "a"));
	expect_line(f, "four");
	expect_line(f, "five");
	expect_end(f, 0);
	journal_file_seek(f, 5);
	expect_line(f, "three");
	journal_file_close(f);
	free(path);
}

Test(journal_file, cuts_a_line_that_is_too_long_and_goes_on_behind_it)
{
	size_t len = 3 * JOURNAL_FILE_LINE_MAX + 7;
	char *data = mem_alloc(len + 16), *path;
	struct journal_file *f;
	const char *line;
	size_t n;
	struct err err;

	memset(data, 'x', len);
	memcpy(data + len, "\nnext\n", 6);
	path = write_file("b.jsonl", data, len + 6, "w");
	f = opened(path);
	cr_assert_eq(journal_file_next(f, &line, &n, &err), 1);
	cr_assert_eq(n, (size_t)JOURNAL_FILE_LINE_MAX);
	cr_assert_eq(journal_file_began(f), 0);
	expect_line(f, "next");
	cr_assert_eq(journal_file_began(f), (int64_t)len + 1);
	expect_end(f, 0);
	journal_file_close(f);
	free(path);
	free(data);
}

Test(journal_file, lends_the_same_lines_wherever_blocks_end)
{
	char *data = mem_alloc(1000 * 1000), *path;
	size_t len = 0;
	struct journal_file *f;
	const char *line;
	size_t n;
	struct err err;

	for (unsigned i = 0; i < 700; i++) {
		memset(data + len, 'a' + (int)(i % 26), i * 2);
		len += i * 2;
		data[len++] = '\n';
	}
	path = write_file("c.jsonl", data, len, "w");
	f = opened(path);
	for (unsigned i = 0; i < 700; i++) {
		cr_assert_eq(journal_file_next(f, &line, &n, &err), 1);
		cr_assert_eq(n, i * 2);
		cr_assert(
		    n == 0 || (line[0] == 'a' + (int)(i % 26) && line[n - 1] == line[0]));
	}
	expect_end(f, 0);
	journal_file_close(f);
	free(path);
	free(data);
}

Test(journal_file, opens_nothing_that_is_no_file)
{
	char *path = mem_printf("%s/fifo.jsonl", dir);
	struct err err;

	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(journal_file_open(path, &err));
	cr_assert_null(journal_file_open(dir, &err));
	cr_assert_null(journal_file_open("/nonexistent.jsonl", &err));
	cr_assert_not_null(strstr(err.words, "No such file"));
	free(path);
}

static void
expect_found(const char *what, const char *want)
{
	struct err err = {0};
	char *path = journal_find(dir, what, &err);

	cr_assert(path && strcmp(path + strlen(path) - strlen(want), want) == 0,
	    "%s -> %s, %s", what ? what : "NULL", path ? path : "none", err.words);
	free(path);
}

static void
expect_not_found(const char *what, const char *words)
{
	struct err err = {0};

	cr_assert_null(journal_find(dir, what, &err), "%s", what);
	cr_assert_not_null(strstr(err.words, words), "%s", err.words);
}

Test(journal_file, a_word_means_one_journal_or_the_words_say_why_not)
{
	char *sub = mem_printf("%s/incidents", dir);

	expect_not_found("last", "no incident");
	cr_assert_eq(mkdir(sub, 0700), 0);
	expect_not_found(NULL, "no incident");
	free(write_file("incidents/20260131T031201Z-9f3c.jsonl", "", 0, "w"));
	free(write_file("incidents/20260131T031201Z-9f.jsonl", "", 0, "w"));
	free(write_file("incidents/20260201T000000Z-0001.jsonl", "", 0, "w"));
	free(write_file("incidents/20270201T000000Z-0001.jsonl.tmp", "", 0, "w"));
	free(write_file("incidents/x.jsonl", "", 0, "w"));
	free(write_file("incidents/3\033[31m.jsonl", "", 0, "w"));
	expect_found(NULL, "/incidents/20260201T000000Z-0001.jsonl");
	expect_found("last", "/incidents/20260201T000000Z-0001.jsonl");
	expect_found("20260201", "/incidents/20260201T000000Z-0001.jsonl");
	expect_found("20260131T031201Z-9f", "/incidents/20260131T031201Z-9f.jsonl");
	expect_found("20260131T031201Z-9f3", "/incidents/20260131T031201Z-9f3c.jsonl");
	expect_found("./x", "./x");
	expect_found("y.jsonl", "y.jsonl");
	expect_not_found("202601", "2 incidents");
	expect_not_found("2025", "breakglass incidents");
	free(sub);
}
