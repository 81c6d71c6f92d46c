/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdint.h>
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

/* What request_read makes of these arguments; the list ends with NULL. */
static struct request
read_argv(const char *original, ...)
{
	char *argv[12] = {(char *)(uintptr_t) "breakglass-pve"};
	struct request r;
	const char *a;
	int argc = 1;
	va_list ap;

	va_start(ap, original);
	while ((a = va_arg(ap, const char *)) != NULL)
		argv[argc++] = (char *)(uintptr_t)a;
	va_end(ap);
	memset(&r, 0xff, sizeof r);
	request_read(argc, argv, original, &r);
	return r;
}

Test(host_request, what_is_rejected_names_no_verb)
{
	cr_assert_eq((int)read_argv("no verb", NULL).verb, 0);
	cr_assert_eq((int)read_argv(NULL, "--worker", "x", "cycl", NULL).verb, 0);
}

Test(host_request, a_clients_word_is_a_verb)
{
	struct request r = read_argv("cycle", NULL);

	cr_assert_eq(r.kind, REQUEST_VERB);
	cr_assert_eq(r.verb, VERB_CYCLE);
	cr_assert_null(r.site);
	r = read_argv("status", "--site", "/etc/x", NULL);
	cr_assert_eq(r.kind, REQUEST_VERB);
	cr_assert_str_eq(r.site, "/etc/x");
}

Test(host_request, a_clients_word_that_is_no_verb_is_rejected)
{
	cr_assert_eq(read_argv("cycle;id", NULL).kind, REQUEST_REJECTED);
	cr_assert_eq(read_argv("--remove-lock", NULL).kind, REQUEST_REJECTED);
	cr_assert_eq(read_argv("--version", NULL).kind, REQUEST_REJECTED);
	cr_assert_eq(read_argv("", NULL).kind, REQUEST_REJECTED);
	cr_assert_eq(read_argv(NULL, NULL).kind, REQUEST_REJECTED);
}

Test(host_request, with_a_clients_word_argv_can_only_name_a_site)
{
	static const char *const others[] = {"--remove-lock", "--version"};
	static const char *const pairs[] = {"--worker", "--verb", "--from"};

	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(read_argv("cycle", others[i], NULL).kind, REQUEST_REJECTED);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(
		    read_argv("cycle", pairs[i], "x", NULL).kind, REQUEST_REJECTED);
	cr_assert_eq(read_argv("cycle", "--odd", NULL).kind, REQUEST_USAGE);
}

Test(host_request, a_worker_is_ours_alone_and_only_for_a_mutating_verb)
{
	struct request r =
	    read_argv(NULL, "--worker", "id", "--verb", "reset", "--from", "a", NULL);

	cr_assert_eq(r.kind, REQUEST_WORKER);
	cr_assert_eq(r.verb, VERB_RESET);
	cr_assert_str_eq(r.id, "id");
	cr_assert_str_eq(r.from, "a");
	cr_assert_eq(read_argv(NULL, "--worker", "id", "--verb", "status", NULL).kind,
	    REQUEST_USAGE);
	cr_assert_eq(read_argv(NULL, "--worker", "id", "--verb", "cycles", NULL).kind,
	    REQUEST_USAGE);
	cr_assert_eq(read_argv(NULL, "--worker", "id", NULL).kind, REQUEST_USAGE);
	cr_assert_eq(read_argv(NULL, "--verb", "cycle", NULL).kind, REQUEST_USAGE);
	cr_assert_eq(read_argv(NULL, "--from", "x", NULL).kind, REQUEST_USAGE);
	cr_assert_eq(
	    read_argv(NULL, "--worker", "id", "--verb", "cycle", "--remove-lock", NULL)
		.kind,
	    REQUEST_USAGE);
}

Test(host_request, a_lock_is_removed_by_hand_only)
{
	cr_assert_eq(read_argv(NULL, "--remove-lock", NULL).kind, REQUEST_UNLOCK);
	cr_assert_eq(
	    read_argv(NULL, "--remove-lock", "--site", "/x", NULL).kind, REQUEST_UNLOCK);
	cr_assert_eq(read_argv(NULL, "--version", NULL).kind, REQUEST_VERSION);
	cr_assert_eq(read_argv(NULL, "--remove-lock", "--odd", NULL).kind, REQUEST_USAGE);
	cr_assert_eq(read_argv(NULL, "--site", NULL).kind, REQUEST_USAGE);
}
