/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the command line decides the role: console, engine, or a one-shot. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "become.h"
#include "command.h"

static void
use_utf8(void)
{
	if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX < 4)
		setlocale(LC_CTYPE, "C.UTF-8");
}

int
main(int argc, char **argv)
{
	struct command_opts c = {0};
	const struct command *row;
	struct options o;
	struct err err;
	char **words;
	int count, rc;
	bool ok;

	use_utf8();
	if (argc == 3 && strcmp(argv[1], "--complete") == 0)
		return command_complete(argv[2]);
	if (command_parse(&c, argc, argv, &row, &count, &words) < 0)
		return COMMAND_USAGE;
	if (c.help)
		command_help();
	else if (c.version)
		puts(PACKAGE_STRING);
	if (c.help || c.version)
		return COMMAND_OK;
	ok = options_load(&o, &err) == 0;
	if (!ok && !(row && row->run == become_doctor)) {
		fprintf(stderr, "breakglass: %s\n", err.words);
		return COMMAND_USAGE;
	}
	c.options = ok ? &o : NULL;
	rc = row ? row->run(&c, count, words) : become_console(&c);
	options_fini(&o);
	return rc;
}
