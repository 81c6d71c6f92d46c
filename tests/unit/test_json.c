/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is JSON and what is not: RFC 8259 to the letter, and our limits. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "wire/json.h"
#include "wire/json_check.h"

struct text {
	const char *s;
	size_t len;
	const char *why; /* a part of the words */
};

#define T(literal, why)                           \
	{                                         \
		literal, sizeof(literal) - 1, why \
	}

static const struct text bad[] = {
    T("", "too early"),
    T(" ", "too early"),
    T("{", "too early"),
    T("{\"a\"", "too early"),
    T("{\"a\":", "too early"),
    T("{\"a\":1", "too early"),
    T("{\"a\":1,", "too early"),
    T("{\"a\":\"x", "too early"),
    T("{\"a\":\"\\", "too early"),
    T("{\"a\":\"\\u00", "too early"),
    T("{\"a\":tru", "too early"),
    T("{\"a\":-", "too early"),
    T("[]", "not a JSON object"),
    T("\"a\"", "not a JSON object"),
    T("17", "not a JSON object"),
    T("null", "not a JSON object"),
    T("{} {}", "behind"),
    T("{}x", "behind"),
    T("{}\0", "behind"),
    T("{}/*", "behind"),
    T("\xef\xbb\xbf{}", "no value"),
    T("{a:1}", "name"),
    T("{'a':1}", "name"),
    T("{\"a\":'b'}", "no value"),
    T("{\"a\":1,}", "name"),
    T("{,}", "name"),
    T("{\"a\":[1,]}", "no value"),
    T("{\"a\":[,1]}", "no value"),
    T("{\"a\" 1}", "colon"),
    T("{\"a\"::1}", "no value"),
    T("{\"a\":1 \"b\":2}", "comma"),
    T("{\"a\":[1}", "comma"),
    T("{\"a\":[1]]", "comma"),
    T("{\"a\":/**/1}", "no value"),
    T("{\"a\":\v1}", "no value"),
    T("{\"a\":\xc2\xa0"
      "1}",
	"no value"),
    /* numbers */
    T("{\"a\":NaN}", "no value"),
    T("{\"a\":nan}", "no value"),
    T("{\"a\":Infinity}", "no value"),
    T("{\"a\":-Infinity}", "digit"),
    T("{\"a\":inf}", "no value"),
    T("{\"a\":01}", "comma"),
    T("{\"a\":-01}", "comma"),
    T("{\"a\":+1}", "no value"),
    T("{\"a\":.5}", "no value"),
    T("{\"a\":1.}", "digit"),
    T("{\"a\":1e}", "digit"),
    T("{\"a\":1e+}", "digit"),
    T("{\"a\":0x10}", "comma"),
    T("{\"a\":1e999}", "too large"),
    T("{\"a\":[{\"b\":-1e999}]}", "too large"),
    T("{\"a\":9223372036854775808}", "too long"),
    T("{\"a\":-9223372036854775809}", "too long"),
    T("{\"a\":99999999999999999999}", "too long"),
    T("{\"a\":0.000000000000000000000000000000000000000000000000000000000000000001}",
	"too long"),
    T("{\"a\":True}", "no value"),
    T("{\"a\":undefined}", "no value"),
    /* strings */
    T("{\"a\":\"\n\"}", "control byte"),
    T("{\"a\":\"\t\"}", "control byte"),
    T("{\"a\":\"\0\"}", "control byte"),
    T("{\"a\":\"\x1b[2J\"}", "control byte"),
    T("{\"a\n\":1}", "control byte"),
    T("{\"a\":\"\\x41\"}", "escape"),
    T("{\"a\":\"\\\0\"}", "escape"),
    T("{\"a\":\"\\'\"}", "escape"),
    T("{\"a\":\"\\u00g0\"}", "hexadecimal"),
    T("{\"a\":\"\\u 041\"}", "hexadecimal"),
    T("{\"a\":\"\\ud800\"}", "half"),
    T("{\"a\":\"\\ud800x\"}", "half"),
    T("{\"a\":\"\\ud800\\n\"}", "half"),
    T("{\"a\":\"\\ud800\\u0041\"}", "half"),
    T("{\"a\":\"\\ud800\\ud800\"}", "half"),
    T("{\"a\":\"\\udc00\"}", "half"),
    T("{\"a\":\"\\udc00\\ud800\"}", "half"),
    T("{\"\\ud800\":1}", "half"),
    /* UTF-8 */
    T("{\"a\":\"\xff\"}", "UTF-8"),
    T("{\"a\":\"\x80\"}", "UTF-8"),
    T("{\"a\":\"\xc0\x80\"}", "UTF-8"),
    T("{\"a\":\"\xc0\xaf\"}", "UTF-8"),
    T("{\"a\":\"\xc1\xbf\"}", "UTF-8"),
    T("{\"a\":\"\xe0\x80\xaf\"}", "UTF-8"),
    T("{\"a\":\"\xf0\x80\x80\xaf\"}", "UTF-8"),
    T("{\"a\":\"\xed\xa0\x80\"}", "UTF-8"),
    T("{\"a\":\"\xed\xb0\x80\"}", "UTF-8"),
    T("{\"a\":\"\xf4\x90\x80\x80\"}", "UTF-8"),
    T("{\"a\":\"\xf8\x88\x80\x80\x80\"}", "UTF-8"),
    T("{\"a\":\"\xe2\x82\"}", "UTF-8"),
    T("{\"\xe2\x82\":1}", "UTF-8"),
    T("{\"a\":\xe2\x82\xac}", "no value"),
    /* names */
    T("{\"a\":1,\"a\":2}", "twice"),
    T("{\"a\":1,\"b\":{},\"a\":1}", "twice"),
    T("{\"a\":1,\"\\u0061\":2}", "twice"),
    T("{\"b\":{\"a\":1,\"a\":2}}", "twice"),
    T("{\"b\":[[{\"c\":{\"a\":1,\"a\":2}}]]}", "twice"),
    T("{\"\":1,\"\":2}", "twice"),
    T("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", "twice"),
    T("{\"t\\u0000x\":1}", "NUL in a name"),
    T("{\"a\":{\"\\u0000\":1}}", "NUL in a name"),
};

