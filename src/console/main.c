/* SPDX-License-Identifier: GPL-3.0-or-later */
/* main.c: the console's own program; "breakglass" becomes it. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "console/console.h"

#define EXIT_USAGE 64

static const struct option long_options[] = {
    {"linear", no_argument, NULL, 'l'},
    {"log", no_argument, NULL, 'L'},
    {"name", required_argument, NULL, 'n'},
    {"read-only", no_argument, NULL, 'r'},
    {"socket", required_argument, NULL, 's'},
    {"vi", no_argument, NULL, 'v'},
    {0},
};

/* console.log beside the socket, in a directory that is ours alone. */
static void
open_log(const char *socket_path, int level)
{
	const char *slash = strrchr(socket_path, '/');
	char *path;

	if (level == 0 || !slash)
		return;
	path = mem_printf("%.*s/console.log", (int)(slash - socket_path), socket_path);
	log_open(path, level);
	free(path);
}

int
main(int argc, char **argv)
{
	struct console_opts opts = {.name = "operator"};
	int c, level = 0;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (c == 'l')
			opts.linear = true;
		else if (c == 'L')
			level++;
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
	if (!opts.socket_path)
		return EXIT_USAGE;
	open_log(opts.socket_path, level);
	return console_main(&opts);
}
