/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill.c: the kill switch.
 *
 *   off --kill on--> on: refuse, kill, close --kill off--> off
 *
 * The broker refuses and closes first, then the turn ends and the queue is taken back,
 * then agent-host is killed with all that it runs: a new one comes, and has nothing to
 * do.  It stays on over a restart and a new incident, until an operator lifts it.  No
 * power key, shell or console hears of it.
 */
#include <string.h>

#include "engine/engine_int.h"

static void
kill_on(struct engine *e, const char *by)
{
	broker_set_killed(e->broker, true, by);
	turn_kill(e->turn, by);
	agent_side_kill(e->agent_side);
}

void
engine_on_kill(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	bool on = js_bool(m, "on", true);
	const char *was = broker_killed_by(e->broker);
	char text[WIRE_NAME_MAX + 64];

	if (!engine_request_is(p, m, "on"))
		return;
	if (js_has(m, "on") && !js_is_bool(m, "on")) {
		peer_error(p, m, "request", "on is true or false",
		    "/kill pulls the kill switch, /kill off lifts it");
	} else if (on && was) {
		snprintf(text, sizeof text, "the kill switch is on already, by %s", was);
		peer_error(p, m, "kill", text, "/kill off lifts it");
	} else if (!on && !was) {
		peer_error(p, m, "kill", "the kill switch is not on", NULL);
	} else if (on) {
		kill_on(e, peer_name(p));
	} else {
		broker_set_killed(e->broker, false, peer_name(p));
	}
}

bool
engine_is_killed(struct engine *e, struct peer *p, const struct js *m)
{
	const char *by = broker_killed_by(e->broker);
	char text[WIRE_NAME_MAX + 64];

	if (!by)
		return false;
	snprintf(
	    text, sizeof text, "%s pulled the kill switch: the agent does nothing", by);
	peer_error(p, m, "kill", text, "/kill off lifts it");
	return true;
}

void
engine_found_kill(struct engine *e, const struct js *record)
{
	const char *by = js_str(record, "by");

	if (!js_is(record, "t", "state") || !js_is(record, "what", "kill") || !by)
		return;
	snprintf(e->found_kill, sizeof e->found_kill, "%s",
	    js_bool(record, "on", false) ? by : "");
}

void
engine_keep_kill(struct engine *e)
{
	if (e->found_kill[0])
		broker_set_killed(e->broker, true, e->found_kill);
}
