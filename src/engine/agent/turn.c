/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/agent/context.h"
#include "engine/agent/turn_int.h"

static void turn_next(struct turn *t);

static void
turn_enter(struct turn *t, enum turn_state state)
{
	static const char *const names[TURN_STATES] = {"idle", "running", "ending"};

	LOG("turn", "turn %d: %s -> %s", t->now ? t->now->turn : 0, names[t->state],
	    names[state]);
	t->state = state;
	if (state == TURN_IDLE) {
		uv_timer_stop(&t->limit);
		uv_timer_stop(&t->quiet);
		uv_timer_stop(&t->late);
		broker_set_turn(t->cfg.broker, 0);
	} else if (state == TURN_RUNNING) {
		broker_set_turn(t->cfg.broker, t->now->turn);
	}
	turn_tell_agent(t);
}

void
turn_heard(struct turn *t)
{
	t->heard_ms = clock_mono_ms();
	if (t->wait.quiet_ms == 0 && t->wait.again_ms < 0)
		return;
	t->wait = (struct agent_wait){.again_ms = -1};
	turn_tell_agent(t);
}

struct js *
turn_fact(struct turn *t, enum fact kind, const char *by)
{
	struct js *f = incident_fact(kind, by);

	if (t->now)
		js_set_int(f, "turn", t->now->turn);
	return f;
}

static void
prompt_free(struct queued_prompt *q)
{
	if (!q)
		return;
	free(q->by);
	free(q->text);
	free(q->runbook);
	free(q->runbook_text);
	free(q);
}

static void
turn_on_done(const struct agent_outcome *o, void *arg)
{
	struct turn *t = arg;
	struct js *f;

	if (!t->now)
		return;
	turn_cut_open_block(t);
	turn_drop_tools(t);
	turn_on_progress(NULL, t);
	if (t->state == TURN_ENDING)
		turn_tell_cancelled(t);
	else if (!o->ok)
		turn_error(t, o->why ? o->why : "the agent gave up", o->todo);
	turn_tell_result(t, o);
	f = turn_fact(t, FACT_DONE, "agent");
	js_set_bool(f, "ok", o->ok && t->state != TURN_ENDING);
	incident_emit(t->cfg.incident, FACT_DONE, f);
	prompt_free(t->now);
	t->now = NULL;
	turn_enter(t, TURN_IDLE);
	turn_next(t);
}

static const struct agent_events agent_events = {
    .state = turn_on_state,
    .session = turn_on_session,
    .delta = turn_on_delta,
    .text = turn_on_text,
    .tool = turn_on_tool,
    .tool_output = turn_on_tool_output,
    .tool_end = turn_on_tool_end,
    .usage = turn_on_usage,
    .progress = turn_on_progress,
    .route = turn_on_route,
    .trouble = turn_on_trouble,
    .done = turn_on_done,
    .waits = turn_on_waits,
};

const struct agent_events *
turn_agent_events(void)
{
	return &agent_events;
}

/* --- limits --- */

static void
on_late(uv_timer_t *timer)
{
	turn_tell_cancelled(timer->data);
}

void
turn_end(struct turn *t, const char *by, const char *stop, const char *reason)
{
	if (t->state != TURN_RUNNING)
		return;
	snprintf(t->end_reason, sizeof t->end_reason, "%s", reason);
	snprintf(t->ended_by, sizeof t->ended_by, "%s", by);
	t->end_stop = stop;
	turn_enter(t, TURN_ENDING);
	uv_timer_start(&t->late, on_late, TURN_CANCEL_MS, 0);
	broker_stop_agent(t->cfg.broker, "the turn was ended");
	t->agent->ops->cancel(t->agent);
}

static void
on_limit(uv_timer_t *timer)
{
	struct turn *t = timer->data;

	if (budget_time(&t->budget))
		turn_end(t, "engine", "budget", t->budget.why);
}

static void
on_quiet(uv_timer_t *timer)
{
	struct turn *t = timer->data;
	int64_t quiet = clock_mono_ms() - t->heard_ms;

	/* a tool that works is no silence of the model */
	if (quiet >= TURN_QUIET_MS && !turn_has_tool(t) && t->wait.quiet_ms == 0 &&
	    t->wait.again_ms < 0)
		turn_on_waits(&(struct agent_wait){.quiet_ms = quiet, .again_ms = -1}, t);
}

void
turn_verbs_hour(struct turn *t, int verbs, int max)
{
	if (t->budget.verbs_hour == verbs && t->budget.verbs_hour_max == max)
		return;
	t->budget.verbs_hour = verbs;
	t->budget.verbs_hour_max = max;
	turn_move_budget(t);
}

void
turn_notice(struct turn *t, const char *text)
{
	if (t->agent && t->agent->ops->notice)
		t->agent->ops->notice(t->agent, text);
}

/* --- prompts --- */

