/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A folder of runbooks: what is taken of it, and what is refused and how. */
#include <sys/stat.h>

#include "engine/runbook/runbook_folder.h"
#include "scratch.h"

#define BOOK \
	"---\nname: %s\ntitle: T\ndescription: D\n---\n```devvm a 5s reads\ntrue\n```\n"

static struct {
	int count, well;
	char path[200], why[200]; /* of the last that is refused */
	enum runbook_ill ill;
	int line;
} seen;

static void
on_file(const struct runbook_file *f, void *arg)
{
	seen.count++;
	if (f->book) {
		cr_assert_eq(f->ill, RUNBOOK_WELL);
		seen.well++;
		runbook_free(f->book);
		return;
	}
	snprintf(seen.path, sizeof seen.path, "%s", f->path);
	snprintf(seen.why, sizeof seen.why, "%s", f->why);
	seen.ill = f->ill;
	seen.line = f->line;
}

static void
look(const char *dir)
{
	memset(&seen, 0, sizeof seen);
	runbook_folder_read(dir, on_file, NULL);
}

/* Lent until the next. */
static const char *
book(const char *dir, const char *name, mode_t mode)
{
	static char path[200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s.md", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fprintf(f, BOOK, name);
	fclose(f);
	cr_assert_eq(chmod(path, mode), 0);
	return path;
}

Test(runbook_folder, takes_what_our_own_group_may_write)
{
	const char *dir = scratch();

	book(dir, "x", 0664);
	cr_assert_eq(chmod(dir, 0775), 0);
	look(dir);
	cr_assert_eq(seen.well, 1, "%s", seen.why);
	cr_assert_eq(seen.count, 1);
}

Test(runbook_folder, refuses_a_file_that_others_can_write_and_keeps_the_rest)
{
	const char *dir = scratch(), *open;

	book(dir, "a", 0644);
	open = book(dir, "b", 0646);
	look(dir);
	cr_assert_eq(seen.well, 1);
	cr_assert_eq(seen.count, 2);
	cr_assert_eq(seen.ill, RUNBOOK_MODE);
	cr_assert_str_eq(seen.path, open);
}

Test(runbook_folder, is_refused_whole_where_others_can_write_it)
{
	const char *dir = scratch();

	book(dir, "x", 0644);
	cr_assert_eq(chmod(dir, 0777), 0);
	look(dir);
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.well, 0);
	cr_assert_eq(seen.ill, RUNBOOK_MODE);
	cr_assert_str_eq(seen.path, dir);
}

Test(runbook_folder, refuses_what_belongs_to_neither_us_nor_root)
{
	const char *dir = scratch(), *path;

	if (geteuid() != 0)
		cr_skip("only root can give a file away");
	path = book(dir, "x", 0644);
	cr_assert_eq(chown(path, 12345, 0), 0);
	look(dir);
	cr_assert_eq(seen.ill, RUNBOOK_OWNER);
	cr_assert_eq(seen.well, 0);
	cr_assert_eq(chown(path, 0, 12345), 0);
	cr_assert_eq(chmod(path, 0664), 0);
	look(dir);
	cr_assert_eq(seen.ill, RUNBOOK_MODE, "another group may write it");
	cr_assert_eq(chown(dir, 12345, 0), 0);
	look(dir);
	cr_assert_eq(seen.ill, RUNBOOK_OWNER);
	cr_assert_str_eq(seen.path, dir);
}

Test(runbook_folder, has_64_and_says_which_is_one_too_many)
{
	const char *dir = scratch(), *path = "";
	char name[16];

	for (int i = 0; i <= RUNBOOKS_MAX; i++) {
		snprintf(name, sizeof name, "b%03d", i);
		path = book(dir, name, 0644);
	}
	look(dir);
	cr_assert_eq(seen.well, RUNBOOKS_MAX);
	cr_assert_eq(seen.count, RUNBOOKS_MAX + 1);
	cr_assert_eq(seen.ill, RUNBOOK_MANY);
	cr_assert_str_eq(seen.path, path);
}

Test(runbook_folder, names_the_line_of_one_that_is_not_understood)
{
	const char *dir = scratch();
	FILE *f = fopen(book(dir, "x", 0644), "a");

	fputs("```devvm a 5s reads\ntrue\n```\n", f);
	fclose(f);
	look(dir);
	cr_assert_eq(seen.ill, RUNBOOK_FORM);
	cr_assert_eq(seen.line, 9);
}

Test(runbook_folder, that_is_not_there_is_said_with_its_name)
{
	look("/nonexistent/books");
	cr_assert_eq(seen.count, 1);
	cr_assert_eq(seen.ill, RUNBOOK_UNREAD);
	cr_assert_str_eq(seen.path, "/nonexistent/books");
	cr_assert(strstr(seen.why, "No such file"));
}
