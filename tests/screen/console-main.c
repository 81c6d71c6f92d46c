/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The console alone, for tests that bring an engine of their own:
 *     console-main SOCKET [NAME] [--linear] [--read-only] [--vi] [--history FILE]
 */
#include <stdio.h>
#include <string.h>

#include "console/console.h"

int
main(int argc, char **argv)
{
	struct console_opts o = {.name = "anna"};

	if (argc < 2) {
		fprintf(stderr,
		    "usage: console-main SOCKET [NAME] [--linear] [--read-only] "
		    "[--vi] [--history FILE]\n");
		return 64;
	}
	o.socket_path = argv[1];
	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--linear") == 0)
			o.linear = true;
		else if (strcmp(argv[i], "--read-only") == 0)
			o.read_only = true;
		else if (strcmp(argv[i], "--vi") == 0)
			o.vi = true;
		else if (strcmp(argv[i], "--history") == 0 && i + 1 < argc)
			o.history = argv[++i];
		else
			o.name = argv[i];
	}
	return console_main(&o);
}