static void
prompt_fact(struct turn *t, const struct queued_prompt *q, const char *state)
{
	const char *text = q->text, *end = q->text + q->len;
	int part = 1;

	while (text < end) {
		size_t left = (size_t)(end - text);
		size_t n = left > WIRE_CHUNK_MAX ? text_cut(text, WIRE_CHUNK_MAX) : left;
		struct js *f = incident_fact(FACT_PROMPT, q->by);

		js_set_int(f, "turn", q->turn);
		js_set_str(f, "state", state);
		js_set_str(f, "runbook", q->runbook);
		if (q->runbook && !q->runbook_text)
			js_set_bool(f, "offline", true);
		if (q->len > WIRE_CHUNK_MAX)
			js_set_int(f, "part", part++);
		js_set_strn(f, "text", text, n);
		incident_emit(t->cfg.incident, FACT_PROMPT, f);
		text += n;
	}
}

/* The budget is an incident's: the first prompt of another one begins anew. */
static void
turn_look_at_incident(struct turn *t)
{
	if (t->incident == incident_generation(t->cfg.incident))
		return;
	t->incident = incident_generation(t->cfg.incident);
	budget_incident(&t->budget);
	if (t->spoke && t->agent && t->agent->ops->fresh)
		t->agent->ops->fresh(t->agent);
	t->spoke = false;
	turn_tell_budget(t, false);
}

/* The driver takes it, or err says why nobody does. */
static int
turn_give(struct turn *t, const struct queued_prompt *q, struct err *err)
{
	struct context_now now = {.by = q->by, .budget = &t->budget, .queued = t->queued};
	struct agent_prompt p = {.text = q->text,
	    .len = q->len,
	    .by = q->by,
	    .runbook = q->runbook,
	    .runbook_text = q->runbook_text};

	if (!t->agent)
		return err_set(err, ERR_UNREACHABLE, "%s", t->why);
	t->spoke = true;
	if (t->cfg.context)
		p.context = context_text(t->cfg.context, &now);
	return t->agent->ops->prompt(t->agent, &p, err);
}

/* The money is spent: a runbook runs without a model, and that costs none. */
static bool
turn_is_free(struct turn *t, struct queued_prompt *q)
{
	if (!q->runbook)
		return t->agent && strcmp(t->agent->name, "runbook") == 0;
	free(q->runbook_text);
	q->runbook_text = NULL;
	return true;
}

static void
turn_start(struct turn *t, struct queued_prompt *q)
{
	struct agent_outcome o = {.in_tokens = -1,
	    .out_tokens = -1,
	    .cache_tokens = -1,
	    .cost_usd = -1,
	    .todo = t->todo};
	struct err err;

	t->now = q;
	t->began_ms = t->heard_ms = clock_mono_ms();
	t->wait = (struct agent_wait){.again_ms = -1};
	t->end_stop = NULL;
	t->end_told = false;
	repeat_begin(&t->repeat);
	prompt_fact(t, q, "started");
	turn_look_at_incident(t);
	turn_enter(t, TURN_RUNNING);
	if (t->cfg.options->turn_timeout_seconds > 0)
		uv_timer_start(&t->limit, on_limit,
		    (uint64_t)t->cfg.options->turn_timeout_seconds * 1000, 0);
	uv_timer_start(&t->quiet, on_quiet, TURN_QUIET_MS, TURN_QUIET_MS / 2);
	t->budget.turn_began = clock_mono_ms();
	if (!budget_begin(&t->budget) && !turn_is_free(t, q)) {
		o.stop = "budget";
		o.why = t->budget.why;
		o.todo = NULL;
		turn_on_done(&o, t);
	} else if (turn_give(t, q, &err) < 0) {
		o.stop = "refused";
		o.why = err.words;
		turn_on_done(&o, t);
	}
}

static void
turn_next(struct turn *t)
{
	struct queued_prompt *q = t->queue;

	if (!q || t->state != TURN_IDLE)
		return;
	t->queue = q->next;
	if (!t->queue)
		t->queue_end = &t->queue;
	t->queued--;
	turn_start(t, q);
}

static struct queued_prompt *
prompt_new(struct turn *t, const struct turn_ask *ask)
{
	struct queued_prompt *q = mem_alloc(sizeof *q);

	q->turn = ++t->last_turn;
	q->by = mem_dup(ask->by);
	q->text = mem_dupn(ask->text, ask->len);
	q->len = ask->len;
	q->runbook = mem_dup(ask->runbook);
	q->runbook_text = mem_dup(ask->runbook_text);
	return q;
}

int
turn_prompt(struct turn *t, const struct turn_ask *ask, struct err *err)
{
	struct queued_prompt *q;
	size_t len = ask->len;

	if (len && strspn(ask->text, " \t\r\n") == len)
		return err_set(err, ERR_USAGE, "the prompt is blank");
	if (len == 0 || len > WIRE_PROMPT_MAX)
		return err_set(err, ERR_LIMIT,
		    len ? "the prompt is %zu bytes, at most 65536 go: put "
			  "the long text into a file on the devvm and name it"
			: "the prompt is empty (%zu)",
		    len);
	if (t->queued == TURN_QUEUE_MAX)
		return err_set(
		    err, ERR_BUSY, "16 prompts are waiting already: F8 stops the turn");
	q = prompt_new(t, ask);
	*t->queue_end = q;
	t->queue_end = &q->next;
	t->queued++;
	if (t->state != TURN_IDLE) {
		prompt_fact(t, q, "queued");
		turn_tell_agent(t);
	}
	turn_next(t);
	return 0;
}

