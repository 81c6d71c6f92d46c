/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The record of drills: what was appended is read, whatever else is in the file. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "scratch.h"
#include "wire/drills.h"

#define GOOD                                                                     \
	"{\"t\":\"drill\",\"kind\":\"lab\",\"at\":\"2026-01-31T03:00:00.000Z\"," \
	"\"ok\":true,\"wedge\":\"frozen\",\"total_ms\":27000,"                   \
	"\"report\":\"drill-20260131T030000Z.md\",\"version\":\"0.1.0\","        \
	"\"steps\":{\"sent\":9000,\"proven\":27000}}\n"

static char *
file(void)
{
	return drills_path(scratch());
}

static void
put(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "ae");

	cr_assert_not_null(f);
	cr_assert_eq(fwrite(text, 1, len, f), len);
	cr_assert_eq(fclose(f), 0);
}

static struct drills_record
made(enum drills_kind kind, const char *wedge, int64_t at_ms)
{
	struct drills_record r = {
	    .kind = kind, .ok = true, .at_ms = at_ms, .total_ms = 27000};

	snprintf(r.wedge, sizeof r.wedge, "%s", wedge);
	snprintf(r.report, sizeof r.report, "drill-20260131T030000Z.md");
	snprintf(r.version, sizeof r.version, "0.1.0");
	for (int i = 0; i < DRILLS_STEPS; i++)
		r.step_ms[i] = i == DRILLS_GONE ? -1 : 1000 * i;
	return r;
}

static int
last(const char *path, enum drills_kind kind, struct drills_record *r)
{
	struct err err = {0};
	int rc = drills_last(path, kind, r, &err);

	cr_assert_geq(rc, 0, "%s", err.words);
	return rc;
}

Test(drills, has_none_where_no_file_is)
{
	struct drills_record r;
	char *path = file();

	cr_assert_eq(last(path, DRILLS_LAB, &r), 0);
	free(path);
}

Test(drills, reads_what_it_appended_the_newest_first)
{
	char *path = file();
	struct drills_record r[3], wrote;
	size_t count;
	struct err err;
	struct stat st;

	for (int i = 0; i < 5; i++) {
		wrote = made(i == 3 ? DRILLS_SITE : DRILLS_LAB,
		    i == 3	     ? ""
			: i % 2 == 0 ? "frozen"
				     : "iostall",
		    1000 * (i + 1));
		cr_assert_eq(drills_append(path, &wrote, &err), 0, "%s", err.words);
	}
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 07777, 0600);
	cr_assert_eq(drills_read(path, DRILLS_LAB, "frozen", r, 2, &count, &err), 0, "%s",
	    err.words);
	cr_assert_eq(count, 2);
	cr_assert_eq(r[0].at_ms, 5000);
	cr_assert_eq(r[1].at_ms, 3000);
	cr_assert_str_eq(r[0].report, wrote.report);
	cr_assert_str_eq(r[0].version, wrote.version);
	cr_assert_eq(memcmp(r[0].step_ms, wrote.step_ms, sizeof wrote.step_ms), 0);
	cr_assert_eq(drills_read(path, DRILLS_LAB, NULL, r, 3, &count, &err), 0);
	cr_assert_eq(count, 3);
	cr_assert_str_eq(r[1].wedge, "frozen");
	cr_assert_str_eq(r[2].wedge, "iostall");
	cr_assert_eq(last(path, DRILLS_SITE, &r[0]), 1);
	cr_assert_eq(r[0].at_ms, 4000);
	free(path);
}

