/* SPDX-License-Identifier: GPL-3.0-or-later */
/* path.h: what a path says without asking the machine; for the launcher too. */
#ifndef BASE_PATH_H
#define BASE_PATH_H

#include <stdbool.h>
#include <string.h>

/* Also true for above itself. */
static inline bool
path_is_below(const char *path, const char *above)
{
	size_t n = strlen(above);

	return strncmp(path, above, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

#endif
