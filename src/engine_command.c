/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine_command.h"

#include <stdio.h>
#include <string.h>

#include "command.h"
#include "start.h"

int
engine_command(const struct options *o, int verbose, int argc, char **argv)
{
	char arg0[] = "breakglass-engine", level[4] = "-v";
	char *args[] = {arg0, NULL, NULL};
	struct err err;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "-v") == 0 || strcmp(argv[i], "--verbose") == 0) {
			verbose++;
		} else if (strcmp(argv[i], "-vv") == 0) {
			verbose += 2;
		} else if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0) {
			command_help();
			return COMMAND_OK;
		} else {
			fprintf(stderr,
			    "breakglass engine takes no \"%.40s\"; nothing was started\n",
			    argv[i]);
			return COMMAND_USAGE;
		}
	}
	if (verbose > 1)
		snprintf(level, sizeof level, "-vv");
	if (verbose)
		args[1] = level;
	start_become(o, "engine", args, &err);
	fprintf(stderr, "breakglass: %s\n", err.words);
	return COMMAND_FAILED;
}
