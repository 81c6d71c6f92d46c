/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The event stream's rules, each with its bytes; all are fed whole and cut anywhere. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/api/sse.h"

#define TEN "0123456789"

static struct buf told;

static bool
on_event(const struct sse_event *e, void *arg)
{
	size_t *left = arg;

	cr_assert_eq(buf_printf(&told, "[%s|%s|%zu|", e->name, e->id, e->len), 0);
	cr_assert_eq(buf_add(&told, e->data, e->len), 0);
	cr_assert_eq(buf_add_str(&told, "]"), 0);
	return !left || --*left > 0;
}

/* Whole, each split, and byte by byte. */
static void
expect_bytes(const char *in, size_t len, const char *want, size_t want_len)
{
	struct err e = {0};

	for (size_t cut = 0; cut <= len + 1; cut++) {
		struct sse s;

		buf_init(&told, 1 << 20);
		sse_init(&s, 1 << 16);
		if (cut <= len) {
			cr_assert_eq(sse_feed(&s, in, cut, on_event, NULL, &e), 0);
			cr_assert_eq(
			    sse_feed(&s, in + cut, len - cut, on_event, NULL, &e), 0);
		} else {
			for (size_t i = 0; i < len; i++)
				cr_assert_eq(
				    sse_feed(&s, in + i, 1, on_event, NULL, &e), 0);
		}
		sse_end(&s);
		cr_assert(
		    told.len == want_len && memcmp(buf_str(&told), want, want_len) == 0,
		    "cut at %zu: %s, not %s", cut, buf_str(&told), want);
		sse_fini(&s);
		buf_fini(&told);
	}
}

static void
expect(const char *in, const char *want)
{
	expect_bytes(in, strlen(in), want, strlen(want));
}

Test(sse, ends_lines_with_lf_crlf_or_cr)
{
	expect("data: a\n\ndata: b\n\n", "[||1|a][||1|b]");
	expect("data: a\r\n\r\ndata: b\r\n\r\n", "[||1|a][||1|b]");
	expect("data: a\r\rdata: b\r\r", "[||1|a][||1|b]");
	expect("data: a\r\n\rdata: b\n\r\n", "[||1|a][||1|b]");
	expect("data: a\n\rdata: b\r\r\n\n", "[||1|a][||1|b]");
	expect("data: a\r\ndata: b\r\n\r\n", "[||3|a\nb]");
}

Test(sse, takes_a_bare_cr_at_the_end_for_a_line_end)
{
	expect("data: a\n\r", "[||1|a]");
	expect("data: a\r\r", "[||1|a]");
}

Test(sse, discards_the_event_that_did_not_end)
{
	struct sse s;
	struct err e = {0};

	expect("data: a\n\ndata: b\n", "[||1|a]");
	expect("data: a\n\ndata: b", "[||1|a]");
	expect("data: a\n\nevent: x", "[||1|a]");
	sse_init(&s, 100);
	cr_assert_eq(sse_feed(&s, "data: a\n", 8, on_event, NULL, &e), 0);
	cr_assert(sse_end(&s), "there was one");
	cr_assert_not(sse_end(&s));
	sse_fini(&s);
}

Test(sse, passes_over_one_bom_at_the_very_begin)
{
	expect("\xef\xbb\xbf"
	       "data: a\n\n",
	    "[||1|a]");
	expect("\xef\xbb\xbf\xef\xbb\xbf"
	       "data: a\n\ndata: b\n\n",
	    "[||1|b]");
	expect("data: \xef\xbb\xbf\n\n\xef\xbb\xbf"
	       "data: b\n\n",
	    "[||3|\xef\xbb\xbf]");
	expect("\xef\xbb"
	       "data: a\n\ndata: b\n\n",
	    "[||1|b]");
	expect("\xef"
	       "data: a\n\ndata: b\n\n",
	    "[||1|b]");
}

Test(sse, takes_one_space_off_a_value_and_no_more)
{
	expect("data:a\ndata: b\ndata:  c\ndata:\td\n\n", "[||9|a\nb\n c\n\td]");
	expect("data : a\n data: b\ndata: c\n\n", "[||1|c]");
}

