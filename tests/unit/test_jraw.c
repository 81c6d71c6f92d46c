/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "engine/api/jraw.h"

static int
check(const char *text, struct jraw *v)
{
	struct err e = {0};

	return jraw_check(text, strlen(text), v, &e);
}

Test(jraw, takes_what_the_standard_takes)
{
	static const char *const good[] = {"{}", "[]", " {\"a\" : [ 1 , -0.5e+10 ] } \n",
	    "\"\\u00e9\\\"\\\\\\/\\b\"", "true", "false", "null", "0", "-0", "1E5",
	    "[[[]],{}]", "{\"\":{}}", "\"\xf0\x9f\x94\xa5\"", "\"\\ud83d\"",
	    "{\"a\":1,\"a\":2}", "123456789012345678901234567890"};
	struct jraw v;

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_assert_eq(check(good[i], &v), 0, "%s", good[i]);
	cr_assert_eq(check(" {\"a\" : 1} ", &v), 0);
	cr_assert_eq(v.len, 9);
}

Test(jraw, refuses_what_the_standard_refuses)
{
	static const char *const bad[] = {"", " ", "{", "[", "{]", "[}", "[1,]",
	    "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{'a':1}", "01", "1.", ".5",
	    "+1", "-", "1e", "1e+", "tru", "True", "NaN", "Infinity", "-Infinity", "\"",
	    "\"\\", "\"\\x\"", "\"\\u12g4\"", "\"\\u12", "\"a\nb\"", "\"\x01\"", "{} {}",
	    "[] x", "1 2", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "/* */ {}",
	    "[1 2]", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{,}", "[,]", "\xef\xbb\xbf{}",
	    "{\"a\":1,2}"};
	struct jraw v;

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		cr_assert_eq(check(bad[i], &v), -1, "%s", bad[i]);
}

Test(jraw, refuses_a_nul_byte_in_the_text)
{
	struct err e = {0};
	struct jraw v;

	cr_assert_eq(jraw_check("\"a\0b\"", 5, &v, &e), -1);
	cr_assert_eq(jraw_check("{}\0", 3, &v, &e), -1);
	cr_assert_eq(jraw_check("\"\\\0\"", 4, &v, &e), -1);
}

Test(jraw, takes_128_levels_and_no_more)
{
	char text[JRAW_DEPTH_MAX * 2 + 3] = {0};
	struct jraw v;

	memset(text, '[', JRAW_DEPTH_MAX);
	memset(text + JRAW_DEPTH_MAX, ']', JRAW_DEPTH_MAX);
	cr_assert_eq(check(text, &v), 0);
	memset(text, '[', JRAW_DEPTH_MAX + 1);
	memset(text + JRAW_DEPTH_MAX + 1, ']', JRAW_DEPTH_MAX + 1);
	/* the deepest may be empty, so that it is never entered */
	memmove(text + JRAW_DEPTH_MAX + 2, text + JRAW_DEPTH_MAX + 1, JRAW_DEPTH_MAX);
	text[JRAW_DEPTH_MAX + 1] = '1';
	cr_assert_eq(check(text, &v), -1);
}

Test(jraw, finds_members_and_walks_what_is_nested)
{
	static const char text[] = "{ \"x\" : {\"a\":\"}\\\"]\"} , \"a\":[1, {\"b\":[]} ,"
				   "\"two\"],\"n\":12,\"z\":null }";
	struct jraw v, a, one;
	size_t at = 0;

	cr_assert_eq(check(text, &v), 0);
	a = jraw_get(v, "a");
	cr_assert_eq(jraw_kind(a), '[');
	cr_assert(jraw_next(a, &at, NULL, &one) && jraw_int(one, -1) == 1);
	cr_assert(jraw_next(a, &at, NULL, &one) && jraw_kind(one) == '{');
	cr_assert(jraw_next(a, &at, NULL, &one) && jraw_is(one, "two"));
	cr_assert_not(jraw_next(a, &at, NULL, &one));
	cr_assert_eq(jraw_int(jraw_get(v, "n"), -1), 12);
	cr_assert_eq(jraw_kind(jraw_get(v, "z")), 'n');
	cr_assert_eq(jraw_kind(jraw_get(v, "b")), 0);
	cr_assert_eq(jraw_kind(jraw_get(jraw_get(v, "n"), "b")), 0);
}

