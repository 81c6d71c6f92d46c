/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The chain through a journal: known hashes, and what is no h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
