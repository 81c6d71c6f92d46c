/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate_rig_keys.c: what peers of the rig say, and a console whose keys are locked. */
#include <unistd.h>

#include "gate_rig.h"

#define AUTONOMY 1

/* --- requests --- */

static struct js *
parsed(const char *json)
{
	struct err err;
	struct js *m = js_parse(json, strlen(json), &err);

	MUST(m);
	return m;
}

void
try_password(struct peer *p, const char *json)
{
	struct js *m = parsed(json);

	site.asking = p;
	gate_try(site.gate, p, m);
	js_free(m);
}

void
try_unlock(struct peer *p, const char *json)
{
	struct js *m = parsed(json);

	site.asking = p;
	p->answers = m;
	gate_unlock(site.gate, p, m);
	MUST(p->answers == m);
	js_free(m);
}

bool
may(struct peer *p, enum request kind, const char *json)
{
	struct js *m = parsed(json);
	bool yes = gate_may(site.gate, p, m, kind, AUTONOMY);

	MUST(yes || p->where[0] == '\0' || p->answers == m);
	js_free(m);
	return yes;
}

void
see(const char *json)
{
	struct js *fact = parsed(json);

	gate_see(site.gate, fact);
	js_free(fact);
}

/* --- keys --- */

/* A console that drives, by the engine's own uid. */
void
begin_in(struct peer *p, const char *credentials)
{
	site.idle_ms = IDLE_LIMIT;
	site.list = "uid:5 drive\nname:ann read-only\nname:ben drive\n";
	begin(credentials[0] ? OPERATORS : "", credentials);
	if (credentials[0])
		come(p, 5, "who");
	else
		knock(p, geteuid());
	MUST(p->admitted == 1);
}

bool
is_locked(struct peer *p)
{
	return p->fact && js_is(p->fact, "what", "lock") && js_bool(p->fact, "on", false);
}

void
begin_locked(struct peer *p, const char *credentials)
{
	begin_in(p, credentials);
	later(IDLE_LIMIT + 1);
	MUST(p->told == 1 && is_locked(p));
	while (site.work)
		list_read();
}

bool
may_act(struct peer *p)
{
	return may(p, REQUEST_VERB, "{\"verb\":\"cycle\"}");
}

void
is_open(struct peer *p)
{
	MUST(!is_locked(p));
	MUST(js_is_bool(p->fact, "on"));
	MUST(!js_has(p->fact, "how") && !js_has(p->fact, "text"));
	MUST(may_act(p));
}
