/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ends.c: how the engine's parts learn together how a verb ended that nobody saw
 * end: the host's answers go from watch to unfinished, and what follows from them
 * to power (the slot) and to watch (how often it asks, the proof).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "engine/engine_int.h"

static void
on_hold(const char *by, const char *verb, int64_t since_ms, void *arg)
{
	power_hold(((struct engine *)arg)->power, by, verb, since_ms);
}

static void
on_follow(bool on, void *arg)
{
	watch_follow(((struct engine *)arg)->watch, on);
}

static void
on_prove(const char *verb, void *arg)
{
	watch_prove(((struct engine *)arg)->watch, verb);
}

static bool
is_busy(void *arg)
{
	return power_is_busy(((struct engine *)arg)->power);
}

static void
on_status(const struct vmfacts *vm, bool answered, void *arg)
{
	struct engine *e = arg;

	if (answered)
		unfinished_status(e->unfinished, vm);
	else
		unfinished_silent(e->unfinished);
}

/*
 * Installed and in a source tree the folders are the same.  A pod's image has no
 * bootstrap, and no ssh for it: it is another machine's to do then.
 */
static void
tell_watch_what_installs_ours(struct engine *e)
{
	const struct options *o = e->opts->options;
	char *program = mem_printf(
	    "%s/contrib/bootstrap", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);
	char port[32] = "";
	char *todo;

	if (o->pve_port != 22)
		snprintf(port, sizeof port, " --port %ld", o->pve_port);
	if (access(program, X_OK) < 0) {
		free(program);
		program = mem_dup(
		    "on a machine with breakglass-bootstrap: breakglass-bootstrap");
	}
	todo = mem_printf("%s pve --to root@%s%s --apply", program, o->pve_host, port);
	watch_set_host_todo(e->watch, todo);
	free(todo);
	free(program);
}

void
engine_watch_ends(struct engine *e)
{
	e->unfinished =
	    unfinished_new(&(struct unfinished_config){.incident = e->incident,
		.hold = on_hold,
		.follow = on_follow,
		.prove = on_prove,
		.is_busy = is_busy,
		.arg = e});
	watch_on_status(e->watch, on_status, e);
	tell_watch_what_installs_ours(e);
}
