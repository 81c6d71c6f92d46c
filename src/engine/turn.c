/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#define TURN_BLOCK_MAX (1024 * 1024) /* bytes of an open text block that are kept */
#define TURN_LOCALS 32		     /* local tools open at once */
#define TURN_QUIET_MS 20000	     /* silence of the model that is worth a word */

enum turn_state { TURN_IDLE, TURN_RUNNING, TURN_ENDING, TURN_STATES };

struct queued_prompt {
	struct queued_prompt *next;
	int turn;
	char *by;
	size_t len;
	char *text;
};

struct local {
	char *id; /* the vendor's; NULL: free */
	struct run *run;
};

struct turn {
	struct turn_config cfg;
	enum turn_state state;
	struct agent *agent;
	char *why, *todo; /* of no agent, or as the driver last said with its state */
	enum agent_state agent_state;
	char model[64];
	int last_turn;
	struct queued_prompt *queue, **queue_end;
	int queued;
	struct queued_prompt *now;
	int64_t began_ms, heard_ms;
	uv_timer_t limit, quiet;
	const char *end_reason; /* of ENDING: why it was ended, a sentence */
	char ended_by[WIRE_NAME_MAX + 1];
	int block; /* open block, -1: none */
	struct buf text;
	size_t block_off;
	struct local locals[TURN_LOCALS];
	unsigned incident; /* generation of the incident that the sums are of */
	int64_t in_tokens, out_tokens;
	double cost_usd;
	int turns;
};

static void turn_next(struct turn *t);

/* Only a change is a fact. */
static bool
is_told(struct turn *t, const struct js *f)
{
	static const char *const keys[] = {"state", "driver", "model", "why", "todo"};
	const struct js *was = incident_state(t->cfg.incident, "agent", NULL);

	if (!was || js_has(was, "quiet_ms") ||
	    js_int(was, "turn", 0) != js_int(f, "turn", 0) ||
	    js_int(was, "queued", 0) != js_int(f, "queued", 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *a = js_str(was, keys[i]), *b = js_str(f, keys[i]);

		if (strcmp(a ? a : "", b ? b : "") != 0)
			return false;
	}
	return true;
}

static void
turn_tell_agent(struct turn *t, const char *why, const char *todo)
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

	if (!why && !todo) {
		why = t->why;
		todo = t->todo;
	}
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
	if (t->model[0])
		js_set_str(f, "model", t->model);
	js_set_int(f, "queued", t->queued);
	if (why && why[0])
		js_set_str(f, "why", why);
	if (todo && todo[0])
		js_set_str(f, "todo", todo);
	if (is_told(t, f))
		js_free(f);
	else
		incident_emit(t->cfg.incident, FACT_STATE, f);
}

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
		broker_set_turn(t->cfg.broker, 0);
	} else if (state == TURN_RUNNING) {
		broker_set_turn(t->cfg.broker, t->now->turn);
	}
	turn_tell_agent(t, NULL, NULL);
}

static struct js *
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
	free(q);
}

static void
turn_error(struct turn *t, const char *text, const char *todo)
{
	struct js *f = turn_fact(t, FACT_ERROR, "agent");

	js_set_str(f, "where", "agent");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", todo);
	incident_emit(t->cfg.incident, FACT_ERROR, f);
}

/* --- text blocks --- */

static void
emit_text(
    struct turn *t, int block, const char *text, size_t len, bool thinking, bool cut)
{
	size_t parts = (len + WIRE_CHUNK_MAX - 4) / (WIRE_CHUNK_MAX - 3), part = 1;

	while (len > 0) {
		size_t n = len > WIRE_CHUNK_MAX ? text_cut(text, WIRE_CHUNK_MAX) : len;
		struct js *f = turn_fact(t, FACT_TEXT, "agent");

		js_set_int(f, "block", block);
		js_set_bytes(f, "text", text, n);
		if (parts > 1) {
			js_set_int(f, "part", (int64_t)part++);
			js_set_int(f, "parts", (int64_t)parts);
		}
		if (thinking)
			js_set_bool(f, "thinking", true);
		if (cut)
			js_set_bool(f, "cut", true);
		incident_emit(t->cfg.incident, FACT_TEXT, f);
		text += n;
		len -= n;
	}
}

/* The driver went on or ended without finishing the open block: keep what is known. */
static void
turn_cut_open_block(struct turn *t)
{
	if (t->block >= 0 && t->text.len)
		emit_text(t, t->block, t->text.data, t->text.len, false, true);
	t->block = -1;
	buf_clear(&t->text);
}