static const struct text good[] = {
    T("{}", ""),
    T(" \t\r\n{ \t\r\n} \t\r\n", ""),
    T("{\"a\":[],\"b\":{},\"c\":[{}],\"\":null}", ""),
    T("{\"a\":0,\"b\":-0,\"c\":0.0,\"d\":1e5,\"e\":1E-5,\"f\":-1.25e+2}", ""),
    T("{\"a\":9223372036854775807,\"b\":-9223372036854775808}", ""),
    T("{\"a\":1e308,\"b\":1e-999}", ""),
    T("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", ""),
    T("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u20ac\\uD83D\\uDE00\"}", ""),
    T("{\"a\":\"\\u0000\"}", ""),
    T("{\"a\":\"NaN 'x' I: : // \x7f\"}", ""),
    T("{\"a\":\"\xc2\x80 \xe2\x82\xac \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\"}", ""),
};

Test(json_strict, all_that_is_no_strict_json_is_refused_with_the_reason)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = {0};
		/* of its exact size: nothing behind it is read */
		char *copy = mem_alloc(bad[i].len + 1);
		struct js *j;

		memcpy(copy, bad[i].s, bad[i].len);
		copy = mem_resize(copy, bad[i].len ? bad[i].len : 1);
		j = js_parse(copy, bad[i].len, &err);
		cr_expect_null(j, "taken: %s", bad[i].s);
		cr_expect(strstr(err.words, bad[i].why), "%s: \"%s\" is not in \"%s\"",
		    bad[i].s, bad[i].why, err.words);
		js_free(j);
		free(copy);
	}
}

Test(json_strict, what_is_json_is_taken_and_prints_so_that_it_reads_the_same)
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		struct err err = {0};
		struct js *j = js_parse(good[i].s, good[i].len, &err), *again;
		struct buf once, twice;

		cr_assert_not_null(j, "%s: %s", good[i].s, err.words);
		buf_init(&once, 4096);
		buf_init(&twice, 4096);
		cr_assert_eq(js_print(j, &once), 0);
		again = js_parse(once.data, once.len, &err);
		cr_assert_not_null(again, "%s: %s", once.data, err.words);
		cr_assert_eq(js_print(again, &twice), 0);
		cr_assert_str_eq(buf_str(&once), buf_str(&twice));
		js_free(again);
		js_free(j);
		buf_fini(&once);
		buf_fini(&twice);
	}
}

/* before, piece n times, between, after n times, behind. */
static struct js *
parse_many(const char *before, const char *piece, size_t n, const char *between,
    const char *after, size_t m, const char *behind)
{
	struct err err = {0};
	struct buf b;
	struct js *j;
	int rc = 0;

	buf_init(&b, JS_TEXT_MAX + 4096);
	rc |= buf_add_str(&b, before);
	for (size_t i = 0; i < n; i++)
		rc |= buf_add_str(&b, piece);
	rc |= buf_add_str(&b, between);
	for (size_t i = 0; i < m; i++)
		rc |= buf_add_str(&b, after);
	rc |= buf_add_str(&b, behind);
	cr_assert_eq(rc, 0);
	j = js_parse(b.data, b.len, &err);
	buf_fini(&b);
	return j;
}

