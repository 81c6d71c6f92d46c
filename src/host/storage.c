/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "host/storage.h"

/* The word behind "key " on an indented line; false: it is another line. */
static bool
has_key(const char *line, const char *key, char *dst, size_t size)
{
	size_t len = strlen(key);

	line += strspn(line, " \t");
	if (strncmp(line, key, len) != 0 || (line[len] != ' ' && line[len] != '\t'))
		return false;
	line += len + strspn(line + len, " \t");
	snprintf(dst, size, "%.*s", (int)strcspn(line, " \t\r\n"), line);
	return true;
}

static void
read_line(const char *line, struct storage *st)
{
	char word[8];

	(void)has_key(line, "path", st->path, sizeof(st->path));
	(void)has_key(line, "vgname", st->vgname, sizeof(st->vgname));
	(void)has_key(line, "thinpool", st->thinpool, sizeof(st->thinpool));
	st->own_dirs |= has_key(line, "content-dirs", word, sizeof(word));
}

bool
storage_find(const char *cfg, const char *id, struct storage *st)
{
	char type[16], name[64];
	bool inside = false, found = false;

	memset(st, 0, sizeof(*st));
	for (const char *l = cfg; l != NULL && *l != '\0';
	     l = strchr(l, '\n') ? strchr(l, '\n') + 1 : NULL) {
		if (*l != ' ' && *l != '\t' && *l != '\n') {
			inside = !found &&
			    sscanf(l, "%15[^: \n]: %63s", type, name) == 2 &&
			    strcmp(name, id) == 0;
			if (inside)
				memcpy(st->type, type, sizeof(st->type));
			found |= inside;
		} else if (inside) {
			read_line(l, st);
		}
	}
	return found;
}