static void
take_back(struct turn *t, struct queued_prompt **at, const char *by)
{
	struct queued_prompt *q = *at;
	struct js *f = incident_fact(FACT_CANCELLED, by);

	*at = q->next;
	if (!*at)
		t->queue_end = at;
	t->queued--;
	js_set_int(f, "turn", q->turn);
	js_set(f, "runs", js_array());
	js_set_str(f, "text", "a queued prompt was taken back");
	incident_emit(t->cfg.incident, FACT_CANCELLED, f);
	prompt_free(q);
}

void
turn_cancel(struct turn *t, const char *by)
{
	if (t->state == TURN_RUNNING) {
		turn_end(t, by, NULL, "an operator stopped the turn");
		return;
	}
	while (t->state == TURN_IDLE && t->queue)
		take_back(t, &t->queue, by);
}

void
turn_kill(struct turn *t, const char *by)
{
	while (t->queue)
		take_back(t, &t->queue, by);
	turn_end(t, by, NULL, "an operator pulled the kill switch");
}

int
turn_take_back(struct turn *t, int turn, const char *by, struct err *err)
{
	struct queued_prompt **at = &t->queue;

	while (*at && (*at)->turn != turn)
		at = &(*at)->next;
	if (!*at)
		return err_set(
		    err, ERR_USAGE, "the prompt of turn %d does not wait", turn);
	take_back(t, at, by);
	turn_tell_agent(t);
	return 0;
}

bool
turn_is_busy(const struct turn *t)
{
	return t->state != TURN_IDLE || t->queue;
}

void
turn_found(struct turn *t, const struct js *record)
{
	int n = (int)js_int(record, "turn", 0);

	if (n > t->last_turn)
		t->last_turn = n;
	t->spoke = t->spoke || n > 0;
	if (js_is(record, "t", "state") && js_is(record, "what", "budget"))
		budget_found(&t->budget, record);
}

struct turn *
turn_new(const struct turn_config *cfg)
{
	struct turn *t = mem_alloc(sizeof *t);
	uv_timer_t *timers[] = {&t->limit, &t->quiet, &t->late, &t->pulse};
	const struct options *o = cfg->options;

	t->cfg = *cfg;
	t->wait.again_ms = -1;
	t->queue_end = &t->queue;
	t->block = -1;
	buf_init(&t->text, TURN_BLOCK_MAX);
	budget_init(&t->budget,
	    &(struct budget_limits){.turn_ms = o->turn_timeout_seconds * 1000,
		.turn_calls = o->turn_tool_calls,
		.turn_tokens = o->turn_tokens,
		.incident_usd = (double)o->incident_cost_usd});
	t->open = ARRAY_LEN(timers) + 1;
	uv_prepare_init(cfg->loop, &t->flush);
	t->flush.data = t;
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(cfg->loop, timers[i]);
		timers[i]->data = t;
	}
	return t;
}

void
turn_set_agent(struct turn *t, struct agent *agent, const char *why, const char *todo)
{
	t->agent = agent;
	t->incident =
	    incident_generation(t->cfg.incident); /* what was found is of this one */
	free(t->why);
	free(t->todo);
	t->why = mem_dup(why);
	t->todo = mem_dup(todo);
	turn_tell_budget(t, false);
	if (agent) {
		agent->ops->start(agent);
		return;
	}
	t->agent_state = AGENT_UNAVAILABLE;
	turn_tell_agent(t);
}

static void
on_closed(uv_handle_t *handle)
{
	struct turn *t = handle->data;
	struct queued_prompt *q;

	if (--t->open > 0)
		return;
	while ((q = t->queue) != NULL) {
		t->queue = q->next;
		prompt_free(q);
	}
	prompt_free(t->now);
	for (size_t i = 0; i < TURN_LOCALS; i++)
		free(t->locals[i].id);
	buf_fini(&t->text);
	turn_route_fini(t);
	js_free(t->told);
	free(t->progress);
	free(t->why);
	free(t->todo);
	free(t);
}

void
turn_free(struct turn *t)
{
	if (!t)
		return;
	if (t->agent)
		t->agent->ops->free(t->agent);
	t->agent = NULL;
	uv_close((uv_handle_t *)&t->limit, on_closed);
	uv_close((uv_handle_t *)&t->quiet, on_closed);
	uv_close((uv_handle_t *)&t->late, on_closed);
	uv_close((uv_handle_t *)&t->pulse, on_closed);
	uv_close((uv_handle_t *)&t->flush, on_closed);
}
