/* SPDX-License-Identifier: GPL-3.0-or-later */
/* books.c: the engine's runbooks: where they are, and who is told of them. */
#include <stdlib.h>

#include "base/mem.h"
#include "engine/engine_int.h"

void
engine_start_runbooks(struct engine *e)
{
	const struct options *o = e->opts->options;
	char *shipped = mem_printf(
	    "%s/agents/runbooks", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);

	e->runbooks = runbooks_new(&(struct runbooks_config){.loop = &e->loop,
	    .incident = e->incident,
	    .shipped = shipped,
	    .own = o->runbook_dir});
	runbooks_read(e->runbooks, NULL, NULL);
	free(shipped);
}
