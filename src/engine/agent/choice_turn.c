/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One prompt and who gets it.  Calls of ops only leave a wish and ring the bell;
 * what is decided is decided in choice_advance, from the loop.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/choice_int.h"
#include "engine/agent/context.h"
#include "engine/agent/recap.h"

#define SEEN_MS 1000 /* so old may be what is known of the endpoints' credentials */

static const struct agent_usage no_usage = {.cost_usd = -1};

void
choice_forget_prompt(struct choice *c)
{
	free(c->prompt.text);
	free(c->prompt.by);
	free(c->prompt.context);
	free(c->prompt.runbook);
	free(c->prompt.runbook_text);
	memset(&c->prompt, 0, sizeof c->prompt);
	c->has_prompt = false;
}

/* --- the end --- */

static void
add_64(int64_t *to, int64_t n)
{
	if (n > 0)
		*to = (*to > 0 ? *to : 0) + n;
}

static void
choice_end(struct choice *c, const struct agent_outcome *outcome)
{
	struct agent_outcome o = *outcome;

	add_64(&o.in_tokens, c->past.in);
	add_64(&o.out_tokens, c->past.out);
	add_64(&o.cache_tokens, c->past.cache_read);
	if (c->past.cost_usd > 0)
		o.cost_usd = (o.cost_usd > 0 ? o.cost_usd : 0) + c->past.cost_usd;
	if (!o.endpoint && c->now)
		o.endpoint = c->now->endpoint;
	choice_forget_prompt(c);
	c->state = CHOICE_IDLE;
	c->base.events->progress(NULL, c->base.arg);
	/* Whoever hears of it may give the next prompt at once. */
	c->base.events->done(&o, c->base.arg);
	if (!c->has_prompt)
		choice_settle(c);
}

static void
turn_fail(struct choice *c, const char *stop, const char *why, const char *todo)
{
	struct agent_outcome o = agent_outcome_failed(c->cancelled, stop, why, todo);

	o.nothing_ran = !c->ran;
	choice_end(c, &o);
}

/* --- giving it to a driver --- */

/* What goes before the prompt: for a driver that has missed something, all of it. */
static char *
make_context(struct choice *c, struct slot *s)
{
	char *missed, *all;

	if (s->which == CHOICE_RUNBOOK || !c->cfg.recap)
		return mem_dup(c->prompt.context);
	missed = recap_text(c->cfg.recap, s->seen);
	if (!missed)
		return mem_dup(c->prompt.context);
	all = mem_printf("%sYou take over. What was said in this incident before, oldest "
			 "first:\n%s",
	    c->cfg.context ? context_whole(c->cfg.context) : "", missed);
	free(missed);
	return all;
}

static int
give(struct choice *c, struct slot *s, struct err *err)
{
	char *context = make_context(c, s);
	struct agent_prompt p = {.text = c->prompt.text,
	    .len = c->prompt.len,
	    .by = c->prompt.by,
	    .context = context,
	    .runbook = c->prompt.runbook,
	    .runbook_text = c->prompt.runbook_text};
	int rc;

	c->moving = false;
	c->block_base = c->block_next;
	add_64(&c->past.in, c->last.in);
	add_64(&c->past.in, c->last.cache_write);
	add_64(&c->past.out, c->last.out);
	add_64(&c->past.cache_read, c->last.cache_read);
	c->past.calls += c->last.calls > 0 ? c->last.calls : 0;
	if (c->last.cost_usd > 0)
		c->past.cost_usd =
		    c->last.cost_usd + (c->past.cost_usd > 0 ? c->past.cost_usd : 0);
	c->last = no_usage;
	rc = s->agent->ops->prompt(s->agent, &p, err);
	free(context);
	if (rc == 0)
		s->started = true;
	return rc;
}

/* The operator sees that another one answers, and why. */
static void
tell_switch(struct choice *c, struct slot *s)
{
	char text[CHOICE_WHY_MAX + 128];

	if (s->which == CHOICE_RUNBOOK)
		snprintf(text, sizeof text, "no model answers: %s", c->why);
	else
		snprintf(
		    text, sizeof text, "%s: %s takes this prompt", c->why, slot_name(s));
	c->base.events->trouble(text,
	    s->which == CHOICE_RUNBOOK
		? "keys and presets work without one (/triage, /memory, /disk, /services, "
		  "/qemu); the models are asked again before each prompt"
		: "nothing: the first choice comes back by itself; /agent chooses by hand",
	    c->base.arg);
}

/* A runbook that an operator wants without a model. */
static bool
is_offline(const struct choice *c)
{
	return c->prompt.runbook && !c->prompt.runbook_text;
}

static void
choice_give(struct choice *c, struct slot *s)
{
	bool other = s != c->now;
	struct slot *first = choice_first(c);
	struct err err;

	c->tried[s->which] = true;
	c->away = c->mode == CHOICE_AUTO && first && s != first && !is_offline(c);
	if (s == first && c->mode == CHOICE_AUTO && s->which == CHOICE_RUNBOOK)
		choice_all_why(c, c->why);
	else if (s == first && c->mode == CHOICE_AUTO)
		c->why[0] = c->back[0] = '\0';
	else if (c->away && !c->why[0]) {
		if (s->which == CHOICE_RUNBOOK)
			choice_all_why(c, c->why);
		else
			slot_endpoint_why(first, c->why);
	}
	if (c->away)
		snprintf(c->back, sizeof c->back, "%s is tried again before each prompt",
		    slot_name(first));
	c->state = CHOICE_GIVEN;
	choice_set_now(c, s);
	if (c->away && other)
		tell_switch(c, s);
	choice_tell_route(c);
	choice_watch_way(c);
	if (give(c, s, &err) < 0) {
		LOG("choice", "%s refuses: %s", slot_name(s), err.words);
		choice_on_done(c,
		    &(struct agent_outcome){.stop = "unavailable",
			.nothing_ran = true,
			.why = err.words,
			.todo = s->todo,
			.in_tokens = -1,
			.out_tokens = -1,
			.cache_tokens = -1,
			.cost_usd = -1});
	}
}

