/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/again.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/self.h"

#define ONCE "BREAKGLASS_CONSOLE_AGAIN"
#define GONE " (deleted)"

/* The path of this program, when another file stands there now. */
static const char *
other_program(char path[PATH_MAX])
{
	ssize_t len = self_path(path, PATH_MAX);
	struct stat ours, theirs;

	if (len <= 0)
		return NULL;
	if ((size_t)len > strlen(GONE) && strcmp(path + len - strlen(GONE), GONE) == 0)
		path[(size_t)len - strlen(GONE)] = '\0';
	if (stat(SELF_EXE, &ours) < 0 || stat(path, &theirs) < 0 ||
	    (ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino))
		return NULL;
	return path;
}

int
again(char **argv, const char *words)
{
	char path[PATH_MAX];

	if (argv && !getenv(ONCE) && other_program(path)) {
		setenv(ONCE, "1", 1);
		execv(path, argv);
	}
	fprintf(stderr, "breakglass: %s\n", words);
	return AGAIN_EXIT;
}
