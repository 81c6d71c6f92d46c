/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_step.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/power/assess.h"
#include "engine/remote/broker.h"
#include "engine/power/power.h"
#include "engine/remote/run.h"
#include "engine/power/watch.h"

#define STEP_CONNECT_MS \
	10000 /* a devvm that has not taken the connection by then is silent */
#define STEP_VERDICT_MS 40000 /* after forensics: the climb, and the status beside it */

struct step_run {
	struct step_run *next;
	const struct agent_runbook_config *cfg;
	enum step_kind kind;
	struct step_result *into; /* NULL: stopped, only its end is waited for */
	step_fn *fn;
	void *arg;
	int limit_s;
	int64_t began_ms;
	bool sent, timed_out;
	struct broker_run *run;	 /* of the devvm; NULL: over */
	struct power_verb *verb; /* of pve; NULL: over */
	char verb_id[16];
	uv_timer_t limit;
};

static struct step_run *all; /* of this process, which has one loop */

static void
on_closed(uv_handle_t *handle)
{
	struct step_run *s = handle->data;

	free(s);
}

static void
step_drop(struct step_run *s)
{
	struct step_run **at = &all;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	uv_close((uv_handle_t *)&s->limit, on_closed);
}

static void
step_unhook(struct step_run *s)
{
	if (s->kind == STEP_VERDICT)
		assess_on_told(watch_assess(s->cfg->watch), NULL, NULL);
}

static void
step_over(struct step_run *s, enum result_state state, const char *why)
{
	struct step_result *r = s->into;
	step_fn *fn = s->fn;
	void *arg = s->arg;

	if (r) {
		step_unhook(s);
		r->state = state;
		r->ms = clock_mono_ms() - s->began_ms;
		r->at_s = clock_wall_ms() / 1000;
		r->unreached =
		    state == RESULT_FAILED && s->kind == STEP_DEVVM && !s->sent;
		snprintf(r->failed, sizeof r->failed, "%s", why ? why : "");
	}
	step_drop(s);
	if (r)
		fn(arg);
}

/* --- a command on the devvm --- */

static void
on_limit(uv_timer_t *t)
{
	struct step_run *s = t->data;
	char why[80];

	s->timed_out = true;
	snprintf(why, sizeof why, "no end within %d s: given up", s->limit_s);
	broker_run_stop(s->run, why); /* its end tells us */
}

static void
on_sent(void *arg)
{
	struct step_run *s = arg;

	s->sent = true;
	s->began_ms = clock_mono_ms();
	if (s->into)
		uv_timer_start(&s->limit, on_limit, (uint64_t)s->limit_s * 1000, 0);
}

static void
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct step_run *s = arg;

	if (s->into)
		buf_add_some(stream == 2 ? &s->into->err : &s->into->out, data, len);
}

static void
on_end(enum remote_end how, int code, const char *why, void *arg)
{
	struct step_run *s = arg;
	char words[300];

	s->run = NULL;
	uv_timer_stop(&s->limit);
	if (s->into)
		s->into->exit = code;
	if (s->timed_out)
		snprintf(words, sizeof words, "no end within %d s", s->limit_s);
	else if (how == REMOTE_SIGNALED)
		snprintf(words, sizeof words, "ended by signal %s", why ? why : "?");
	else
		snprintf(words, sizeof words, "%s", why ? why : "");
	step_over(s, how == REMOTE_EXITED ? RESULT_RAN : RESULT_FAILED, words);
}

static const struct broker_exec_events exec_events = {
    .sent = on_sent, .output = on_output, .end = on_end};

static void
start_devvm(struct step_run *s, const struct step_ask *ask)
{
	s->run = broker_exec(s->cfg->broker, DOOR_DEVVM_AGENT,
	    &(struct run_info){.asked = "runbook",
		.by = ask->by,
		.host = "devvm",
		.what = ask->command,
		.what_len = strlen(ask->command),
		.turn = ask->turn},
	    STEP_CONNECT_MS, &exec_events, s);
}

/* --- status, forensics, a verdict --- */

static bool
on_verb_output(int stream, const char *data, size_t len, void *arg)
{
	on_output(stream, data, len, arg);
	return true;
}

static void
on_verdict_late(uv_timer_t *t)
{
	struct step_run *s = t->data;

	if (!s->into->has_verdict)
		assess_now(watch_assess(s->cfg->watch), &s->into->verdict);
	s->into->has_verdict = true;
	step_over(s, RESULT_RAN, NULL);
}

static void
on_verb_end(enum power_end how, int exit, const char *why, void *arg)
{
	struct step_run *s = arg;
	bool ran = how == POWER_EXITED;

	s->verb = NULL;
	s->into->exit = exit;
	if (s->kind == STEP_PVE || how == POWER_REFUSED) {
		step_over(s, ran ? RESULT_RAN : RESULT_FAILED, ran ? NULL : why);
		return;
	}
	/* Silence of the PVE host is a part of the verdict. */
	uv_timer_start(&s->limit, on_verdict_late, STEP_VERDICT_MS, 0);
}

static void
on_verdict_soon(uv_timer_t *t)
{
	step_over(t->data, RESULT_RAN, NULL);
}

/* May come before the verb's end, from inside of it. */
static void
on_told(const struct verdict *v, const char *id, bool more, void *arg)
{
	struct step_run *s = arg;

	if (!id || strcmp(id, s->verb_id) != 0)
		return;
	s->into->verdict = *v;
	s->into->has_verdict = true;
	if (more)
		return;
	if (s->verb)
		power_unlisten(s->verb);
	s->verb = NULL;
	uv_timer_start(&s->limit, on_verdict_soon, 0, 0);
}

static const struct power_listener verb_listener = {
    .output = on_verb_output, .end = on_verb_end};

static void
start_verb(struct step_run *s, const struct step_ask *ask)
{
	if (s->kind == STEP_VERDICT)
		assess_on_told(watch_assess(s->cfg->watch), on_told, s);
	s->verb = power_ask(s->cfg->power,
	    &(struct power_ask){
		.verb = s->kind == STEP_VERDICT ? VERB_FORENSICS : ask->verb,
		.asked = "runbook",
		.by = ask->by,
		.turn = ask->turn,
		.listener = &verb_listener,
		.arg = s});
	snprintf(s->verb_id, sizeof s->verb_id, "%s", power_verb_id(s->verb));
}

/* --- life --- */

struct step_run *
step_start(const struct step_ask *ask, struct step_result *into, step_fn *fn, void *arg)
{
	struct step_run *s = mem_alloc(sizeof *s);

	s->cfg = ask->cfg;
	s->kind = ask->kind;
	s->into = into;
	s->fn = fn;
	s->arg = arg;
	s->limit_s = ask->limit_s;
	s->began_ms = clock_mono_ms();
	uv_timer_init(ask->cfg->loop, &s->limit);
	s->limit.data = s;
	s->next = all;
	all = s;
	if (s->kind == STEP_DEVVM)
		start_devvm(s, ask);
	else
		start_verb(s, ask);
	return s;
}

void
step_stop(struct step_run *s, const char *why)
{
	step_unhook(s);
	uv_timer_stop(&s->limit);
	s->into = NULL;
	if (s->run) {
		broker_run_stop(s->run, why);
		return; /* its end comes, and finds nobody */
	}
	if (s->verb)
		power_unlisten(s->verb); /* it ends by itself: it changes nothing */
	step_drop(s);
}

void
step_leave(void)
{
	while (all)
		step_drop(all);
}
