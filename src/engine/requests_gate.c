/* SPDX-License-Identifier: GPL-3.0-or-later */
/* requests_gate.c: who may come in, in which role, and whose keys wait. */
#include <unistd.h>

#include "engine/agent/agent_box.h"
#include "engine/engine_int.h"

/* --- what the gate asks of the engine --- */

static bool
is_busy(void *arg)
{
	const struct engine *e = arg;

	return power_is_busy(e->power) || turn_is_busy(e->turn) ||
	    unfinished_is_open(e->unfinished);
}

static pid_t
agent_host(void *arg)
{
	const struct engine *e = arg;

	/* without a mark what a dead agent-host left is known by us, who adopted it */
	if (e->agent_side && !agent_box_tells())
		return getpid();
	return e->agent_side ? agent_side_pid(e->agent_side) : 0;
}

static void
on_role(struct peer *p, bool read_only, void *arg)
{
	struct engine *e = arg;

	peer_ref(p);
	peer_set_reader(p, read_only);
	people_role(e->people, p, peer_is_read_only(p));
	peer_unref(p);
}

static void
on_vouch(struct peer *p, const char *words, void *arg)
{
	people_vouch(((struct engine *)arg)->people, p, words);
}

void
engine_start_gate(struct engine *e)
{
	const struct options *o = e->opts->options;

	e->gate = gate_new(&(struct gate_config){.loop = &e->loop,
	    .operators = o->operators,
	    .credentials = o->credentials,
	    .idle_ms =
		e->opts->lock_ms > 0 ? e->opts->lock_ms : (int64_t)o->idle_lock * 60000,
	    .busy = is_busy,
	    .agent_host = agent_host,
	    .agent_uid = (uid_t)o->agent_uid == geteuid() ? 0 : (uid_t)o->agent_uid,
	    .role = on_role,
	    .vouch = on_vouch,
	    .arg = e});
	hub_set_strangers(e->hub, gate_has_list(e->gate));
}

/* --- what the hub tells --- */

void
engine_on_knocked(struct peer *p, void *arg)
{
	gate_knock(((struct engine *)arg)->gate, p);
}

void
engine_on_tried(struct peer *p, const struct js *m, void *arg)
{
	gate_try(((struct engine *)arg)->gate, p, m);
}

void
engine_on_gone(struct peer *p, void *arg)
{
	gate_gone(((struct engine *)arg)->gate, p);
}

void
engine_on_active(struct peer *p, void *arg)
{
	gate_active(((struct engine *)arg)->gate, p);
}

bool
engine_may(struct peer *p, const struct js *m, int kind, void *arg)
{
	struct engine *e = arg;
	int autonomy = (int)broker_autonomy(e->broker);

	if (kind == REQUEST_UNLOCK) /* its own console's business, no act */
		return true;
	return gate_may(e->gate, p, m, (enum request)kind, autonomy) &&
	    people_may(e->people, p, m, (enum request)kind, autonomy);
}

void
engine_on_unlock(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;

	if (engine_request_is(p, m, "name password"))
		gate_unlock(e->gate, p, m);
}
