/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who is well: endpoints are asked when it matters, and only as often as it does. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/agent/choice_int.h"

const char *
slot_name(const struct slot *s)
{
	static const char *const names[CHOICE_DRIVERS] = {
	    [CHOICE_CLI] = "claude",
	    [CHOICE_API] = "the API driver",
	    [CHOICE_RUNBOOK] = "the runbook driver",
	};

	return names[s->which];
}

static int
endpoint_count(const struct choice *c)
{
	return c->cfg.endpoints ? endpoints_count(c->cfg.endpoints) : 0;
}

bool
choice_must_look(struct choice *c, int64_t max_age_ms)
{
	return c->cfg.endpoints && endpoints_look(c->cfg.endpoints, max_age_ms);
}

static bool
is_usable(struct choice *c, int i)
{
	const char *why, *todo;

	return endpoint_is_usable(endpoints_at(c->cfg.endpoints, i), &why, &todo);
}

/* An endpoint that the API driver may ask. */
static bool
has_usable(struct choice *c)
{
	for (int i = 0; i < endpoint_count(c); i++)
		if (is_usable(c, i))
			return true;
	return false;
}

bool
slot_is_usable(const struct slot *s)
{
	const char *why, *todo;

	if (!s->agent || (s->which == CHOICE_API && !has_usable(s->c)))
		return false;
	return s->state != AGENT_UNAVAILABLE ||
	    (s->agent->ops->ready && s->agent->ops->ready(s->agent, &why, &todo));
}

struct slot *
choice_first(struct choice *c)
{
	if (c->mode != CHOICE_AUTO)
		return c->slots[c->mode].agent ? &c->slots[c->mode] : NULL;
	for (size_t i = 0; i < CHOICE_DRIVERS; i++)
		if (slot_is_usable(&c->slots[i]))
			return &c->slots[i];
	return NULL;
}

/* --- probes --- */

static void
on_probe(struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg)
{
	struct choice *c = arg;

	if (c->dead)
		return;
	for (int i = 0; i < endpoint_count(c); i++)
		if (endpoints_at(c->cfg.endpoints, i) == ep)
			c->pending &= ~(1u << i);
	LOG("choice", "endpoint %s is %s after %lld ms%s%s", ep->name,
	    ok ? "well" : "ill", (long long)ms, ok ? "" : ": ", ok || !why ? "" : why);
	choice_ring(c);
}

static enum choice_look
look_at_endpoint(struct choice *c, int i)
{
	struct endpoint *ep = endpoints_at(c->cfg.endpoints, i);
	unsigned bit = 1u << i;

	if (endpoint_is_well(ep, c->cfg.fresh_ms))
		return LOOK_WELL;
	if (c->pending & bit)
		return LOOK_WAIT;
	if (c->asked & bit)
		return LOOK_ILL;
	c->asked |= bit;
	c->pending |= bit;
	endpoint_probe(ep, c->cfg.probe_ms, on_probe, c);
	return LOOK_WAIT;
}

/* All at once: the next one is known by the time the first one is given up. */
void
choice_probe_all(struct choice *c)
{
	for (int i = 0; i < endpoint_count(c); i++)
		if (is_usable(c, i))
			look_at_endpoint(c, i);
}

static enum choice_look
look_at_api(struct choice *c)
{
	for (int i = 0; i < endpoint_count(c); i++) {
		enum choice_look look =
		    is_usable(c, i) ? look_at_endpoint(c, i) : LOOK_ILL;

		if (look != LOOK_ILL)
			return look;
	}
	return LOOK_ILL;
}

enum choice_look
choice_look_at(struct choice *c, struct slot *s)
{
	if (c->tried[s->which] || !slot_is_usable(s))
		return LOOK_ILL;
	if (s->which == CHOICE_RUNBOOK || endpoint_count(c) == 0)
		return LOOK_WELL;
	return s->which == CHOICE_CLI ? look_at_endpoint(c, 0) : look_at_api(c);
}

/* --- words --- */