Test(sse, knows_a_field_without_a_colon)
{
	expect("data\n\n", "[||0|]");
	expect("data\ndata\n\n", "[||1|\n]");
	expect("data:\n\n", "[||0|]");
	expect("event: x\n\ndata: a\n\n", "[||1|a]");
	expect("event: x\nevent\ndata: a\n\n", "[||1|a]");
	expect("\n\n\ndata: a\n\n\n\n", "[||1|a]");
}

Test(sse, keeps_the_name_for_one_event_and_the_id_for_all_that_follow)
{
	expect("event: x\nid: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
	    "[x|7|1|a][|7|1|b][||1|c]");
	expect("event: x\nevent: y\ndata: a\n\n", "[y||1|a]");
}

Test(sse, ignores_an_id_with_a_nul_comments_and_what_it_does_not_know)
{
	expect_bytes("id: 7\nid: 8\0\ndata: a\n\n", 22, "[|7|1|a]", 8);
	expect(": c\n:\n::data: no\ndata: a\nfoo: b\nDATA: c\ndatax: d\n\n", "[||1|a]");
	expect_bytes("data: a\0b\n\n", 11, "[||3|a\0b]", 9);
}

Test(sse, takes_a_retry_of_digits_only)
{
	static const struct {
		const char *in;
		int64_t ms;
	} all[] = {{"retry: 2500\n", 2500}, {"retry\n", -1}, {"retry:\n", -1},
	    {"retry: 1s\n", -1}, {"retry: -1\n", -1}, {"retry: 10\nretry: x\n", 10},
	    {"retry: 0\n", 0}};
	struct err e = {0};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct sse s;

		sse_init(&s, 100);
		cr_assert_eq(
		    sse_feed(&s, all[i].in, strlen(all[i].in), on_event, NULL, &e), 0);
		cr_assert_eq(s.retry_ms, all[i].ms, "%s", all[i].in);
		sse_fini(&s);
	}
}

Test(sse, refuses_what_passes_its_maximum_and_stays_refused)
{
	static const char *const too_long[] = {
	    "data: " TEN TEN "\n\n",		/* a line */
	    "data: " TEN "\ndata: " TEN "\n\n", /* lines together */
	    ":" TEN TEN TEN,			/* a comment without an end */
	};
	struct err e = {0};

	for (size_t i = 0; i < 3; i++)
		for (size_t size = 1; size < 40; size += 19) {
			size_t len = strlen(too_long[i]);
			struct sse s;
			int rc = 0;

			buf_init(&told, 1000);
			sse_init(&s, 19);
			for (size_t at = 0; at < len && rc == 0; at += size)
				rc = sse_feed(&s, too_long[i] + at,
				    size < len - at ? size : len - at, on_event, NULL,
				    &e);
			cr_assert_eq(rc, -1);
			cr_assert_eq(e.code, ERR_LIMIT);
			cr_assert_eq(
			    sse_feed(&s, "data: a\n\n", 9, on_event, NULL, &e), -1);
			cr_assert_eq(told.len, 0);
			sse_fini(&s);
			buf_fini(&told);
		}
}

Test(sse, stops_when_it_is_told_to)
{
	static const char in[] = "data: a\n\ndata: b\n\ndata: c\n\n";
	struct err e = {0};
	struct sse s;
	size_t left = 2;

	buf_init(&told, 1000);
	sse_init(&s, 100);
	cr_assert_eq(sse_feed(&s, in, strlen(in), on_event, &left, &e), 1);
	cr_assert_str_eq(buf_str(&told), "[||1|a][||1|b]");
	sse_fini(&s);
	buf_fini(&told);
}

Test(sse, cuts_a_name_that_is_too_long_between_two_characters)
{
	struct buf in;
	struct err e = {0};
	struct sse s;

	buf_init(&in, 10000);
	buf_init(&told, 10000);
	cr_assert_eq(buf_add_str(&in, "event: x"), 0);
	for (int i = 0; i < 200; i++)
		cr_assert_eq(buf_add_str(&in, "\xc3\xa9"), 0);
	cr_assert_eq(buf_add_str(&in, "\ndata: a\n\n"), 0);
	sse_init(&s, 10000);
	cr_assert_eq(sse_feed(&s, in.data, in.len, on_event, NULL, &e), 0);
	cr_assert_eq(told.len, 1 + SSE_NAME_MAX + strlen("||1|a]"));
	sse_fini(&s);
	buf_fini(&told);
	buf_fini(&in);
}
