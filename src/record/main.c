/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the words of the command line that look back; "breakglass" becomes it. */
#include <getopt.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/record.h"

struct word {
	const char *name;
	int (*run)(int argc, char **argv, const struct options *o);
};

static char verify_word[] = "journal verify";

static const struct word words[] = {
    {"export", export_main},
    {"incidents", incidents_main},
    {"journal", show_main},
    {"replay", replay_main},
    {"report", report_main},
};

/* "journal verify": options that stood before the word "journal" come before "verify". */
static bool
is_verify(int argc, char **argv)
{
	int i = 2;

	if (argc < 3 || strcmp(argv[1], "journal") != 0)
		return false;
	while (i < argc && strcmp(argv[i], "--json") == 0)
		i++;
	if (i == argc || strcmp(argv[i], "verify") != 0)
		return false;
	memmove(argv + 3, argv + 2, (size_t)(i - 2) * sizeof *argv);
	argv[2] = verify_word;
	return true;
}

static int
run_word(int argc, char **argv, const struct options *o)
{
	if (is_verify(argc, argv))
		return verify_main(argc - 2, argv + 2, o);
	for (size_t i = 0; argc > 1 && i < ARRAY_LEN(words); i++)
		if (strcmp(argv[1], words[i].name) == 0)
			return words[i].run(argc - 1, argv + 1, o);
	return record_usage(argc > 1 ? argv[1] : "record", "there is no such word here");
}

int
main(int argc, char **argv)
{
	struct options o;
	struct err err;
	int rc;

	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX < 4)
		setlocale(LC_CTYPE, "C.UTF-8");
	opterr = 0; /* it would print a word with all its bytes: each command says it */
	if (options_load(&o, &err) < 0)
		return record_fail(&err);
	rc = run_word(argc, argv, &o);
	options_fini(&o);
	if (fflush(stdout) != 0 && rc == RECORD_OK)
		rc = RECORD_FAILED; /* a full disk behind a redirection */
	return rc;
}