Test(jraw, takes_whole_numbers_up_to_2_to_the_53)
{
	static const struct {
		const char *text;
		int64_t n;
	} all[] = {{"0", 0}, {"9007199254740992", INT64_C(9007199254740992)},
	    {"9007199254740993", -1}, {"-1", -1}, {"1.0", -1}, {"1e3", -1}, {"\"1\"", -1},
	    {"99999999999999999999", -1}, {"null", -1}};
	struct jraw v;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		cr_assert_eq(check(all[i].text, &v), 0);
		cr_assert_eq(jraw_int(v, -1), all[i].n, "%s", all[i].text);
	}
}

static const char *
decoded(const char *a, const char *b, struct buf *out)
{
	struct jraw v;
	unsigned high = 0;

	buf_clear(out);
	cr_assert_eq(check(a, &v), 0);
	cr_assert_eq(jraw_decode(v, &high, out), 0);
	if (b) {
		cr_assert_eq(check(b, &v), 0);
		cr_assert_eq(jraw_decode(v, &high, out), 0);
	}
	return buf_str(out);
}

Test(jraw, puts_a_surrogate_pair_together_also_over_two_strings)
{
	struct buf b;

	buf_init(&b, 1000);
	cr_assert_str_eq(decoded("\"\\ud83d\\udd25\"", NULL, &b), "\xf0\x9f\x94\xa5");
	cr_assert_str_eq(decoded("\"a\\ud83d\"", "\"\\udd25b\"", &b),
	    "a\xf0\x9f\x94\xa5"
	    "b");
	cr_assert_str_eq(decoded("\"\\ud83d\"", "\"b\"", &b),
	    "\xef\xbf\xbd"
	    "b");
	cr_assert_str_eq(
	    decoded("\"\\udd25\\ud83d\\n\"", NULL, &b), "\xef\xbf\xbd\xef\xbf\xbd\n");
	cr_assert_str_eq(decoded("\"\\ud83d\\ud83d\\udd25\"", NULL, &b),
	    "\xef\xbf\xbd\xf0\x9f\x94\xa5");
	buf_fini(&b);
}

Test(jraw, sees_half_pairs_and_nuls_in_a_text)
{
	static const struct {
		const char *text;
		unsigned flaws;
	} all[] = {{"\"\\ud83d\\udd25\"", 0}, {"\"\\ud83d\"", JRAW_HALF},
	    {"\"\\udd25\"", JRAW_HALF}, {"\"\\ud83dx\\udd25\"", JRAW_HALF},
	    {"\"\\ud83d\\n\\udd25\"", JRAW_HALF}, {"\"\\\\ud83d\"", 0},
	    {"\"\\u0000\"", JRAW_NUL}, {"\"\\\\u0000\"", 0},
	    {"[\"\\u0000\",\"\\udfff\"]", JRAW_NUL | JRAW_HALF},
	    {"\"\\ud83d\\ud83d\\udd25\"", JRAW_HALF}};
	struct jraw v;

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		cr_assert_eq(check(all[i].text, &v), 0);
		cr_assert_eq(jraw_flaws(v), all[i].flaws, "%s", all[i].text);
	}
}

Test(jraw, writes_any_bytes_as_a_string_that_passes_the_check)
{
	static const char raw[] = "a\"\\\b\f\n\r\t\x01\x7f\xc3\xa9\xff\xed\xa0\x80\0z";
	struct buf b;
	struct jraw v;
	struct err e = {0};

	buf_init(&b, 1000);
	cr_assert_eq(jraw_add_string(&b, raw, sizeof raw - 1), 0);
	cr_assert_eq(jraw_check(b.data, b.len, &v, &e), 0, "%s", e.words);
	cr_assert_str_eq(b.data,
	    "\"a\\\"\\\\\\b\\f\\n\\r\\t\\u0001\x7f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
	    "\xef\xbf\xbd\xef\xbf\xbdz\"");
	buf_fini(&b);
	buf_init(&b, 4);
	cr_assert_eq(jraw_add_string(&b, "abc", 3), -1);
	cr_assert_eq(b.len, 0, "and it stays as it was");
	buf_fini(&b);
}

Test(jraw, cuts_a_text_between_two_characters)
{
	char small[5];
	struct jraw v;

	cr_assert_eq(check("\"abc\xc3\xa9\"", &v), 0);
	cr_assert_str_eq(jraw_text(v, small, sizeof small), "abc");
	cr_assert_eq(
	    check("\"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
		  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\"",
		&v),
	    0);
	cr_assert_str_eq(jraw_text(v, small, sizeof small), "\xc3\xa9\xc3\xa9");
	cr_assert_str_eq(jraw_text((struct jraw){NULL, 0}, small, sizeof small), "");
}
