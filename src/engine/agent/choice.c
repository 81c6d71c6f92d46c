/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/choice_int.h"
#include "engine/agent/recap.h"

#define PROBE_MS 800
#define FRESH_MS 30000
#define AWAY_MS 60000

static void
keep(char **field, const char *text)
{
	char *copy = mem_dup(text);

	free(*field);
	*field = copy;
}

/* --- who is shown --- */

void
choice_tell_route(struct choice *c)
{
	struct slot *s = c->now;
	struct agent_route r = {.driver = c->base.name,
	    .endpoint = s->endpoint,
	    .model = s->model,
	    .why = s->route_why,
	    .back = s->route_back};

	if (!r.endpoint && s->which == CHOICE_CLI && c->cfg.endpoints &&
	    endpoints_count(c->cfg.endpoints) > 0)
		r.endpoint = endpoints_at(c->cfg.endpoints, 0)->name;
	if (c->why[0])
		r.why = c->why;
	if (r.why && c->back[0])
		r.back = c->back;
	c->base.events->route(&r, c->base.arg);
}

void
choice_set_now(struct choice *c, struct slot *s)
{
	if (c->now == s)
		return;
	LOG("choice", "%s -> %s", c->now ? slot_name(c->now) : "nobody", slot_name(s));
	c->now = s;
	c->base.name = s->agent ? s->agent->name : "none";
	if (s->agent && !s->started && c->want) {
		s->started = true;
		s->agent->ops->start(s->agent);
	}
	choice_tell_route(c);
	c->base.events->state(s->state, s->why, s->todo, c->base.arg);
}

/* Between turns, while nothing is known to be ill: the first that could take a prompt. */
void
choice_settle(struct choice *c)
{
	struct slot *first;

	if (c->state != CHOICE_IDLE || c->dead || choice_must_look(c, INT64_MAX))
		return;
	first = choice_first(c);
	if (!first)
		first = &c->slots[c->mode == CHOICE_AUTO ? CHOICE_CLI : c->mode];
	if (c->now && c->away && slot_is_usable(c->now))
		return;
	if (c->now != first && c->mode == CHOICE_AUTO)
		c->why[0] = c->back[0] = '\0';
	if (first->which == CHOICE_RUNBOOK && c->mode == CHOICE_AUTO && !c->why[0]) {
		choice_all_why(c, c->why);
		snprintf(c->back, sizeof c->back, "a model takes over when there is one");
	}
	choice_set_now(c, first);
	if (first->agent && !first->started && c->want) {
		first->started = true;
		first->agent->ops->start(first->agent);
	}
}

static void
on_bell(uv_timer_t *timer)
{
	choice_advance(timer->data);
}

void
choice_ring(struct choice *c)
{
	if (!c->dead)
		uv_timer_start(&c->bell, on_bell, 0, 0);
}

/* --- what the endpoints' credentials are read from was looked at --- */

static void
on_looked(void *arg)
{
	choice_ring(arg);
}

/* --- the drivers' events; arg is the slot --- */

static struct choice *
heard(struct slot *s)
{
	return s->c->now == s && !s->c->dead ? s->c : NULL;
}

/* Of the turn in hand. */
static struct choice *
at_work(struct slot *s)
{
	struct choice *c = heard(s);

	return c && c->state == CHOICE_GIVEN ? c : NULL;
}

static void
on_state(enum agent_state state, const char *why, const char *todo, void *arg)
{
	struct slot *s = arg;
	struct choice *c = s->c;

	s->state = state;
	keep(&s->why, why);
	keep(&s->todo, todo);
	if (c->now == s && !c->dead)
		c->base.events->state(state, why, todo, c->base.arg);
	if (state == AGENT_WAITING)
		choice_on_waiting(c);
	else if (c->state == CHOICE_IDLE)
		choice_ring(c);
}

static void
on_session(const char *session, const char *model, const char *version, void *arg)
{
	struct slot *s = arg;
	struct choice *c = heard(s);

	if (model)
		keep(&s->model, model);
	if (c)
		c->base.events->session(session, model, version, c->base.arg);
}

static int
block_of(struct choice *c, int block)
{
	block += c->block_base;
	if (block >= c->block_next)
		c->block_next = block + 1;
	return block;
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct choice *c = at_work(arg);

	if (c)
		c->base.events->delta(block_of(c, block), off, text, len, c->base.arg);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	struct choice *c = at_work(arg);

	if (c)
		c->base.events->text(
		    block_of(c, block), text, len, thinking, cut, c->base.arg);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t what_len, void *arg)
{
	struct choice *c = at_work(arg);

	if (!c)
		return;
	c->ran = true;
	c->base.events->tool(id, name, what, what_len, c->base.arg);
}

static void
on_tool_output(const char *id, int stream, const char *data, size_t len, void *arg)
{
	struct choice *c = at_work(arg);

	if (c)
		c->base.events->tool_output(id, stream, data, len, c->base.arg);
}

