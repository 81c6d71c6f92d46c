/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/claude.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

/* Takes path; gives it back, or NULL. */
static char *
only_program(char *path)
{
	if (is_program(path))
		return path;
	free(path);
	return NULL;
}

static char *
find_in_path(const char *path)
{
	char *copy = mem_dup(path), *save = NULL, *found = NULL;

	for (char *d = strtok_r(copy, ":", &save); d && !found;
	     d = strtok_r(NULL, ":", &save))
		if (d[0] == '/')
			found = only_program(mem_printf("%s/claude", d));
	free(copy);
	return found;
}

static char *
find_in_cache(const char *version)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");

	if (cache && cache[0] == '/')
		return only_program(
		    mem_printf("%s/breakglass/claude/%s/claude", cache, version));
	return only_program(mem_printf(
	    "%s/.cache/breakglass/claude/%s/claude", home ? home : "", version));
}

char *
claude_find(const char *configured, const char *version)
{
	const char *path = getenv("PATH");
	char *found;

	if (configured && *configured)
		return only_program(mem_dup(configured));
	found = path ? find_in_path(path) : NULL;
	return found ? found : find_in_cache(version);
}
