/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Patterns for paths. */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

#include "agent/files_match.h"

static bool
fits(const char *pattern, const char *path)
{
	struct files_match m;

	cr_assert_null(files_match_compile(&m, pattern), "%s", pattern);
	return files_match(&m, path);
}

Test(files_match, knows_stars_that_do_not_cross_a_folder_and_those_that_do)
{
	static const struct {
		const char *pattern, *fits, *does_not;
	} rows[] = {{"*.md", "a.md", "b/a.md"}, {"*", ".hidden", "a/b"},
	    {"a?c", "abc", "a/c"}, {"**/*.md", "a.md", "a.mdx"},
	    {"**/*.md", "x/y/z.md", "x/y/z"},
	    {"runbooks/**", "runbooks/a/b", "runbook/a"}, {"**", "a/b/c", ""},
	    {"a/**/b", "a/b", "a/xb"}, {"a/**/b", "a/x/y/b", "ab"},
	    {"a**b", "a/x/b", "a/x"}, {"[a-c]x", "bx", "dx"}, {"[!a-c]x", "dx", "bx"},
	    {"[]]", "]", "["}, {"[a/]b", "ab", "/b"}, {"a[", "a[", "a"},
	    {"\\*", "*", "x"}, {"a\\", "a\\", "a"},
	    {"\xc3\xa9?", "\xc3\xa9\xc3\xa8", "\xc3\xa9"},
	    {"[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", "z"}, {"?", "\xf0\x9f\x98\x80", "ab"},
	    {"**/a/**/b", "x/a/y/b", "x/y/b"}, {"***", "a/b", ""}, {"*/", "a/", "a"},
	    {"?", "\xff", "\xff\xff"}};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cr_assert(fits(rows[i].pattern, rows[i].fits), "%s %s", rows[i].pattern,
		    rows[i].fits);
		if (*rows[i].does_not)
			cr_assert(!fits(rows[i].pattern, rows[i].does_not), "%s %s",
			    rows[i].pattern, rows[i].does_not);
	}
}

Test(files_match, refuses_what_it_does_not_understand)
{
	static char text[FILES_PATTERN_MAX + 2];
	struct files_match m;

	memset(text, 'a', sizeof text - 1);
	cr_assert_not_null(files_match_compile(&m, text));
	text[FILES_PATTERN_MAX] = '\0';
	cr_assert_null(files_match_compile(&m, text));
	cr_assert_not_null(files_match_compile(&m, ""));
	cr_assert_not_null(files_match_compile(&m, "*.{a,b}"));
	for (size_t i = 0; i + 1 < sizeof text; i += 3)
		memcpy(text + i, "**/", 3);
	text[FILES_PATTERN_MAX] = '\0';
	cr_assert_null(files_match_compile(&m, text));
	cr_assert(files_match(&m, "a/b"));
}

Test(files_match, no_pattern_explodes)
{
	static char pattern[FILES_PATTERN_MAX + 1], path[4096];
	static const char *const units[] = {"*a", "**/", "a*", "*?", "**a", "[a-z]*"};
	clock_t began = clock();

	memset(path, 'a', sizeof path - 2);
	path[sizeof path - 2] = 'b';
	for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
		size_t n = strlen(units[u]);

		memset(pattern, 0, sizeof pattern);
		for (size_t i = 0; i + n < sizeof pattern - 1; i += n)
			memcpy(pattern + i, units[u], n);
		strcat(pattern, "c");
		cr_assert(!fits(pattern, path), "%s", units[u]);
	}
	cr_assert_lt((double)(clock() - began) / CLOCKS_PER_SEC, 5);
}