static void
on_tool_end(const char *id, const struct agent_tool_end *end, void *arg)
{
	struct choice *c = at_work(arg);

	if (c)
		c->base.events->tool_end(id, end, c->base.arg);
}

static int64_t
plus(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a + b;
}

static void
on_usage(const struct agent_usage *u, void *arg)
{
	struct choice *c = at_work(arg);
	struct agent_usage sum;

	if (!c)
		return;
	c->last = sum = *u;
	sum.in = plus(sum.in, c->past.in);
	sum.out = plus(sum.out, c->past.out);
	sum.cache_read = plus(sum.cache_read, c->past.cache_read);
	sum.calls = (int)plus(sum.calls, c->past.calls);
	if (c->past.cost_usd > 0)
		sum.cost_usd = (sum.cost_usd > 0 ? sum.cost_usd : 0) + c->past.cost_usd;
	c->base.events->usage(&sum, c->base.arg);
}

static void
on_progress(const char *text, void *arg)
{
	struct choice *c = heard(arg);

	if (c)
		c->base.events->progress(text, c->base.arg);
}

static void
on_route(const struct agent_route *r, void *arg)
{
	struct slot *s = arg;
	struct choice *c = heard(s);

	keep(&s->endpoint, r->endpoint);
	keep(&s->model, r->model);
	keep(&s->route_why, r->why);
	keep(&s->route_back, r->back);
	if (!c)
		return;
	if (!r->why && !c->why[0])
		c->back[0] = '\0';
	choice_watch_way(c);
	choice_tell_route(c);
}

static void
on_trouble(const char *text, const char *todo, void *arg)
{
	struct choice *c = heard(arg);

	if (c)
		c->base.events->trouble(text, todo, c->base.arg);
}

static void
on_done(const struct agent_outcome *o, void *arg)
{
	struct choice *c = at_work(arg);

	if (c)
		choice_on_done(c, o);
}

static void
on_waits(const struct agent_wait *w, void *arg)
{
	struct choice *c = heard(arg);

	if (c && c->base.events->waits)
		c->base.events->waits(w, c->base.arg);
}

static const struct agent_events slot_events = {
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
    .waits = on_waits,
};

const struct agent_events *
choice_events(void)
{
	return &slot_events;
}

void *
choice_arg(struct choice *c, enum choice_driver which)
{
	return &c->slots[which];
}

/* --- as a driver --- */

static void
choice_start(struct agent *a)
{
	struct choice *c = (struct choice *)a;

	c->want = true;
	choice_ring(c);
}

static int
choice_prompt(struct agent *a, const struct agent_prompt *p, struct err *err)
{
	struct choice *c = (struct choice *)a;

	if (c->has_prompt)
		return err_set(err, ERR_BUSY, "a turn runs already");
	c->has_prompt = true;
	c->cancelled = false;
	c->prompt = (struct choice_prompt){.text = mem_dupn(p->text, p->len),
	    .len = p->len,
	    .by = mem_dup(p->by),
	    .context = mem_dup(p->context),
	    .runbook = mem_dup(p->runbook),
	    .runbook_text = mem_dup(p->runbook_text)};
	choice_ring(c);
	return 0;
}

static bool
choice_ready(const struct agent *a, const char **why, const char **todo)
{
	const struct choice *c = (const struct choice *)a;
	const struct agent *now = c->now ? c->now->agent : NULL;

	if (now && now->ops->ready)
		return now->ops->ready(now, why, todo);
	*why = c->now && c->now->why ? c->now->why : "no driver is there yet";
	*todo = c->now && c->now->todo ? c->now->todo : "wait a moment";
	return now != NULL;
}

static void
choice_notice(struct agent *a, const char *text)
{
	struct choice *c = (struct choice *)a;
	struct agent *now = c->now ? c->now->agent : NULL;

	if (now && now->ops->notice)
		now->ops->notice(now, text);
}

static void
choice_cancel(struct agent *a)
{
	struct choice *c = (struct choice *)a;

	if (!c->has_prompt || c->cancelled)
		return;
	c->cancelled = true;
	if (c->state == CHOICE_GIVEN)
		c->now->agent->ops->cancel(c->now->agent);
	else
		choice_ring(c);
}

static void
choice_fresh(struct agent *a)
{
	struct choice *c = (struct choice *)a;

	for (size_t i = 0; i < CHOICE_DRIVERS; i++) {
		struct slot *s = &c->slots[i];

		if (s->agent && s->agent->ops->fresh)
			s->agent->ops->fresh(s->agent);
		if (c->cfg.recap)
			s->seen = recap_mark(c->cfg.recap);
	}
}

static void
on_closed(uv_handle_t *handle)
{
	struct choice *c = handle->data;

	if (--c->open > 0)
		return;
	choice_forget_prompt(c);
	for (size_t i = 0; i < CHOICE_DRIVERS; i++) {
		struct slot *s = &c->slots[i];
		char **fields[] = {&s->why, &s->todo, &s->endpoint, &s->model,
		    &s->route_why, &s->route_back};

		for (size_t k = 0; k < ARRAY_LEN(fields); k++)
			free(*fields[k]);
	}
	free(c);
}