Test(json_strict, the_limits_are_where_they_say)
{
	struct js *j;

	j = parse_many("{\"a\":", "[", JS_DEPTH_MAX - 1, "1", "]", JS_DEPTH_MAX - 1, "}");
	cr_assert_not_null(j);
	js_free(j);
	j = parse_many(
	    "{\"a\":", "[", JS_DEPTH_MAX - 2, "{}", "]", JS_DEPTH_MAX - 2, "}");
	cr_assert_not_null(j);
	js_free(j);
	cr_assert_null(
	    parse_many("{\"a\":", "[", JS_DEPTH_MAX, "", "]", JS_DEPTH_MAX, "}"));
	cr_assert_null(parse_many("{\"a\":", "[", 1000000, "", "]", 1000000, "}"));
	cr_assert_null(parse_many("", "{\"a\":", 1000000, "1", "}", 1000000, ""));

	j = parse_many("{\"a\":[0", ",0", JS_VALUES_MAX - 3, "]}", "", 0, "");
	cr_assert_not_null(j);
	js_free(j);
	cr_assert_null(parse_many("{\"a\":[0", ",0", JS_VALUES_MAX - 2, "]}", "", 0, ""));

	j = parse_many("{\"a\":[[]", ",[]", JS_HOLDERS_MAX - 3, "]}", "", 0, "");
	cr_assert_not_null(j);
	js_free(j);
	cr_assert_null(
	    parse_many("{\"a\":[[]", ",[]", JS_HOLDERS_MAX - 2, "]}", "", 0, ""));

	cr_assert_null(parse_many("{", " ", JS_TEXT_MAX, "}", "", 0, ""));
	j = parse_many("{", " ", JS_TEXT_MAX - 2, "}", "", 0, "");
	cr_assert_not_null(j);
	js_free(j);
}

Test(json_strict, a_string_with_a_nul_equals_no_string_without)
{
	static const char text[] = "{\"a\":\"cycle\\u0000 x\",\"b\":[\"cycle\\u0000\"]}";
	struct err err = {0};
	struct js *j = js_parse(text, sizeof text - 1, &err);
	const char *s;
	size_t len;

	cr_assert_not_null(j);
	cr_assert_not(js_is(j, "a", "cycle"));
	cr_assert_null(js_str(j, "a"));
	s = js_strn(j, "a", &len);
	cr_assert_eq(len, 8);
	cr_assert_arr_eq(s, "cycle\0 x", 8);
	s = js_at_str(js_get_array(j, "b"), 0, &len);
	cr_assert_eq(len, 6);
	cr_assert_arr_eq(s, "cycle\0", 6);
	js_free(j);
}

Test(json_strict, a_foreign_text_may_have_half_a_pair_and_a_number_of_any_size)
{
	static const char *const refused[] = {"{\"\\ud800\":1}", "{\"a\":1,\"a\":2}",
	    "{\"a\\u0000\":1}", "{\"a\":NaN}", "{\"a\":\"\n\"}", "{} x",
	    "{\"a\":\"\xff\"}", "{\"a\":1e999}"};
	static const char mixed[] = "{\"a\":\"\\ud836\\u0041\\ud836\\udc00\\ud836\\\\\"}";
	static const char text[] =
	    "{\"a\":\"x\\ud83d\",\"b\":\"\\ude00y\",\"c\":99999999999999999999}";
	struct err err = {0};
	struct js *j = js_parse_foreign(text, sizeof text - 1, &err);

	cr_assert_not_null(j, "%s", err.words);
	cr_assert_str_eq(js_str(j, "a"), "x\xef\xbf\xbd");
	cr_assert_str_eq(js_str(j, "b"), "\xef\xbf\xbdy");
	js_free(j);
	j = js_parse_foreign(mixed, sizeof mixed - 1, &err);
	cr_assert_str_eq(js_str(j, "a"),
	    "\xef\xbf\xbd"
	    "A\xf0\x9d\xa0\x80\xef\xbf\xbd\\");
	js_free(j);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		cr_expect_null(js_parse_foreign(refused[i], strlen(refused[i]), &err),
		    "taken: %s", refused[i]);
}

/* The journal and the sockets are made of this: no other byte may come out of it. */
Test(json_strict, every_code_point_and_every_bad_byte_prints_as_printable_ascii)
{
	struct buf in, out;
	struct err err = {0};
	struct js *j = js_new(), *again;
	const char *s;
	size_t len;

	buf_init(&in, 8 << 20);
	buf_init(&out, 32 << 20);
	for (uint32_t cp = 0; cp < 0x110000; cp++) {
		char text[4];

		if (cp < 0xd800 || cp > 0xdfff)
			cr_assert_eq(buf_add(&in, text, text_encode(cp, text)), 0);
	}
	js_set_strn(j, "all", in.data, in.len);
	js_set_strn(j, "bad", "\x80\xff\xc0\xaf\xed\xa0\x80\x1b\x9b", 9);
	js_set_int(j, "\x1b[2J\xc2\x9b\xe2\x80\xae\x7f", 1);
	cr_assert_eq(js_print(j, &out), 0);
	for (size_t i = 0; i < out.len; i++)
		cr_assert(out.data[i] >= 0x20 && out.data[i] < 0x7f, "byte %zu is %02x",
		    i, (unsigned char)out.data[i]);
	again = js_parse(out.data, out.len, &err);
	cr_assert_not_null(again, "%s", err.words);
	s = js_strn(again, "all", &len);
	cr_assert_eq(len, in.len);
	cr_assert(memcmp(s, in.data, len) == 0);
	js_free(again);
	js_free(j);
	buf_fini(&in);
	buf_fini(&out);
}
