/* SPDX-License-Identifier: GPL-3.0-or-later */
/* books.c: the engine's runbooks: where they are, and who is told of them. */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/engine_int.h"

/* The agent reads them in its working folder. */
static void
on_changed(void *arg)
{
	struct engine *e = arg;

	for (size_t i = 0; e->agent_side && i < runbooks_count(e->runbooks); i++) {
		const struct runbook *rb = runbooks_at(e->runbooks, i);
		char *name = mem_printf("runbooks/%s.md", rb->name);

		if (agent_side_workspace(e->agent_side, name, rb->text, rb->len) < 0)
			LOG("runbook", "%s does not fit into the working folder", name);
		free(name);
	}
}

void
engine_start_runbooks(struct engine *e)
{
	const struct options *o = e->opts->options;
	char *shipped = mem_printf(
	    "%s/agents/runbooks", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);

	e->runbooks = runbooks_new(&(struct runbooks_config){.loop = &e->loop,
	    .incident = e->incident,
	    .shipped = shipped,
	    .own = o->runbook_dir,
	    .changed = on_changed,
	    .arg = e});
	runbooks_read(e->runbooks, NULL, NULL);
	free(shipped);
}
