/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/agent_runbook.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/asks.h"
#include "engine/remote/broker.h"
#include "engine/record/incident.h"
#include "engine/runbook/agent_runbook_int.h"
#include "engine/runbook/runbook_free.h"
#include "engine/runbook/runbook_report.h"
#include "engine/runbook/runbooks.h"

#define SWALLOWED_MAX 2	 /* commands in a row that gave nothing until their limit */
#define DOOMED_LIMIT_S 6 /* of each, once the verdict has advised a verb: one will do */

static void next_step(struct agent_runbook *a);

void
rb_enter(struct agent_runbook *a, enum runbook_state state)
{
	static const char *const names[RB_STATES] = {"ready", "reading", "step",
	    "looking", "asking", "repair", "check", "checking"};

	LOG("runbook", "%s: %s -> %s", a->name ? a->name : "(prompt)", names[a->state],
	    names[state]);
	a->state = state;
}

/* --- telling --- */

void
rb_say(struct agent_runbook *a, const char *text)
{
	if (text[0])
		a->agent.events->text(
		    a->block++, text, strlen(text), false, false, a->agent.arg);
}

void
rb_progress(struct agent_runbook *a, const char *text)
{
	if (a->agent.events->progress)
		a->agent.events->progress(text, a->agent.arg);
}

static void
forget(struct agent_runbook *a)
{
	for (size_t i = 0; i < a->offer_count; i++)
		free(a->offers[i].command);
	a->offer_count = a->offer = 0;
	case_leave(a->c);
	a->c = NULL;
	step_result_fini(&a->repair);
	free(a->name);
	free(a->by);
	free(a->text);
	a->name = a->by = a->text = NULL;
	a->silent[0] = '\0';
	a->swallowed = 0;
	a->told = 0;
}

void
rb_finish(struct agent_runbook *a, bool ok, const char *why, const char *todo)
{
	struct agent_outcome o = {.ok = ok,
	    .cancelled = a->cancelled,
	    .stop = a->cancelled ? "cancelled"
		: ok		 ? "end_turn"
				 : "refused",
	    .why = why,
	    .todo = todo,
	    .in_tokens = -1,
	    .out_tokens = -1,
	    .cache_tokens = -1,
	    .cost_usd = -1};

	rb_progress(a, NULL);
	rb_enter(a, RB_READY);
	a->cancelled = false;
	forget(a);
	a->agent.events->state(AGENT_READY, NULL, NULL, a->agent.arg);
	a->agent.events->done(&o, a->agent.arg);
}

/* --- the report --- */

static void
report(struct agent_runbook *a)
{
	struct verdict now;
	struct runbook_report in = {.rb = a->c->rb,
	    .results = a->c->results,
	    .founds = &a->c->founds,
	    .silent = a->silent[0] ? a->silent : NULL,
	    .ms = clock_mono_ms() - a->began_ms};
	struct buf text;

	in.verdict = case_verdict(a->c);
	in.asked = in.verdict != NULL;
	if (!in.verdict && case_known_verdict(&a->cfg, &now))
		in.verdict = &now;
	buf_init(&text, REPORT_MAX);
	runbook_report(&in, &text);
	rb_say(a, buf_str(&text));
	buf_fini(&text);
	rb_collect_offers(a, in.verdict);
	rb_next_offer(a);
}

/* --- steps --- */

static void
on_looked(void *arg)
{
	struct agent_runbook *a = arg;
	struct runbook_case *c = a->c;
	struct buf line;

	for (; a->told < c->founds.count; a->told++) {
		buf_init(&line, 4096);
		runbook_report_found(c->rb, &c->founds.all[a->told], &line);
		rb_say(a, buf_str(&line));
		buf_fini(&line);
	}
	for (size_t i = 0; i < c->founds.trouble_count; i++)
		a->agent.events->trouble(c->founds.trouble[i],
		    "mend the pattern; the other findings are not touched by it",
		    a->agent.arg);
	c->founds.trouble_count = 0;
	a->step++;
	next_step(a);
}

/*
 * A verb is what helps: what the devvm still says adds to the evidence, and is not
 * waited for.
 */
static bool
is_doomed(const struct agent_runbook *a)
{
	const struct verdict *v = case_verdict(a->c);
	int verb = v ? verb_by_name(v->advice, strlen(v->advice)) : -1;

	return verb >= 0 && verb_rows[verb].mutating;
}

/* Does the devvm swallow what it is asked? */
static void
learn(struct agent_runbook *a, const struct step *s, const struct step_result *r)
{
	if (s->kind != STEP_DEVVM)
		return;
	if (r->state == RESULT_FAILED && r->unreached)
		snprintf(a->silent, sizeof a->silent, "%s", r->failed);
	if (r->state != RESULT_FAILED || r->out.len || r->err.len) {
		a->swallowed = 0;
		return;
	}
	if (++a->swallowed >= (is_doomed(a) ? 1 : SWALLOWED_MAX) && !a->silent[0])
		snprintf(a->silent, sizeof a->silent, "it swallows commands: %.250s",
		    r->failed);
}

