/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is told about agent, turn and budget.  Only a change is recorded; what moves
 * all the time (progress, a budget in use) goes over the wire alone, and not often.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/agent/turn_int.h"

/* --- the agent's state --- */

static void
set_text(struct js *f, const char *key, const char *text)
{
	if (text && text[0])
		js_set_str(f, key, text);
}

/* How long is counted by whoever shows it, from the fact's mono_ms on. */
static void
add_wait(const struct turn *t, struct js *f, enum agent_state s)
{
	int64_t passed = clock_mono_ms() - t->wait_ms;

	if (t->wait.quiet_ms > 0 && t->state != TURN_IDLE)
		js_set_int(f, "quiet_ms", t->wait.quiet_ms + passed);
	if (t->wait.again_ms < 0 || s != AGENT_WAITING)
		return;
	js_set_int(
	    f, "retry_ms", passed < t->wait.again_ms ? t->wait.again_ms - passed : 0);
	if (t->wait.attempts > 0) {
		js_set_int(f, "attempt", t->wait.attempt);
		js_set_int(f, "attempts", t->wait.attempts);
	}
}

static struct js *
agent_fact(struct turn *t)
{
	static const char *const words[AGENT_STATES] = {
	    [AGENT_UNAVAILABLE] = "unavailable",
	    [AGENT_STARTING] = "starting",
	    [AGENT_READY] = "ready",
	    [AGENT_WORKING] = "working",
	    [AGENT_WAITING] = "waiting",
	};
	struct js *f = incident_fact(FACT_STATE, "engine");
	enum agent_state s = t->agent_state;

	if (t->state != TURN_IDLE && s == AGENT_READY)
		s = AGENT_WORKING;
	if (t->state == TURN_IDLE && (s == AGENT_WORKING || s == AGENT_WAITING))
		s = AGENT_READY; /* the driver's own word about its end comes after ours
				  */
	js_set_str(f, "what", "agent");
	js_set_str(f, "state", words[s]);
	if (t->agent)
		js_set_str(f, "driver", t->agent->name);
	if (t->now)
		js_set_int(f, "turn", t->now->turn);
	set_text(f, "model", t->route.model);
	set_text(f, "endpoint", t->route.endpoint);
	set_text(f, "route", t->route.why);
	set_text(f, "back", t->route.back);
	js_set_int(f, "queued", t->queued);
	set_text(f, "why", t->why);
	set_text(f, "todo", t->todo);
	add_wait(t, f, s);
	return f;
}