Test(drills, passes_over_what_is_no_drill)
{
	static const char *const bad[] = {
	    "",
	    "{}",
	    "no JSON",
	    "\x1b[2J\x07",
	    "{\"t\":\"drill\",\"kind\":\"lab\",\"at\":\"2026-01-31T03:00:00.000Z\"}",
	    "{\"t\":\"drill\",\"kind\":\"lab\",\"at\":\"yesterday\",\"ok\":true}",
	    "{\"t\":\"drill\",\"kind\":\"moon\",\"at\":\"2026-01-31T03:00:00.000Z\",\"ok\":true}",
	    "{\"t\":\"verb\",\"kind\":\"lab\",\"at\":\"2026-01-31T03:00:00.000Z\",\"ok\":true}",
	    "{\"t\":\"drill\",\"kind\":\"lab\",\"at\":\"2026-01-31T03:00:00.000Z\",\"ok\":1}",
	    "[1]",
	};
	char *path = file();
	struct drills_record r;

	put(path, GOOD, sizeof GOOD - 1);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		put(path, bad[i], strlen(bad[i]));
		put(path, "\n", 1);
	}
	put(path, "\0\0\n", 3);
	put(path, GOOD, sizeof GOOD - 2); /* torn: its end has not come */
	cr_assert_eq(last(path, DRILLS_LAB, &r), 1);
	cr_assert_eq(r.at_ms, clock_from("2026-01-31T03:00:00.000Z"));
	cr_assert_eq(r.step_ms[DRILLS_SENT], 9000);
	cr_assert_eq(r.step_ms[DRILLS_KEY], -1);
	cr_assert_eq(last(path, DRILLS_SITE, &r), 0);
	free(path);
}

Test(drills, takes_no_text_that_could_act)
{
	static const char line[] =
	    "{\"t\":\"drill\",\"kind\":\"lab\",\"at\":\"2026-01-31T03:00:00.000Z\","
	    "\"ok\":false,\"wedge\":\"fro\\u001b[2Jzen\",\"report\":\"../../etc/passwd\","
	    "\"version\":\"\\u202e0.1\",\"total_ms\":-5,\"steps\":[]}\n";
	char *path = file();
	struct drills_record r;

	put(path, line, sizeof line - 1);
	cr_assert_eq(last(path, DRILLS_LAB, &r), 1);
	cr_assert_not(r.ok);
	cr_assert_str_empty(r.wedge);
	cr_assert_str_empty(r.report);
	cr_assert_str_empty(r.version);
	cr_assert_eq(r.total_ms, -1);
	free(path);
}

Test(drills, reads_the_end_alone_of_a_file_without_measure)
{
	char *path = file();
	char *flood = malloc(1024 * 1024);
	struct drills_record r;

	cr_assert_not_null(flood);
	memset(flood, 'x', 1024 * 1024);
	put(path, GOOD, sizeof GOOD - 1);
	for (int i = 0; i < 3; i++)
		put(path, flood, 1024 * 1024);
	cr_assert_eq(last(path, DRILLS_LAB, &r), 0); /* a line without an end */
	put(path, "\n", 1);
	put(path, GOOD, sizeof GOOD - 1);
	cr_assert_eq(last(path, DRILLS_LAB, &r), 1);
	cr_assert_eq(r.total_ms, 27000);
	free(flood);
	free(path);
}

Test(drills, ends_a_torn_line_before_it_appends)
{
	char *path = file();
	struct drills_record r = made(DRILLS_LAB, "frozen", 7000), got;
	struct err err;

	put(path, "{\"t\":\"dri", 9);
	cr_assert_eq(drills_append(path, &r, &err), 0, "%s", err.words);
	cr_assert_eq(last(path, DRILLS_LAB, &got), 1);
	cr_assert_eq(got.at_ms, 7000);
	free(path);
}

Test(drills, writes_into_no_link_and_reads_no_fifo)
{
	char *path = file(), target[64];
	struct drills_record r = made(DRILLS_LAB, "frozen", 7000);
	struct err err;

	snprintf(target, sizeof target, "%s/other", scratch_dir);
	put(target, "", 0);
	cr_assert_eq(symlink(target, path), 0);
	cr_assert_eq(drills_append(path, &r, &err), -1);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(drills_last(path, DRILLS_LAB, &r, &err), -1);
	cr_assert_eq(drills_append(path, &r, &err), -1);
	free(path);
}
