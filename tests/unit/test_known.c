/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/known.h"
#include "base/locked.h"
#include "base/log.h"

#define TOKEN "xoxp-7Hq2mVb9Kd3Rw8Zt5Yc1"

/* What a walk over text in pieces of n bytes finds: how many, and where the first is. */
static int
found(const char *text, size_t n, uint64_t *first)
{
	size_t len = strlen(text), used;
	struct known_walk w;
	uint64_t from;
	int count = 0;

	known_begin(&w, false);
	for (size_t at = 0; at < len; at += n) {
		size_t piece = len - at < n ? len - at : n;

		used = 0;
		while (known_next(&w, text + at, piece, &used, &from))
			if (count++ == 0 && first)
				*first = from;
	}
	return count;
}

Test(known, a_secret_is_found_whole_and_by_its_parts_however_it_comes)
{
	uint64_t first = 0;

	known_add(TOKEN, strlen(TOKEN));
	for (size_t n = 1; n < 40; n++) {
		cr_assert(found("say " TOKEN "!", n, &first) > 0);
		cr_assert_eq(first, 4);
	}
	cr_assert(found("xx7Hq2mVb9Kd3Rw8Zt5Yc1", 100, NULL) > 0, "a part");
	cr_assert(found("xoxp-7Hq2 mVb9K\nd3Rw8Zt5Y\tc1", 100, NULL) > 0, "broken up");
	cr_assert_eq(found("xoxp-7Hq2mVb9Kd3Rw", 100, NULL), 0, "too short a part");
	cr_assert_eq(found("xoxp-8Hq2mVb9Kd3Rw8Zt5Yc2", 100, NULL), 0);
	known_forget(TOKEN, strlen(TOKEN));
	cr_assert_eq(found(TOKEN, 100, NULL), 0);
}

Test(known, base64_and_hex_of_it_are_found)
{
	/* printf %s ...TOKEN | base64, with one and two bytes in front; xxd -p of it */
	static const char *const forms[] = {"eG94cC03SHEybVZiOUtkM1J3OFp0NVljMQ==",
	    "LXhveHAtN0hxMm1WYjlLZDNSdzhadDVZYzE=",
	    "LS14b3hwLTdIcTJtVmI5S2QzUnc4WnQ1WWMx",
	    "786f78702d374871326d5662394b64335277385a74355963310a",
	    "786F78702D374871326D5662394B64335277385A74355963310A"};

	known_add(TOKEN, strlen(TOKEN));
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		cr_assert(found(forms[i], 100, NULL) > 0, "%s", forms[i]);
}

Test(known, a_list_of_numbers_is_not_the_hex_of_a_secret_with_digits)
{
	known_add("sk-with-0123456789", 18);
	cr_assert_eq(
	    found("29\n30\n31\n32\n33\n34\n35\n36\n37\n38\n39\n40\n", 9, NULL), 0);
	cr_assert(found("736b2d776974682d30313233343536373839", 9, NULL) > 0);
}

Test(known, a_short_one_is_found_whole_and_a_very_short_one_is_not_known)
{
	known_add("long-pa55phrase", 15);
	known_add("sh0rt", 5);
	cr_assert_eq(found("the long-pa55phrase is sh0rt", 3, NULL), 1);
	cr_assert_eq(found("long-pa55phras", 3, NULL), 0);
	known_forget("long-pa55phrase", 15);
	known_forget("long-pa55phrase", 15);
	cr_assert_eq(found("the long-pa55phrase", 3, NULL), 0);
	known_add("long-pa55phrase", 15);
	cr_assert_eq(found("the long-pa55phrase", 3, NULL), 1);
}

Test(known, a_beginning_is_in_doubt_until_the_rest_has_come)
{
	struct known_walk w;
	uint64_t from;
	size_t used = 0;

	known_add(TOKEN, strlen(TOKEN));
	known_begin(&w, false);
	cr_assert_not(known_next(&w, "say xoxp-7H", 11, &used, &from));
	cr_assert_eq(known_doubt(&w), 4);
	used = 0;
	cr_assert_not(known_next(&w, " no", 3, &used, &from));
	cr_assert_eq(known_doubt(&w), 14, "nothing is in doubt");
}