/*
 * The verdict has just climbed.  Where it came to no login there is nothing to wait
 * for again; a machine that is only slow is tried.
 */
static void
learn_from_verdict(struct agent_runbook *a, const struct verdict *v)
{
	const struct remote *devvm = broker_remote(a->cfg.broker, DOOR_DEVVM);

	if (remote_state(devvm) == REMOTE_UP || strcmp(v->word, "crawling") == 0 ||
	    strcmp(v->word, "unknown") == 0 || !verdict_is_bad(v))
		return;
	snprintf(a->silent, sizeof a->silent, "%s",
	    remote_why(devvm)[0] ? remote_why(devvm) : "it takes no login");
}

static void
on_step(void *arg)
{
	struct agent_runbook *a = arg;
	const struct step *s = &a->c->rb->steps[a->step];
	const struct step_result *r = &a->c->results[a->step];
	struct buf line;

	a->running = NULL;
	learn(a, s, r);
	if (r->has_verdict)
		learn_from_verdict(a, &r->verdict);
	if (r->has_verdict && verdict_is_bad(&r->verdict)) {
		buf_init(&line, 2048);
		runbook_report_verdict(&r->verdict, &line);
		rb_say(a, buf_str(&line));
		buf_fini(&line);
	}
	rb_enter(a, RB_LOOKING);
	case_look(a->c, a->step, on_looked, a);
}

static void
run_step(struct agent_runbook *a)
{
	const struct step *s = &a->c->rb->steps[a->step];
	char text[RUNBOOK_TEXT_MAX + 64];
	int limit_s = s->limit_s;

	snprintf(text, sizeof text, "step %d of %zu: %s", a->step + 1,
	    a->c->rb->step_count, s->title[0] ? s->title : s->id);
	rb_progress(a, text);
	if (is_doomed(a) && limit_s > DOOMED_LIMIT_S)
		limit_s = DOOMED_LIMIT_S;
	rb_enter(a, RB_STEP);
	a->running = step_start(&(struct step_ask){.cfg = &a->cfg,
				    .kind = s->kind,
				    .command = s->command,
				    .verb = s->verb,
				    .limit_s = limit_s,
				    .by = a->by,
				    .turn = a->turn},
	    &a->c->results[a->step], on_step, a);
}

static void
on_may(bool yes, const char *why, void *arg)
{
	struct agent_runbook *a = arg;
	struct step_result *r = &a->c->results[a->step];

	a->ask = NULL;
	if (yes) {
		run_step(a);
		return;
	}
	r->state = RESULT_SKIPPED;
	snprintf(r->failed, sizeof r->failed, "%s", why);
	a->step++;
	next_step(a);
}

/* A block that writes, where hosts.def wants a person for it. */
static void
ask_for_step(struct agent_runbook *a, const struct step *s)
{
	char text[200];

	snprintf(text, sizeof text, "Run \"%.100s\", which writes on the devvm?",
	    s->title[0] ? s->title : s->id);
	rb_enter(a, RB_ASKING);
	a->ask = asks_ask(a->cfg.asks,
	    &(struct ask_what){.kind = "devvm",
		.text = text,
		.asked = "runbook",
		.host = "devvm",
		.command = s->command,
		.command_len = strlen(s->command),
		.turn = a->turn},
	    on_may, a);
}

/* true: this step is not for now, and its result says so. */
static bool
is_left_out(struct agent_runbook *a, const struct step *s, struct step_result *r)
{
	if (s->when >= 0 && !case_has(a->c, s->when))
		return true;
	if (s->kind != STEP_DEVVM || !a->silent[0])
		return false;
	r->state = RESULT_SKIPPED;
	snprintf(r->failed, sizeof r->failed, "the devvm does not answer");
	return true;
}

static void
next_step(struct agent_runbook *a)
{
	const struct runbook *rb = a->c->rb;
	struct policy_now now;
	const struct step *s;

	while (a->step < (int)rb->step_count &&
	    is_left_out(a, &rb->steps[a->step], &a->c->results[a->step]))
		a->step++;
	if (a->step == (int)rb->step_count) {
		report(a);
		return;
	}
	s = &rb->steps[a->step];
	now = broker_policy_now(a->cfg.broker);
	if (!s->reads && a->cfg.asks && policy_of_block(&now) == POLICY_ASK)
		ask_for_step(a, s);
	else
		run_step(a);
}

/* --- the prompt --- */