static void
tell_delta(struct turn *t, size_t off, const char *text, size_t len)
{
	struct js *f = turn_fact(t, FACT_DELTA, "agent");

	js_set_int(f, "block", t->block);
	js_set_int(f, "off", (int64_t)off);
	js_set_bytes(f, "text", text, len);
	incident_tell(t->cfg.incident, FACT_DELTA, f);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct turn *t = arg;

	t->heard_ms = clock_mono_ms();
	if (block != t->block)
		turn_cut_open_block(t);
	if (block != t->block || off == 0)
		buf_clear(&t->text);
	t->block = block;
	while (len > 0) {
		size_t n = len > WIRE_CHUNK_MAX ? text_cut(text, WIRE_CHUNK_MAX) : len;

		buf_add_some(&t->text, text, n);
		tell_delta(t, off, text, n);
		off += n;
		text += n;
		len -= n;
	}
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	struct turn *t = arg;

	t->heard_ms = clock_mono_ms();
	if (block == t->block) {
		t->block = -1;
		buf_clear(&t->text);
	}
	emit_text(t, block, text, len, thinking, cut);
}

void
turn_tell_open(struct turn *t, struct peer *p)
{
	size_t off = 0;

	while (t->block >= 0 && off < t->text.len) {
		size_t left = t->text.len - off;
		size_t n = left > WIRE_CHUNK_MAX
		    ? text_cut(t->text.data + off, WIRE_CHUNK_MAX)
		    : left;
		struct js *f = turn_fact(t, FACT_DELTA, "agent");

		js_set_int(f, "block", t->block);
		js_set_int(f, "off", (int64_t)off);
		js_set_bytes(f, "text", t->text.data + off, n);
		peer_tell(p, FACT_DELTA, f);
		off += n;
	}
}

/* --- local tools of the agent --- */

static struct local *
local_find(struct turn *t, const char *id)
{
	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (id ? t->locals[i].id && strcmp(t->locals[i].id, id) == 0
		       : !t->locals[i].id)
			return &t->locals[i];
	return NULL;
}

static void
on_tool(const char *id, const char *name, const char *what, size_t what_len, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, NULL);

	t->heard_ms = clock_mono_ms();
	if (!l || local_find(t, id))
		return;
	l->id = mem_dup(id);
	l->run = run_begin(t->cfg.runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "local",
		.name = name,
		.what = what,
		.what_len = what_len,
		.turn = t->now ? t->now->turn : 0});
}

static void
local_end(struct local *l, const struct agent_tool_end *end)
{
	if (end->exit >= 0)
		run_exit(l->run, end->exit);
	else if (end->failed)
		run_fail(l->run, end->why ? end->why : "the tool reports a failure");
	else
		run_exit(l->run, 0);
	free(l->id);
	l->id = NULL;
	l->run = NULL;
}

static void
on_tool_output(const char *id, int stream, const char *data, size_t len, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, id);

	t->heard_ms = clock_mono_ms();
	if (l && len)
		run_output(l->run, stream, data, len);
}

static void
on_tool_end(const char *id, const struct agent_tool_end *end, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, id);

	t->heard_ms = clock_mono_ms();
	if (!l)
		return;
	if (end->len)
		run_output(l->run, end->failed ? 2 : 1, end->text, end->len);
	local_end(l, end);
}

/* --- the driver's other words --- */

static void
on_state(enum agent_state state, const char *why, const char *todo, void *arg)
{
	struct turn *t = arg;

	t->agent_state = state;
	free(t->why);
	free(t->todo);
	t->why = mem_dup(why);
	t->todo = mem_dup(todo);
	turn_tell_agent(t, NULL, NULL);
}

static void
on_session(const char *session, const char *model, const char *version, void *arg)
{
	struct turn *t = arg;
	struct js *f = incident_fact(FACT_SESSION, "agent");

	snprintf(t->model, sizeof t->model, "%s", model ? model : "");
	js_set_str(f, "session", session);
	js_set_str(f, "model", model);
	js_set_str(f, "version", version);
	js_set_str(f, "driver", t->agent->name);
	incident_emit(t->cfg.incident, FACT_SESSION, f);
}

static void
on_trouble(const char *text, const char *todo, void *arg)
{
	struct turn *t = arg;

	t->heard_ms = clock_mono_ms();
	turn_error(t, text, todo);
}