static bool
is_told(const struct turn *t, const struct js *f)
{
	static const char *const keys[] = {
	    "state", "driver", "model", "endpoint", "route", "back", "why", "todo"};

	if (!t->told || js_int(t->told, "turn", 0) != js_int(f, "turn", 0) ||
	    js_int(t->told, "queued", 0) != js_int(f, "queued", 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *a = js_str(t->told, keys[i]), *b = js_str(f, keys[i]);

		if (strcmp(a ? a : "", b ? b : "") != 0)
			return false;
	}
	return true;
}

/* What moves and a silence, which no record has: over the wire alone. */
static void
tell_more(struct turn *t)
{
	struct js *f = agent_fact(t);

	set_text(f, "progress", t->progress);
	t->told_more = true;
	incident_tell(t->cfg.incident, FACT_STATE, f);
}

static void
record_agent(struct turn *t, struct js *f)
{
	bool quiet = js_has(f, "quiet_ms");

	js_del(f, "quiet_ms");
	js_free(t->told);
	t->told = js_ref(f);
	t->told_more = false;
	incident_emit(t->cfg.incident, FACT_STATE, f);
	if (quiet) /* it lasts, whatever has changed beside it */
		tell_more(t);
}

void
turn_tell_agent(struct turn *t)
{
	struct js *f = agent_fact(t);

	if (!is_told(t, f)) {
		record_agent(t, f);
	} else if (t->told_more) {
		t->told_more = js_has(f, "quiet_ms");
		incident_tell(t->cfg.incident, FACT_STATE, f);
	} else
		js_free(f);
}

/* A state that says so comes behind it, where there is one: told at once all the same. */
void
turn_on_waits(const struct agent_wait *wait, void *arg)
{
	struct turn *t = arg;

	t->wait = *wait;
	t->wait_ms = clock_mono_ms();
	if (wait->again_ms < 0)
		tell_more(t);
}

static void
tell_progress(struct turn *t)
{
	t->progress_moved = false;
	t->progress_ms = clock_mono_ms();
	if (t->progress)
		tell_more(t);
	else
		turn_tell_agent(t);
}

/* --- what moves: the later of both is told when its time has come --- */

static int64_t
left_ms(bool moved, int64_t told_ms, int64_t every_ms)
{
	int64_t left = told_ms + every_ms - clock_mono_ms();

	return !moved ? -1 : left > 0 ? left : 0;
}

static void on_pulse(uv_timer_t *timer);

static void
pulse_set(struct turn *t)
{
	int64_t b = left_ms(t->budget_moved, t->budget_ms, TURN_BUDGET_MS);
	int64_t p = left_ms(t->progress_moved, t->progress_ms, TURN_PROGRESS_MS);
	int64_t next = b < 0 ? p : p < 0 ? b : b < p ? b : p;

	if (next >= 0)
		uv_timer_start(&t->pulse, on_pulse, (uint64_t)next, 0);
	else
		uv_timer_stop(&t->pulse);
}

static void
on_pulse(uv_timer_t *timer)
{
	struct turn *t = timer->data;

	if (left_ms(t->budget_moved, t->budget_ms, TURN_BUDGET_MS) == 0)
		turn_tell_budget(t, false);
	if (left_ms(t->progress_moved, t->progress_ms, TURN_PROGRESS_MS) == 0)
		tell_progress(t);
	pulse_set(t);
}

void
turn_tell_budget(struct turn *t, bool recorded)
{
	struct js *f = incident_fact(FACT_STATE, "engine");

	t->budget_moved = false;
	t->budget_ms = clock_mono_ms();
	js_set_str(f, "what", "budget");
	budget_tell(&t->budget, f);
	if (recorded)
		incident_emit(t->cfg.incident, FACT_STATE, f);
	else
		incident_tell(t->cfg.incident, FACT_STATE, f);
}

void
turn_move_budget(struct turn *t)
{
	t->budget_moved = true;
	pulse_set(t);
}

/* --- the driver's words --- */

void
turn_on_state(enum agent_state state, const char *why, const char *todo, void *arg)
{
	struct turn *t = arg;

	t->agent_state = state;
	if (state != AGENT_WAITING)
		t->wait = (struct agent_wait){.again_ms = -1};
	free(t->why);
	free(t->todo);
	t->why = mem_dup(why);
	t->todo = mem_dup(todo);
	turn_tell_agent(t);
}

static void
keep(char **field, const char *text)
{
	char *copy = mem_dup(text);

	free(*field);
	*field = copy;
}

void
turn_route_fini(struct turn *t)
{
	keep(&t->route.endpoint, NULL);
	keep(&t->route.model, NULL);
	keep(&t->route.why, NULL);
	keep(&t->route.back, NULL);
}

void
turn_on_session(const char *session, const char *model, const char *version, void *arg)
{
	struct turn *t = arg;
	struct js *f = incident_fact(FACT_SESSION, "agent");

	if (model)
		keep(&t->route.model, model);
	js_set_str(f, "session", session);
	js_set_str(f, "model", model);
	js_set_str(f, "version", version);
	js_set_str(f, "driver", t->agent->name);
	js_set_str(f, "endpoint", t->route.endpoint);
	incident_emit(t->cfg.incident, FACT_SESSION, f);
}

void
turn_on_route(const struct agent_route *r, void *arg)
{
	struct turn *t = arg;

	turn_heard(t);
	keep(&t->route.endpoint, r->endpoint);
	keep(&t->route.model, r->model);
	keep(&t->route.why, r->why);
	keep(&t->route.back, r->back);
	turn_tell_agent(t);
}

void
turn_on_progress(const char *text, void *arg)
{
	struct turn *t = arg;

	turn_heard(t);
	if (!text && !t->progress)
		return;
	keep(&t->progress, text);
	t->progress_moved = true;
	pulse_set(t);
}

void
turn_on_usage(const struct agent_usage *sofar, void *arg)
{
	struct turn *t = arg;

	turn_heard(t);
	if (!t->now)
		return;
	if (budget_usage(&t->budget, sofar))
		turn_end(t, "engine", "budget", t->budget.why);
	turn_move_budget(t);
}

void
turn_on_trouble(const char *text, const char *todo, void *arg)
{
	struct turn *t = arg;

	turn_error(t, text, todo);
}

/* --- the end --- */

void
turn_error(struct turn *t, const char *text, const char *todo)
{
	struct js *f = turn_fact(t, FACT_ERROR, "agent");

	js_set_str(f, "where", "agent");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", todo);
	incident_emit(t->cfg.incident, FACT_ERROR, f);
}

void
turn_tell_cancelled(struct turn *t)
{
	struct js *f, *runs;

	if (t->end_told)
		return;
	t->end_told = true;
	f = turn_fact(t, FACT_CANCELLED, t->ended_by);
	runs = js_array();
	broker_left_ids(t->cfg.broker, runs);
	js_set(f, "runs", runs);
	js_set_str(f, "text", t->end_reason);
	incident_emit(t->cfg.incident, FACT_CANCELLED, f);
}

void
turn_tell_result(struct turn *t, const struct agent_outcome *o)
{
	struct js *f = turn_fact(t, FACT_RESULT, "agent");
	const struct agent_usage *u = &t->budget.sofar;
	int64_t in = o->in_tokens >= 0 ? o->in_tokens : u->in;
	int64_t out = o->out_tokens >= 0 ? o->out_tokens : u->out;
	int64_t cache = o->cache_tokens >= 0 ? o->cache_tokens : u->cache_read;
	double cost = o->cost_usd >= 0 ? o->cost_usd : u->cost_usd;

	js_set_str(f, "stop", t->end_stop ? t->end_stop : o->stop);
	js_set_int(f, "ms", clock_mono_ms() - t->began_ms);
	if (in >= 0)
		js_set_int(f, "in", in);
	if (out >= 0)
		js_set_int(f, "out", out);
	if (cache >= 0)
		js_set_int(f, "cache", cache);
	if (cost >= 0)
		js_set_dbl(f, "cost_usd", cost);
	if (u->calls >= 0)
		js_set_int(f, "calls", u->calls);
	js_set_int(f, "tools", t->budget.turn_calls);
	if (t->agent)
		js_set_str(f, "driver", t->agent->name);
	js_set_str(f, "endpoint", o->endpoint ? o->endpoint : t->route.endpoint);
	incident_emit(t->cfg.incident, FACT_RESULT, f);
	budget_end(&t->budget, o);
	turn_tell_budget(t, true);
}