/* Many a reason begins with whose it is: that is not said twice. */
static void
add_why(char out[CHOICE_WHY_MAX], const char *name, const char *why)
{
	size_t n = strlen(out), len = strlen(name);
	bool named;

	if (!why || !*why)
		why = "it does not answer";
	named = strncmp(why, name, len) == 0 && (why[len] == ':' || why[len] == ' ');
	snprintf(out + n, CHOICE_WHY_MAX - n, "%s%.40s%s%.200s", n ? "; " : "",
	    named ? "" : name, named ? "" : ": ", why);
}

/* Why this driver is passed over. */
const char *
slot_endpoint_why(struct slot *s, char out[CHOICE_WHY_MAX])
{
	struct choice *c = s->c;
	const char *why, *todo;
	struct endpoint *ep;

	out[0] = '\0';
	if (!slot_is_usable(s)) {
		add_why(out, slot_name(s), s->why ? s->why : "it is not there");
		return out;
	}
	for (int i = 0; i < endpoint_count(c); i++) {
		ep = endpoints_at(c->cfg.endpoints, i);
		if (endpoint_is_usable(ep, &why, &todo))
			why = endpoint_why(ep);
		if (!endpoint_is_well(ep, c->cfg.fresh_ms))
			add_why(out, ep->name, why);
		if (s->which == CHOICE_CLI)
			break;
	}
	return out;
}

/* Why no model answers. */
void
choice_all_why(struct choice *c, char out[CHOICE_WHY_MAX])
{
	const char *why, *todo;
	struct endpoint *ep;

	out[0] = '\0';
	for (size_t i = 0; i < CHOICE_RUNBOOK; i++)
		if (!slot_is_usable(&c->slots[i]) && c->slots[i].why)
			add_why(out, slot_name(&c->slots[i]), c->slots[i].why);
	for (int i = 0; i < endpoint_count(c); i++) {
		ep = endpoints_at(c->cfg.endpoints, i);
		if (endpoint_is_usable(ep, &why, &todo))
			why = endpoint_why(ep);
		if (!endpoint_is_well(ep, c->cfg.fresh_ms) && *why)
			add_why(out, ep->name, why);
	}
	if (!out[0])
		snprintf(out, CHOICE_WHY_MAX, "no model is set up");
}

/* --- the way back --- */

static void on_look(uv_timer_t *timer);

void
choice_watch_way(struct choice *c)
{
	bool away = c->away || (c->now && c->now->route_why);
	bool on = away && c->consoles > 0 && c->mode == CHOICE_AUTO && !c->dead &&
	    endpoint_count(c) > 0;

	if (!on)
		uv_timer_stop(&c->look);
	else if (!uv_is_active((uv_handle_t *)&c->look))
		uv_timer_start(&c->look, on_look, (uint64_t)c->cfg.away_ms,
		    (uint64_t)c->cfg.away_ms);
}

static void
on_way_probe(struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg)
{
	struct choice *c = arg;

	if (c->dead || !uv_is_active((uv_handle_t *)&c->look))
		return; /* we are back */
	if (ok)
		snprintf(c->back, sizeof c->back,
		    "%.40s answers again: the next prompt goes back to it", ep->name);
	else
		snprintf(c->back, sizeof c->back,
		    "%.40s is asked again before each prompt and every minute; it said: "
		    "%.160s",
		    ep->name, why && *why ? why : "nothing");
	if (c->state == CHOICE_IDLE)
		choice_tell_route(c);
}

/* Between turns; before a turn everything is asked anyway. */
static void
on_look(uv_timer_t *timer)
{
	struct choice *c = timer->data;

	struct slot *first = choice_first(c);

	if (c->state != CHOICE_IDLE || !first)
		return;
	for (int i = 0; i < endpoint_count(c); i++)
		if (first->which == CHOICE_CLI || is_usable(c, i)) {
			endpoint_probe(endpoints_at(c->cfg.endpoints, i), c->cfg.probe_ms,
			    on_way_probe, c);
			return;
		}
}
