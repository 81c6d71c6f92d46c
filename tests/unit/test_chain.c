/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chain through a journal: known hashes, and what is no h. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"
#include "wire/chain.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

Test(chain, begins_with_64_zeros)
{
	char head[CHAIN_HEX + 1];

	chain_begin(head);
	cr_assert_str_eq(head, ZEROS);
}

/* printf '%s%s' "$ZEROS" '{"t":"note","seq":1' | sha256sum, and the next one. */
Test(chain, is_what_sha256sum_says_of_the_previous_digits_and_the_body)
{
	char head[CHAIN_HEX + 1];

	chain_begin(head);
	chain_next(head, "{\"t\":\"note\",\"seq\":1", 19);
	cr_assert_str_eq(
	    head, "d0e21b7abcebf53eb9d6541362bbaba3a090b320fbec985f805f2d023190d458");
	chain_next(head, "{\"t\":\"note\",\"seq\":2", 19);
	cr_assert_str_eq(
	    head, "1f07daa2b48bbc563f1bd0c9484de9d8a968c9903811d1d03860104b718b3f91");
}

Test(chain, one_changed_byte_changes_all_that_follows)
{
	char a[CHAIN_HEX + 1], b[CHAIN_HEX + 1];

	chain_begin(a);
	chain_begin(b);
	chain_next(a, "one", 3);
	chain_next(b, "onf", 3);
	cr_assert_str_neq(a, b);
	chain_next(a, "two", 3);
	chain_next(b, "two", 3);
	cr_assert_str_neq(a, b);
}

static void
assert_no_h(const char *line)
{
	char h[CHAIN_HEX + 1] = "as it was";
	size_t body = 7;

	cr_assert_not(chain_split(line, strlen(line), &body, h), "%s", line);
	cr_assert_eq(body, 7);
	cr_assert_str_eq(h, "as it was");
}

Test(chain, a_line_is_split_into_body_and_h)
{
	static const char line[] = "{\"t\":\"note\",\"seq\":1,\"h\":\"" ZEROS "\"}";
	char h[CHAIN_HEX + 1];
	size_t body = 0;

	cr_assert(chain_split(line, sizeof line - 1, &body, h));
	cr_assert_eq(body, 19);
	cr_assert_str_eq(h, ZEROS);
}

Test(chain, what_does_not_end_exactly_so_has_no_h)
{
	assert_no_h("");
	assert_no_h("{\"t\":\"note\",\"seq\":1}");
	assert_no_h("{\"t\":\"note\",\"h\":\"" ZEROS "\"} ");
	assert_no_h("{\"t\":\"note\",\"h\":\"" ZEROS "\",\"x\":1}");
	assert_no_h("{\"t\":\"note\", \"h\":\"" ZEROS "\"}");
	assert_no_h("{\"t\":\"note\",\"h\":\"0" ZEROS "\"}");
	assert_no_h("{\"t\":\"note\",\"h\":\"0000000000000000000000000000000000000000000"
		    "00000000000000000000A\"}");
	assert_no_h(",\"h\":\"" ZEROS "\""); /* one byte too short */
}

Test(chain, each_digit_of_an_h_is_0_to_9_or_a_to_f)
{
	char line[CHAIN_TAIL + 1], h[CHAIN_HEX + 1];
	size_t body;

	for (int c = 1; c < 256; c++) {
		bool fits = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');

		for (size_t at = 0; at < CHAIN_HEX; at += CHAIN_HEX - 1) {
			memcpy(line, ",\"h\":\"" ZEROS "\"}", CHAIN_TAIL + 1);
			line[6 + at] = (char)c;
			body = 7;
			cr_assert_eq(chain_split(line, CHAIN_TAIL, &body, h), fits,
			    "%d at %zu", c, at);
			cr_assert_eq(body, fits ? 0 : 7);
			cr_assert(!fits || (strlen(h) == CHAIN_HEX && h[at] == (char)c));
		}
	}
}

Test(chain, each_byte_around_an_h_counts)
{
	static const char right[] = "x,\"h\":\"" ZEROS "\"}";
	char line[sizeof right];

	memcpy(line, right, sizeof right);
	for (size_t at = 1; at < sizeof right - 1; at++) {
		line[at] ^= 0x60;
		assert_no_h(line);
		line[at] = right[at];
	}
	assert_no_h(right + 2);
}

Test(chain, ends_with_a_nul_whatever_stood_there)
{
	static const char line[] = ",\"h\":\"" ZEROS "\"}";
	char text[CHAIN_HEX + 2];
	size_t body;

	memset(text, 'x', sizeof text);
	chain_begin(text);
	cr_assert_eq(strlen(text), CHAIN_HEX);
	memset(text, 'x', sizeof text);
	cr_assert(chain_split(line, sizeof line - 1, &body, text));
	cr_assert_eq(strlen(text), CHAIN_HEX);
	cr_assert_eq(text[CHAIN_HEX + 1], 'x');
	memset(text + CHAIN_HEX, 'x', 2);
	chain_next(text, "", 0);
	cr_assert_eq(strlen(text), CHAIN_HEX);
	cr_assert_eq(text[CHAIN_HEX + 1], 'x');
}

/* printf abc | sha256sum, and of nothing */
Test(chain, a_digest_in_pieces_is_that_of_the_whole)
{
	char hex[CHAIN_HEX + 2];
	struct digest *d = digest_new();

	memset(hex, 'x', sizeof hex);
	digest_add(d, "a", 1);
	digest_add(d, "", 0);
	digest_add(d, "bc", 2);
	digest_end(d, hex);
	cr_assert_str_eq(
	    hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	cr_assert_eq(hex[CHAIN_HEX + 1], 'x');
	d = digest_new();
	digest_end(d, hex);
	cr_assert_str_eq(
	    hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void
some_of_each(void)
{
	char hex[CHAIN_HEX + 1];
	struct digest *d = digest_new();

	chain_begin(hex);
	chain_next(hex, "a", 1);
	digest_add(d, hex, CHAIN_HEX);
	digest_end(d, hex);
}

Test(chain, gives_back_what_it_took)
{
	GIVES_BACK(some_of_each());
}