/* Sign of life; the sums follow with the end. */
static void
on_usage(const struct agent_usage *sofar, void *arg)
{
	struct turn *t = arg;

	t->heard_ms = clock_mono_ms();
}

static void
on_progress(const char *text, void *arg)
{
	struct turn *t = arg;

	t->heard_ms = clock_mono_ms();
}

static void
on_route(const struct agent_route *route, void *arg)
{
	struct turn *t = arg;

	snprintf(t->model, sizeof t->model, "%s", route->model ? route->model : "");
	turn_tell_agent(t, NULL, NULL);
}

static void
turn_tell_cancelled(struct turn *t)
{
	struct js *f = turn_fact(t, FACT_CANCELLED, t->ended_by), *runs = js_array();

	runs_list(t->cfg.runs, "agent", runs);
	js_set(f, "runs", runs);
	js_set_str(f, "text", t->end_reason);
	incident_emit(t->cfg.incident, FACT_CANCELLED, f);
}

static void
turn_tell_result(struct turn *t, const struct agent_outcome *o)
{
	struct js *f = turn_fact(t, FACT_RESULT, "agent");

	js_set_str(f, "stop", o->stop);
	js_set_int(f, "ms", clock_mono_ms() - t->began_ms);
	if (o->in_tokens >= 0)
		js_set_int(f, "in", o->in_tokens);
	if (o->out_tokens >= 0)
		js_set_int(f, "out", o->out_tokens);
	if (o->cache_tokens >= 0)
		js_set_int(f, "cache", o->cache_tokens);
	if (o->cost_usd >= 0)
		js_set_dbl(f, "cost_usd", o->cost_usd);
	incident_emit(t->cfg.incident, FACT_RESULT, f);
	t->in_tokens += o->in_tokens > 0 ? o->in_tokens : 0;
	t->out_tokens += o->out_tokens > 0 ? o->out_tokens : 0;
	t->cost_usd += o->cost_usd > 0 ? o->cost_usd : 0;
	t->turns++;
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "budget");
	js_set_int(f, "in", t->in_tokens);
	js_set_int(f, "out", t->out_tokens);
	js_set_dbl(f, "cost_usd", t->cost_usd);
	js_set_int(f, "turns", t->turns);
	incident_emit(t->cfg.incident, FACT_STATE, f);
}

static void
on_done(const struct agent_outcome *o, void *arg)
{
	static const struct agent_tool_end unfinished = {
	    .failed = true, .exit = -1, .why = "the turn ended before it did"};
	struct turn *t = arg;
	struct js *f;

	if (!t->now)
		return;
	turn_cut_open_block(t);
	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (t->locals[i].id)
			local_end(&t->locals[i], &unfinished);
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
    .state = on_state,
    .session = on_session,
    .delta = on_delta,
    .text = on_text,
    .tool = on_tool,
    .tool_output = on_tool_output,
    .tool_end = on_tool_end,
    .usage = on_usage,
    .progress = on_progress,
    .route = on_route,
    .trouble = on_trouble,
    .done = on_done,
};

const struct agent_events *
turn_agent_events(void)
{
	return &agent_events;
}

/* --- limits --- */

static void
turn_end(struct turn *t, const char *by, const char *reason)
{
	if (t->state != TURN_RUNNING)
		return;
	t->end_reason = reason;
	snprintf(t->ended_by, sizeof t->ended_by, "%s", by);
	turn_enter(t, TURN_ENDING);
	broker_stop_agent(
	    t->cfg.broker, "the turn was ended; the command may live on at the host");
	t->agent->ops->cancel(t->agent);
}

static void
on_limit(uv_timer_t *timer)
{
	turn_end(timer->data, "engine",
	    "the turn reached its time limit (turn_timeout_seconds) and was ended");
}

static void
on_quiet(uv_timer_t *timer)
{
	struct turn *t = timer->data;
	int64_t quiet = clock_mono_ms() - t->heard_ms;
	struct js *f;

	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (t->locals[i].id)
			return; /* a tool that works is no silence of the model */
	if (quiet < TURN_QUIET_MS)
		return;
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "agent");
	js_set_str(f, "state", "working");
	js_set_str(f, "driver", t->agent->name);
	js_set_str(f, "model", t->model);
	js_set_int(f, "queued", t->queued);
	js_set_int(f, "quiet_ms", quiet);
	incident_tell(t->cfg.incident, FACT_STATE, f);
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
	t->in_tokens = t->out_tokens = 0;
	t->cost_usd = 0;
	t->turns = 0;
}

