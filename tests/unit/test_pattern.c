/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns: what explodes ends in milliseconds, and any bytes may be looked at. */
#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "engine/runbook/pattern.h"

static int
find(const char *text, const char *subject, size_t len, struct pattern_match *m)
{
	struct pattern_budget budget = {PATTERN_STEPS_MAX};
	struct err err = {0};
	struct pattern *p = pattern_new(text, strlen(text), &err);
	int rc;

	cr_assert_not_null(p, "%s: %s", text, err.words);
	rc = pattern_find(p, subject, len, 0, &budget, m, &err);
	pattern_free(p);
	return rc;
}

Test(pattern, finds_lines_and_their_groups)
{
	static const char df[] = "head\n/dev/vda1 100% /\ntail\n";
	struct pattern_match m;

	cr_assert_eq(find("^(\\S+) +(\\d+)% (x)?", df, strlen(df), &m), 1);
	cr_assert_eq(m.groups, 3);
	cr_assert_eq(m.group[1].start, 5);
	cr_assert_eq(m.group[2].len, 3);
	cr_assert(!m.group[3].set);
	cr_assert_eq(find("^tail$", df, strlen(df), &m), 1);
	cr_assert_eq(find("nothing", df, strlen(df), &m), 0);
}

Test(pattern, what_explodes_ends_soon_with_words)
{
	static const char *const bad[] = {"^(a|aa)+$", "(a+)+b|c$", "^(a*)*$b",
	    "(?:a|a?)+?b", "(a|a|a|a)*b", "^(\\w+\\s?)*!$", "(x|a)+(y|a)+(z|a)+!"};
	char *as = mem_alloc(200001);
	struct pattern_match m;

	memset(as, 'a', 200000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		clock_t began = clock(); /* ours alone: others may use the machine */
		int rc = find(bad[i], as, 200000, &m);
		double took = (double)(clock() - began) / CLOCKS_PER_SEC;

		cr_assert(took < 2, "%s took %.2f s", bad[i], took);
		cr_assert(rc <= 0, "%s", bad[i]);
	}
	free(as);
}

Test(pattern, a_budget_is_for_the_whole_walk)
{
	struct pattern_budget budget = {5000};
	struct pattern_match m;
	struct err err = {0};
	struct pattern *p = pattern_new("a.*?z|b", 7, &err);
	char *as = mem_alloc(100001);

	memset(as, 'a', 100000);
	cr_assert_eq(pattern_find(p, as, 100000, 0, &budget, &m, &err), -1);
	cr_assert_eq(err.code, ERR_LIMIT);
	cr_assert_not_null(strstr(err.words, "too many ways"));
	pattern_free(p);
	free(as);
}

Test(pattern, looks_at_any_bytes)
{
	static const char bytes[] = "a\0b \xff\xfe disk \xc3\xa4 full\xed\xa0\x80 x\n";
	struct pattern_match m;

	cr_assert_eq(find("disk (\\w) full", bytes, sizeof bytes - 1, &m), 1);
	cr_assert_eq(m.group[1].len, 2); /* one letter of two bytes */
	cr_assert_eq(find("a.b", bytes, sizeof bytes - 1, &m), 1);
	cr_assert_eq(find("x$", bytes, sizeof bytes - 1, &m), 1);
	cr_assert_eq(find("^$", "", 0, &m), 1);
}

Test(pattern, refuses_what_is_none)
{
	static const char *const bad[] = {
	    "(", "[a", "*", "a{2,1}", "(?<n", "\\", "(?C99999)"};
	char big[PATTERN_MAX + 2];
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		cr_assert_null(pattern_new(bad[i], strlen(bad[i]), &err), "%s", bad[i]);
		cr_assert_not_null(strstr(err.words, "at its byte"), "%s", err.words);
	}
	memset(big, 'a', sizeof big);
	cr_assert_null(pattern_new(big, sizeof big, &err));
	cr_assert_null(pattern_new("", 0, &err));
	cr_assert_null(pattern_new("a\0b", 3, &err));
	cr_assert_null(pattern_new("\xff", 1, &err));
	memset(big, '(', 200);
	cr_assert_null(pattern_new(big, 200, &err));
}