Test(known, a_line_of_json_stays_json)
{
	char line[] = "{\"a\":\"xoxp-7Hq2\\nmVb9Kd3Rw8Zt5Yc1\\u00e9\",\"b\":1}";
	char quoted[] = "{\"a\":\"\\\"quo\\\"ted\\\\pw12\"}";

	known_add(TOKEN, strlen(TOKEN));
	known_blot(line, strlen(line), true);
	cr_assert_str_eq(line, "{\"a\":\"[secret]*\\n****************\\u00e9\",\"b\":1}");
	known_add("\"quo\"ted\\pw12", 13);
	known_blot(quoted, strlen(quoted), true);
	cr_assert_null(strstr(quoted, "ted"), "%s", quoted);
	cr_assert_eq(strlen(quoted), strlen("{\"a\":\"\\\"quo\\\"ted\\\\pw12\"}"));
	cr_assert(quoted[5] == '"' && quoted[strlen(quoted) - 2] == '"', "%s", quoted);
}

Test(known, a_dummy_that_is_a_word_blots_out_nothing)
{
	known_add("anthropic", 9);
	known_add("not-needed-here", 15);
	known_add("123456789012", 12);
	cr_assert_eq(
	    found("anthropic is not-needed-here, call 123456789012", 9, NULL), 0);
}

Test(known, a_record_stays_that_record_whatever_is_secret)
{
	static const char before[] = "{\"t\":\"tool_end_of_a_long_name\",\"data\":\"x\","
				     "\"cache_creation_input_tokens\":\"it says "
				     "cache_creation_input_tokens\",\"by\":\"agent\"}";
	char line[sizeof before];

	memcpy(line, before, sizeof line);
	known_add("cache_creation_input_tokens", 27);
	known_add("tool_end_of_a_long_name", 23);
	known_add("input_tokens\",\"by\":\"agent\"}", 28);
	known_blot(line, strlen(line), true);
	cr_assert_str_eq(line,
	    "{\"t\":\"tool_end_of_a_long_name\",\"data\":\"x\","
	    "\"cache_creation_input_tokens\":\"it says "
	    "[secret]*******************\",\"by\":\"[secr\"}",
	    "%s", line);
}

/* So large that there is room for one. */
static void
fill(char *secret, size_t len, unsigned x)
{
	for (size_t i = 0; i < len; i++) {
		x = x * 1103515245 + 12345;
		secret[i] = (char)(33 + (x >> 16) % 90);
	}
}

Test(known, what_finds_no_room_says_so_and_what_is_forgotten_makes_room, .timeout = 120)
{
	static char a[16384], b[16384];

	fill(a, sizeof a, 1);
	fill(b, sizeof b, 2);
	cr_assert(known_add(a, sizeof a));
	cr_assert_not(known_add(b, sizeof b));
	known_forget(b, sizeof b);
	known_forget(a, sizeof a);
	cr_assert(known_add(b, sizeof b));
}

static bool refuse;

/* In place of libc's. */
int
madvise(void *p, size_t len, int advice)
{
	if (refuse)
		errno = EINVAL;
	return refuse ? -1 : (int)syscall(SYS_madvise, p, len, advice);
}

Test(known, memory_that_is_not_guarded_is_no_reason_to_wait, .timeout = 120)
{
	enum locked_kind kind;
	void *p;

	refuse = true;
	log_open("/dev/null", 2);
	cr_assert(known_add(TOKEN, strlen(TOKEN)));
	p = locked_new_ordinary(4096, &kind, NULL);
	cr_assert_eq(kind, LOCKED_PLAIN);
	locked_free(p, 4096);
	log_close();
	refuse = false;
}

Test(known, what_overlaps_is_one_and_what_is_apart_is_two)
{
	char text[] = TOKEN " and " TOKEN;

	known_add(TOKEN, strlen(TOKEN));
	known_blot(text, strlen(text), false);
	cr_assert_str_eq(text, "[secret]***************** and [secret]*****************");
}

Test(known, ten_thousand_that_come_and_go_leave_no_trace_and_hide_no_other)
{
	char other[64];

	known_add(TOKEN, strlen(TOKEN));
	for (int i = 0; i < 10000; i++) {
		int n = snprintf(other, sizeof other, "an-hour-s-token-%d-%d", i, i * 7);

		known_add(other, (size_t)n);
		known_forget(other, (size_t)n);
	}
	cr_assert_eq(found("an-hour-s-token-9-63 an-hour-s-token-77-539", 9, NULL), 0);
	cr_assert(found(TOKEN, 9, NULL) > 0);
}
