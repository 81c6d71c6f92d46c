/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the words of the command line that look back; "breakglass" becomes it. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/record.h"

struct word {
	const char *name;
	int (*run)(int argc, char **argv, const struct options *o);
};

static const struct word words[] = {
    {"export", export_main},
    {"incidents", incidents_main},
    {"journal", show_main},
    {"report", report_main},
};

static int
run_word(int argc, char **argv, const struct options *o)
{
	if (argc > 2 && strcmp(argv[1], "journal") == 0 && strcmp(argv[2], "verify") == 0)
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
	if (options_load(&o, &err) < 0)
		return record_fail(&err);
	rc = run_word(argc, argv, &o);
	options_fini(&o);
	if (fflush(stdout) != 0 && rc == RECORD_OK)
		rc = RECORD_FAILED; /* a full disk behind a redirection */
	return rc;
}
