/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "host/request.h"
#include "wire/verbs.h"

Test(host_request, knows_each_word_of_the_table)
{
	for (int v = 0; v < VERBS; v++)
		cr_assert_eq(request_verb(verb_rows[v].name), v);
}

Test(host_request, refuses_everything_around_a_verb)
{
	static const char *const bad[] = {"", " ", "status ", " status", "status\n",
	    "STATUS", "statu", "statuss", "status;id", "status\tx", "cycle\r",
	    "\xef\xbb\xbf\x63ycle", "cycl\xc4\x99", "start stop", "-h", "--version",
	    "ststop"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(request_verb(bad[i]), -1, "\"%s\"", bad[i]);
}

Test(host_request, refuses_an_absent_command)
{
	cr_assert_eq(request_verb(NULL), -1);
}

Test(host_request, refuses_each_verb_with_one_byte_changed)
{
	for (int v = 0; v < VERBS; v++)
		for (size_t i = 0; i < verb_rows[v].len; i++)
			for (int bit = 0; bit < 8; bit++) {
				char word[32];

				snprintf(word, sizeof(word), "%s", verb_rows[v].name);
				word[i] = (char)(word[i] ^ (1 << bit));
				cr_assert_eq(request_verb(word), -1);
			}
}

Test(host_request, its_refusal_names_the_table_in_order)
{
	const char *p = REQUEST_REFUSAL;

	for (int v = 0; v < VERBS; v++) {
		p = strstr(p, verb_rows[v].name);
		cr_assert_not_null(p, "%s is not in the refusal", verb_rows[v].name);
		p += verb_rows[v].len;
	}
	cr_assert_eq(*p, '\0');
}