static void
nobody(struct choice *c)
{
	char why[CHOICE_WHY_MAX], text[CHOICE_WHY_MAX + 32];

	choice_all_why(c, why);
	snprintf(text, sizeof text, "no model answers: %s", why);
	turn_fail(c, "unreachable", text,
	    "the F-keys need no model; the next prompt asks again");
}

static void
decide_by_hand(struct choice *c)
{
	struct slot *s = &c->slots[c->mode];

	if (!s->agent || c->tried[c->mode])
		turn_fail(c, "unavailable", s->why ? s->why : "there is no such driver",
		    s->todo ? s->todo : "/agent auto");
	else
		choice_give(c, s);
}

static void
decide(struct choice *c)
{
	struct slot *runbooks = &c->slots[CHOICE_RUNBOOK];

	if (is_offline(c) && runbooks->agent && !c->tried[CHOICE_RUNBOOK]) {
		choice_give(c, runbooks);
		return;
	}
	if (c->mode != CHOICE_AUTO) {
		decide_by_hand(c);
		return;
	}
	for (size_t i = 0; i < CHOICE_DRIVERS; i++)
		switch (choice_look_at(c, &c->slots[i])) {
		case LOOK_WELL:
			choice_give(c, &c->slots[i]);
			return;
		case LOOK_WAIT:
			choice_probe_all(c);
			c->base.events->progress(
			    "asks whether the model's server answers", c->base.arg);
			return;
		case LOOK_ILL:
			break;
		}
	nobody(c);
}

/* --- what comes back --- */

/* A driver that is at its wits' end before anything ran: another one may do better. */
static bool
may_move(const struct choice *c, const struct agent_outcome *o)
{
	static const char *const stops[] = {
	    "unreachable", "api_error", "died", "silent", "unavailable"};

	if (c->mode != CHOICE_AUTO || c->cancelled || o->ok || !o->nothing_ran ||
	    c->ran || c->now->which == CHOICE_RUNBOOK)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(stops); i++)
		if (o->stop && strcmp(o->stop, stops[i]) == 0)
			return true;
	return c->moving;
}

static void
saw(struct choice *c, const struct agent_outcome *o)
{
	if (!c->cfg.endpoints || endpoints_count(c->cfg.endpoints) == 0 ||
	    c->now->which != CHOICE_CLI)
		return;
	if (o->ok)
		endpoint_saw(endpoints_at(c->cfg.endpoints, 0), true, NULL);
	else if (o->stop && strcmp(o->stop, "unreachable") == 0)
		endpoint_saw(endpoints_at(c->cfg.endpoints, 0), false, o->why);
}

void
choice_on_done(struct choice *c, const struct agent_outcome *o)
{
	struct slot *s = c->now;

	if (c->state != CHOICE_GIVEN)
		return;
	if (c->cfg.recap)
		s->seen = recap_mark(c->cfg.recap);
	saw(c, o);
	if (!may_move(c, o)) {
		choice_end(c, o);
		return;
	}
	if (o->cost_usd > c->last.cost_usd)
		c->last.cost_usd = o->cost_usd;
	if (c->moving)
		slot_endpoint_why(s, c->why);
	else
		snprintf(c->why, sizeof c->why, "%s: %.300s", slot_name(s),
		    o->why ? o->why : "it gave up");
	c->state = CHOICE_LOOKING;
	choice_ring(c);
}

static void
on_waiting_probe(struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg)
{
	struct choice *c = arg;

	if (c->dead || ok || c->state != CHOICE_GIVEN || c->now->which != CHOICE_CLI ||
	    c->ran || c->cancelled || c->moving || c->now->state != AGENT_WAITING)
		return;
	LOG("choice", "%s does not answer: claude's retries are not waited for",
	    ep->name);
	c->moving = true;
	c->now->agent->ops->cancel(c->now->agent);
}

/* claude tries again for a while: whether that can help is soon known. */
void
choice_on_waiting(struct choice *c)
{
	if (c->mode != CHOICE_AUTO || c->state != CHOICE_GIVEN || c->ran ||
	    c->now->which != CHOICE_CLI || !c->cfg.endpoints ||
	    endpoints_count(c->cfg.endpoints) == 0)
		return;
	endpoint_probe(
	    endpoints_at(c->cfg.endpoints, 0), c->cfg.probe_ms, on_waiting_probe, c);
}

/* --- from the loop --- */

void
choice_advance(struct choice *c)
{
	if (c->dead)
		return;
	if (c->state == CHOICE_IDLE && c->has_prompt) {
		memset(c->tried, 0, sizeof c->tried);
		c->asked = c->pending; /* a probe that is under way is waited for */
		c->ran = c->moving = false;
		c->block_base = c->block_next = 0;
		c->past = c->last = no_usage;
		if (c->mode == CHOICE_AUTO)
			c->why[0] = '\0';
		c->state = CHOICE_LOOKING;
	}
	if (c->state == CHOICE_IDLE)
		choice_settle(c);
	else if (c->state == CHOICE_LOOKING && c->cancelled)
		turn_fail(c, "cancelled", NULL, NULL);
	else if (c->state == CHOICE_LOOKING && !choice_must_look(c, SEEN_MS))
		decide(c);
}
