/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/earlier.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define AGAIN_MS 5000

void
earlier_look(struct earlier *e, int64_t now_ms)
{
	struct err err = {0};
	size_t count = 0;
	char **ids;

	if (!e->sessions || (e->read_ms && now_ms - e->read_ms < AGAIN_MS))
		return;
	e->read_ms = now_ms ? now_ms : 1;
	e->count = 0;
	if (journal_ids(e->sessions, &ids, &count, &err) < 0)
		return;
	for (size_t i = count; i-- > 0 && e->count < EARLIER_MAX;)
		snprintf(e->id[e->count++], sizeof e->id[0], "%s", ids[i]);
	journal_ids_free(ids, count);
}

const char *
earlier_find(const struct earlier *e, const char *what)
{
	const char *found = NULL;

	if (!what[0] || strcmp(what, "last") == 0)
		return e->count > 0 ? e->id[0] : NULL;
	for (int i = 0; i < e->count; i++) {
		if (strcmp(e->id[i], what) == 0)
			return e->id[i];
		if (strncmp(e->id[i], what, strlen(what)) != 0)
			continue;
		if (found)
			return NULL;
		found = e->id[i];
	}
	return found;
}