static void
choice_free(struct agent *a)
{
	struct choice *c = (struct choice *)a;

	c->dead = true;
	if (c->cfg.endpoints)
		endpoints_unwatch(c->cfg.endpoints, c);
	for (size_t i = 0; i < CHOICE_DRIVERS; i++)
		if (c->slots[i].agent)
			c->slots[i].agent->ops->free(c->slots[i].agent);
	uv_close((uv_handle_t *)&c->bell, on_closed);
	uv_close((uv_handle_t *)&c->look, on_closed);
}

static const struct agent_ops ops = {.start = choice_start,
    .prompt = choice_prompt,
    .ready = choice_ready,
    .notice = choice_notice,
    .cancel = choice_cancel,
    .fresh = choice_fresh,
    .free = choice_free};

/* --- by hand --- */

static const char *const driver_names[] = {"cli", "api", "runbook", "auto"};

int
choice_driver_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(driver_names); i++)
		if (strcmp(driver_names[i], name) == 0)
			return (int)i;
	return -1;
}

static int
check_hand(struct choice *c, int which, const char *endpoint, struct err *err)
{
	struct slot *s = NULL;

	if (which < 0)
		return err_set(err, ERR_USAGE, "the drivers are: auto cli api runbook");
	if (which < CHOICE_DRIVERS)
		s = &c->slots[which];
	if (endpoint && which != CHOICE_API)
		return err_set(err, ERR_USAGE,
		    "an endpoint goes with the driver api: claude asks the first one");
	if (s && !slot_is_usable(s))
		return err_set(err, ERR_UNREACHABLE, "%s cannot take a prompt: %s",
		    slot_name(s), s->why ? s->why : "it is not there");
	return 0;
}

int
choice_by_hand(struct choice *c, const char *driver, const char *endpoint, const char *by,
    struct err *err)
{
	struct agent *api = c->slots[CHOICE_API].agent;
	int which = driver ? choice_driver_by_name(driver) : endpoint ? CHOICE_API : -1;

	if (check_hand(c, which, endpoint, err) < 0)
		return -1;
	if (api && c->cfg.prefer && c->cfg.prefer(api, endpoint, err) < 0)
		return -1;
	c->mode = (enum choice_driver)which;
	c->away = false;
	c->why[0] = c->back[0] = '\0';
	if (c->mode != CHOICE_AUTO) {
		snprintf(c->by, sizeof c->by, "%s", by);
		snprintf(c->why, sizeof c->why, "%.40s chose %s%s%.40s", by,
		    driver_names[which], endpoint ? " at " : "",
		    endpoint ? endpoint : "");
		snprintf(c->back, sizeof c->back, "/agent auto");
	}
	keep(&c->slots[CHOICE_API].endpoint, endpoint);
	choice_watch_way(c);
	if (c->now == choice_first(c))
		choice_tell_route(c);
	choice_settle(c);
	return 0;
}

void
choice_consoles(struct choice *c, int count)
{
	c->consoles = count;
	choice_watch_way(c);
}

/* --- life --- */

void
choice_add(struct choice *c, enum choice_driver which, struct agent *agent, bool knows)
{
	struct slot *s = &c->slots[which];

	s->agent = agent;
	s->state = AGENT_STARTING;
	s->seen = knows && c->cfg.recap ? recap_mark(c->cfg.recap) : 0;
}

void
choice_lacks(
    struct choice *c, enum choice_driver which, const char *why, const char *todo)
{
	struct slot *s = &c->slots[which];

	s->state = AGENT_UNAVAILABLE;
	keep(&s->why, why);
	keep(&s->todo, todo);
}

struct agent *
choice_agent(struct choice *c)
{
	return &c->base;
}

struct choice *
choice_new(const struct choice_config *cfg, const struct agent_events *events, void *arg)
{
	struct choice *c = mem_alloc(sizeof *c);
	uv_timer_t *timers[] = {&c->bell, &c->look};
	int mode = choice_driver_by_name(cfg->driver);

	c->base.ops = &ops;
	c->base.name = "none";
	c->base.events = events;
	c->base.arg = arg;
	c->cfg = *cfg;
	c->cfg.probe_ms = cfg->probe_ms ? cfg->probe_ms : PROBE_MS;
	c->cfg.fresh_ms = cfg->fresh_ms ? cfg->fresh_ms : FRESH_MS;
	c->cfg.away_ms = cfg->away_ms ? cfg->away_ms : AWAY_MS;
	c->mode = mode < 0 ? CHOICE_AUTO : (enum choice_driver)mode;
	c->open = ARRAY_LEN(timers);
	for (size_t i = 0; i < CHOICE_DRIVERS; i++) {
		c->slots[i].c = c;
		c->slots[i].which = (enum choice_driver)i;
		c->slots[i].state = AGENT_UNAVAILABLE;
	}
	if (cfg->endpoints)
		endpoints_watch(cfg->endpoints, on_looked, c);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(cfg->loop, timers[i]);
		timers[i]->data = c;
	}
	return c;
}
