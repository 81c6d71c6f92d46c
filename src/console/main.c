/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the console's own program; "breakglass" becomes it. */
#include <getopt.h>
#include <stddef.h>

#include "console/console.h"

#define EXIT_USAGE 64

static const struct option long_options[] = {
    {"linear", no_argument, NULL, 'l'},
    {"name", required_argument, NULL, 'n'},
    {"read-only", no_argument, NULL, 'r'},
    {"socket", required_argument, NULL, 's'},
    {"vi", no_argument, NULL, 'v'},
    {0},
};

int
main(int argc, char **argv)
{
	struct console_opts opts = {.name = "operator"};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'l')
			opts.linear = true;
		else if (c == 'n')
			opts.name = optarg;
		else if (c == 'r')
			opts.read_only = true;
		else if (c == 's')
			opts.socket_path = optarg;
		else if (c == 'v')
			opts.vi = true;
		else
			return EXIT_USAGE;
	}
	return opts.socket_path ? console_main(&opts) : EXIT_USAGE;
}
