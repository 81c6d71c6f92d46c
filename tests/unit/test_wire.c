/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base64.h"
#include "wire/frame.h"
#include "wire/json.h"
#include "wire/messages.h"
#include "wire/verbs.h"

static struct js *
parse(const char *text, size_t len)
{
	struct err e;

	return js_parse(text, len, &e);
}

Test(json, refuses_what_is_no_strict_object)
{
	static const char *const bad[] = {
	    "",
	    "[]",
	    "1",
	    "{\"a\":1}{}",
	    "{'a':1}",
	    "{\"a\":NaN}",
	    "{\"a\":1,}",
	    "{\"a\":1,\"a\":2}",
	    "{\"a\":{\"b\":1,\"b\":2}}",
	    "{\"a\":\"\xff\"}",
	    "{\"a\":\"\n\"}",
	    "{\"a\":1} x",
	    "{\"a\":Infinity}",
	    "{/**/\"a\":1}",
	    "{\"a\":",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		cr_assert_null(parse(bad[i], strlen(bad[i])), "accepted: %s", bad[i]);
}

Test(json, refuses_what_is_nested_too_deep)
{
	char text[400] = "";

	for (int i = 0; i < 40; i++)
		strcat(text, "{\"a\":");
	strcat(text, "1");
	for (int i = 0; i < 40; i++)
		strcat(text, "}");
	cr_assert_null(parse(text, strlen(text)));
}

Test(json, colons_in_strings_are_no_members)
{
	const char *text = "{\"a:b\":\"c:\\\":d\",\"e\":[{\"f\":1},{\"f\":2}]}";
	struct js *j = parse(text, strlen(text));

	cr_assert_not_null(j);
	cr_assert_str_eq(js_str(j, "a:b"), "c:\":d");
	js_free(j);
}

Test(json, a_string_with_a_nul_is_no_plain_string)
{
	const char *text = "{\"verb\":\"cycle\\u0000x\"}";
	struct js *j = parse(text, strlen(text));
	size_t len;

	cr_assert_null(js_str(j, "verb"));
	cr_assert_not_null(js_strn(j, "verb", &len));
	cr_assert_eq(len, 7);
	js_free(j);
}

Test(json, lookups_do_not_convert)
{
	const char *text = "{\"n\":\"1\",\"a\":[],\"s\":1}";
	struct js *j = parse(text, strlen(text));

	cr_assert_eq(js_int(j, "n", -1), -1);
	cr_assert_null(js_str(j, "a"));
	cr_assert_null(js_str(j, "s"));
	cr_assert_null(js_get(j, "a"));
	js_free(j);
}

Test(json, prints_ascii_that_reads_back_the_same)
{
	struct js *j = js_new(), *back;
	static const char text[] =
	    "a\x1b[0m \xe2\x80\xae \xf0\x9f\x98\x80 \"\\\n\x7f\x00z";
	struct buf b;
	size_t len;

	buf_init(&b, 4096);
	js_set_strn(j, "text", text, sizeof text - 1);
	cr_assert_eq(js_print(j, &b), 0);
	for (size_t i = 0; i < b.len; i++)
		cr_assert(b.data[i] >= 0x20 && b.data[i] < 0x7f, "byte %02x", b.data[i]);
	back = parse(b.data, b.len);
	cr_assert_not_null(back, "%s", b.data);
	cr_assert_eq(memcmp(js_strn(back, "text", &len), text, sizeof text - 1), 0);
	cr_assert_eq(len, sizeof text - 1);
	js_free(back);
	js_free(j);
	buf_fini(&b);
}

Test(json, bytes_that_are_no_text_travel_as_base64)
{
	struct js *j = js_new();
	struct buf b;

	buf_init(&b, 64);
	js_set_bytes(j, "data", "\xff\x00\x01", 3);
	cr_assert(js_has(j, "data_b64"));
	cr_assert_eq(js_bytes(j, "data", &b), 0);
	cr_assert_eq(b.len, 3);
	cr_assert_eq(memcmp(b.data, "\xff\x00\x01", 3), 0);
	js_free(j);
	buf_fini(&b);
}

Test(json, a_full_buffer_is_left_as_it_was)
{
	struct js *j = js_new();
	struct buf b;

	buf_init(&b, 10);
	cr_assert_eq(buf_add_str(&b, "abc"), 0);
	js_set_str(j, "a", "a long string that does not fit");
	cr_assert_eq(js_print(j, &b), -1);
	cr_assert_eq(b.len, 3);
	js_free(j);
	buf_fini(&b);
}

Test(base64, reads_back_every_length)
{
	char in[70], text[BASE64_SIZE(70)], out[72]; /* whole groups of three */

	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (char)(i * 37);
	for (size_t n = 0; n <= sizeof in; n++) {
		size_t len = base64_encode(in, n, text);

		cr_assert_eq(base64_decode(text, len, out), (long)n);
		cr_assert_eq(memcmp(in, out, n), 0);
	}
	cr_assert_eq(base64_decode("ab!=", 4, out), -1);
	cr_assert_eq(base64_decode("abc", 3, out), -1);
}

struct got {
	int count;
	char all[256];
};

static bool
on_line(char *line, size_t len, void *arg)
{
	struct got *g = arg;

	g->count++;
	cr_assert_eq(strlen(line), len);
	strcat(g->all, line);
	strcat(g->all, "|");
	return true;
}

Test(frame, cuts_the_same_lines_wherever_the_stream_is_cut)
{
	const char *stream = "one\n\ntwo\nthree\nfo";

	for (size_t step = 1; step <= strlen(stream); step++) {
		struct got g = {0};
		struct frame f;

		frame_init(&f, 100);
		for (size_t at = 0; at < strlen(stream); at += step) {
			size_t n =
			    strlen(stream) - at < step ? strlen(stream) - at : step;

			frame_feed(&f, stream + at, n, on_line, &g);
		}
		cr_assert_str_eq(g.all, "one|two|three|");
		frame_fini(&f);
	}
}

Test(frame, a_line_that_is_too_long_does_not_cost_the_next)
{
	struct got g = {0};
	struct frame f;

	frame_init(&f, 5);
	frame_feed(&f, "1234567890\nok\n", 14, on_line, &g);
	cr_assert_str_eq(g.all, "ok|");
	cr_assert_eq(f.dropped, 1);
	frame_fini(&f);
}

Test(messages, every_name_is_found_again)
{
	for (int i = 0; i < REQUESTS; i++) {
		struct js *m = message_new(request_names[i]);

		cr_assert_eq(message_request(m), i);
		js_free(m);
	}
}

Test(messages, an_unknown_member_is_named)
{
	struct js *m = message_new("verb");
	struct err e;

	js_set_str(m, "verb", "cycle");
	js_set_str(m, "req", "1");
	cr_assert_eq(message_only(m, "verb confirm", &e), 0);
	js_set_str(m, "verb2", "x");
	cr_assert_eq(message_only(m, "verb confirm", &e), -1);
	cr_assert_not_null(strstr(e.words, "verb2"));
	js_del(m, "verb2");
	js_set_str(m, "", "x");
	cr_assert_eq(message_only(m, "verb confirm", &e), -1);
	js_free(m);
}

Test(verbs, are_six_and_exact)
{
	cr_assert_eq(VERBS, 6);
	cr_assert_eq(verb_by_name("cycle", 5), VERB_CYCLE);
	cr_assert_eq(verb_by_name("cycle\0x", 7), -1);
	cr_assert_eq(verb_by_name("cycle ", 6), -1);
	cr_assert_eq(verb_by_name("Cycle", 5), -1);
	cr_assert_eq(verb_by_name("", 0), -1);
}