static void
turn_start(struct turn *t, struct queued_prompt *q)
{
	static const struct agent_outcome refused = {.stop = "refused",
	    .in_tokens = -1,
	    .out_tokens = -1,
	    .cache_tokens = -1,
	    .cost_usd = -1};
	struct agent_outcome o = refused;
	struct err err;

	t->now = q;
	t->began_ms = t->heard_ms = clock_mono_ms();
	prompt_fact(t, q, "started");
	turn_look_at_incident(t);
	turn_enter(t, TURN_RUNNING);
	uv_timer_start(&t->limit, on_limit,
	    (uint64_t)t->cfg.options->turn_timeout_seconds * 1000, 0);
	uv_timer_start(&t->quiet, on_quiet, TURN_QUIET_MS, TURN_QUIET_MS / 2);
	if (!t->agent) {
		o.why = t->why;
		o.todo = t->todo;
		on_done(&o, t);
	} else if (t->agent->ops->prompt(t->agent,
		       &(struct agent_prompt){
			   .text = q->text, .len = q->len, .by = q->by},
		       &err) < 0) {
		o.why = err.words;
		o.todo = t->todo;
		on_done(&o, t);
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

int
turn_prompt(struct turn *t, const char *by, const char *text, size_t len, struct err *err)
{
	struct queued_prompt *q;

	if (len && strspn(text, " \t\r\n") == len)
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
	q = mem_alloc(sizeof *q);
	q->turn = ++t->last_turn;
	q->by = mem_dup(by);
	q->text = mem_dupn(text, len);
	q->len = len;
	*t->queue_end = q;
	t->queue_end = &q->next;
	t->queued++;
	if (t->state != TURN_IDLE) {
		prompt_fact(t, q, "queued");
		turn_tell_agent(t, NULL, NULL);
	}
	turn_next(t);
	return 0;
}

void
turn_cancel(struct turn *t, const char *by)
{
	struct queued_prompt *q;

	if (t->state == TURN_RUNNING) {
		turn_end(t, by, "an operator stopped the turn");
		return;
	}
	while (t->state == TURN_IDLE && (q = t->queue) != NULL) {
		struct js *f = incident_fact(FACT_CANCELLED, by);

		t->queue = q->next;
		js_set_int(f, "turn", q->turn);
		js_set(f, "runs", js_array());
		js_set_str(f, "text", "a queued prompt was taken back");
		incident_emit(t->cfg.incident, FACT_CANCELLED, f);
		prompt_free(q);
	}
	if (!t->queue) {
		t->queue_end = &t->queue;
		t->queued = 0;
	}
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
	if (js_is(record, "t", "state") && js_is(record, "what", "budget")) {
		t->in_tokens = js_int(record, "in", 0);
		t->out_tokens = js_int(record, "out", 0);
		t->cost_usd = js_dbl(record, "cost_usd", 0);
		t->turns = (int)js_int(record, "turns", 0);
	}
}

struct turn *
turn_new(const struct turn_config *cfg)
{
	struct turn *t = mem_alloc(sizeof *t);

	t->cfg = *cfg;
	t->queue_end = &t->queue;
	t->block = -1;
	buf_init(&t->text, TURN_BLOCK_MAX);
	uv_timer_init(cfg->loop, &t->limit);
	uv_timer_init(cfg->loop, &t->quiet);
	t->limit.data = t->quiet.data = t;
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
	if (agent) {
		agent->ops->start(agent);
		return;
	}
	t->agent_state = AGENT_UNAVAILABLE;
	turn_tell_agent(t, why, todo);
}

static void
on_limit_closed(uv_handle_t *handle)
{
	struct turn *t = handle->data;
	struct queued_prompt *q;

	while ((q = t->queue) != NULL) {
		t->queue = q->next;
		prompt_free(q);
	}
	prompt_free(t->now);
	for (size_t i = 0; i < TURN_LOCALS; i++)
		free(t->locals[i].id);
	buf_fini(&t->text);
	free(t->why);
	free(t->todo);
	free(t);
}

static void
on_quiet_closed(uv_handle_t *handle)
{
	struct turn *t = handle->data;

	uv_close((uv_handle_t *)&t->limit, on_limit_closed);
}

void
turn_free(struct turn *t)
{
	if (!t)
		return;
	if (t->agent)
		t->agent->ops->free(t->agent);
	t->agent = NULL;
	uv_close((uv_handle_t *)&t->quiet, on_quiet_closed);
}
