/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/prompt/earlier.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/fd.h"
#include "console/term/aside.h"

#define AGAIN_MS 5000
#define LIMIT_MS 1000 /* a disk that takes longer is not asked again */

/* The newest first, a line each. */
static void
list_there(void *arg, int out)
{
	const struct earlier *e = arg;
	struct err err = {0};
	size_t count = 0;
	char **ids;

	if (journal_ids(e->sessions, &ids, &count, &err) < 0)
		return;
	for (size_t i = count, n = 0; i-- > 0 && n < EARLIER_MAX; n++)
		if (fd_write_all(out, ids[i], strlen(ids[i])) < 0 ||
		    fd_write_all(out, "\n", 1) < 0)
			return;
}

void
earlier_look(struct earlier *e, int64_t now_ms)
{
	struct buf said;
	char *rest, *id;

	if (!e->sessions || e->hung || (e->read_ms && now_ms - e->read_ms < AGAIN_MS))
		return;
	e->read_ms = now_ms ? now_ms : 1;
	e->count = 0;
	buf_init(&said, EARLIER_MAX * sizeof e->id[0]);
	e->hung = aside_run(list_there, e, LIMIT_MS, &said) == ASIDE_LATE;
	rest = said.data;
	while (!e->hung && said.len > 0 && e->count < EARLIER_MAX &&
	    (id = strsep(&rest, "\n")) && rest)
		snprintf(e->id[e->count++], sizeof e->id[0], "%s", id);
	buf_fini(&said);
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