static void
begin(struct agent_runbook *a)
{
	struct runbook *rb;
	struct err err;
	const char *bad;
	char text[600];

	rb = runbooks_find(a->cfg.runbooks, a->name, &err);
	if (!rb) {
		rb_finish(a, false, err.words, "mend the file, or run another one");
		return;
	}
	bad = runbooks_bad(a->cfg.runbooks, a->name);
	if (bad && !rb->own)
		a->agent.events->trouble(
		    "your own file of this name is refused, the shipped "
		    "runbook is used",
		    bad, a->agent.arg);
	a->c = case_new(a->cfg.loop, rb);
	a->step = 0;
	snprintf(text, sizeof text, "Runbook **%s**%s, no AI: %.400s", rb->title,
	    rb->own ? " (your own)" : "", rb->description);
	rb_say(a, text);
	next_step(a);
}

/* "disk" and "/disk" name a runbook, too. */
static char *
named_in(const struct agent_runbook *a)
{
	char word[RUNBOOK_NAME_MAX + 1];
	const char *text = a->text + strspn(a->text, " /\t\n");
	size_t len = strcspn(text, " \t\r\n");
	struct err err;

	if (len == 0 || len > RUNBOOK_NAME_MAX ||
	    text[len + strspn(text + len, " \t\r\n")])
		return NULL;
	snprintf(word, sizeof word, "%.*s", (int)len, text);
	return runbooks_find(a->cfg.runbooks, word, &err) ? mem_dup(word) : NULL;
}

static void
on_read(void *arg)
{
	struct agent_runbook *a = arg;
	struct verdict v;
	struct buf text;

	if (!a->name)
		a->name = named_in(a);
	if (a->name) {
		begin(a);
		return;
	}
	buf_init(&text, REPORT_MAX);
	runbook_free_answer(
	    a->cfg.runbooks, case_known_verdict(&a->cfg, &v) ? &v : NULL, &text);
	rb_say(a, buf_str(&text));
	buf_fini(&text);
	rb_finish(a, true, NULL, NULL);
}

static int
rb_prompt(struct agent *agent, const struct agent_prompt *p, struct err *err)
{
	struct agent_runbook *a = (struct agent_runbook *)agent;
	const struct js *state = incident_state(a->cfg.incident, "agent", NULL);

	if (a->state != RB_READY || a->cancelled)
		return err_set(err, ERR_BUSY, "a runbook is being run: F8 stops it");
	a->name = mem_dup(p->runbook);
	a->text = mem_dupn(p->text, p->text ? p->len : 0);
	a->by = mem_dup(p->by && p->by[0] ? p->by : "operator");
	a->turn = state ? (int)js_int(state, "turn", 0) : 0;
	a->block = 0;
	a->began_ms = clock_mono_ms();
	rb_enter(a, RB_READING);
	runbooks_read(a->cfg.runbooks, on_read, a);
	return 0;
}

static void
on_soon(uv_timer_t *t)
{
	struct agent_runbook *a = t->data;

	if (a->tell_state)
		a->agent.events->state(AGENT_READY, NULL, NULL, a->agent.arg);
	a->tell_state = false;
	if (a->cancelled)
		rb_finish(a, false, "the runbook was stopped; what it had asked is above",
		    NULL);
}

static void
rb_start(struct agent *agent)
{
	struct agent_runbook *a = (struct agent_runbook *)agent;

	a->tell_state = true;
	uv_timer_start(&a->soon, on_soon, 0, 0);
}

static bool
rb_ready(const struct agent *agent, const char **why, const char **todo)
{
	return true;
}

/* Nothing that is under way will call back. */
static void
drop_all(struct agent_runbook *a, const char *why)
{
	runbooks_forget(a->cfg.runbooks, a);
	if (a->running)
		step_stop(a->running, why);
	if (a->ask)
		ask_withdraw(a->ask, why);
	case_leave(a->c);
	a->c = NULL;
	a->running = NULL;
	a->ask = NULL;
}

static void
rb_cancel(struct agent *agent)
{
	struct agent_runbook *a = (struct agent_runbook *)agent;

	if (a->state == RB_READY || a->cancelled)
		return;
	a->cancelled = true;
	drop_all(a, "the runbook was stopped; the command may live on at the host");
	uv_timer_start(&a->soon, on_soon, 0, 0);
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
rb_free(struct agent *agent)
{
	struct agent_runbook *a = (struct agent_runbook *)agent;

	drop_all(a, "the engine leaves");
	step_leave();
	forget(a);
	uv_close((uv_handle_t *)&a->soon, on_closed);
}

static const struct agent_ops ops = {.start = rb_start,
    .prompt = rb_prompt,
    .ready = rb_ready,
    .cancel = rb_cancel,
    .free = rb_free};

struct agent *
agent_runbook_new(
    const struct agent_runbook_config *cfg, const struct agent_events *events, void *arg)
{
	struct agent_runbook *a = mem_alloc(sizeof *a);

	a->agent = (struct agent){&ops, "runbook", events, arg};
	a->cfg = *cfg;
	step_result_init(&a->repair);
	uv_timer_init(cfg->loop, &a->soon);
	a->soon.data = a;
	return &a->agent;
}
