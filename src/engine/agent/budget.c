/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/budget.h"

#include <stdio.h>
#include <string.h>

/* A token that the cache served costs a tenth of one that was read anew. */
#define CACHE_SHARE 10

static const struct agent_usage unknown = {.in = -1,
    .out = -1,
    .cache_read = -1,
    .cache_write = -1,
    .cost_usd = -1,
    .calls = -1};

static int64_t
or_0(int64_t n)
{
	return n > 0 ? n : 0;
}

static int64_t
tokens_of(const struct agent_usage *u)
{
	return or_0(u->in) + or_0(u->cache_write) + or_0(u->out) +
	    or_0(u->cache_read) / CACHE_SHARE;
}

void
budget_init(struct budget *b, const struct budget_limits *limits)
{
	memset(b, 0, sizeof *b);
	b->limits = *limits;
	b->sofar = unknown;
}

void
budget_incident(struct budget *b)
{
	memset(&b->past, 0, sizeof b->past);
	b->turn_calls = 0;
	b->turn_tokens = 0;
	b->spent = NULL;
}

void
budget_found(struct budget *b, const struct js *state)
{
	b->past.in = js_int(state, "in", 0);
	b->past.out = js_int(state, "out", 0);
	b->past.cache = js_int(state, "cache", 0);
	b->past.calls = js_int(state, "calls", 0);
	b->past.cost_usd = js_dbl(state, "cost_usd", 0);
	b->past.turns = (int)js_int(state, "turns", 0);
}

/* --- limits --- */

static bool
spend(struct budget *b, const char *word)
{
	b->spent = word;
	return true;
}

static bool
look_at_cost(struct budget *b)
{
	if (b->limits.incident_usd <= 0 ||
	    budget_sums(b).cost_usd < b->limits.incident_usd)
		return false;
	snprintf(b->why, sizeof b->why,
	    "this incident's agent has cost %.2f of %.2f USD (incident_cost_usd): open a "
	    "new incident, or raise it and start the engine anew; keys and runbooks cost "
	    "nothing",
	    budget_sums(b).cost_usd, b->limits.incident_usd);
	return spend(b, "cost");
}

bool
budget_begin(struct budget *b)
{
	b->sofar = unknown;
	b->turn_calls = 0;
	b->turn_tokens = 0;
	b->spent = NULL;
	return !look_at_cost(b);
}

bool
budget_call(struct budget *b)
{
	b->turn_calls++;
	if (b->spent || b->limits.turn_calls <= 0 || b->turn_calls < b->limits.turn_calls)
		return false;
	snprintf(b->why, sizeof b->why,
	    "the turn has made %d tool calls (turn_tool_calls) and was ended: look at what "
	    "it did; a prompt lets it go on",
	    b->turn_calls);
	return spend(b, "calls");
}

bool
budget_usage(struct budget *b, const struct agent_usage *sofar)
{
	b->sofar = *sofar;
	b->turn_tokens = tokens_of(sofar);
	if (b->spent)
		return false;
	if (b->limits.turn_tokens <= 0 || b->turn_tokens < b->limits.turn_tokens)
		return look_at_cost(b);
	snprintf(b->why, sizeof b->why,
	    "the turn has used %lld tokens (turn_tokens) and was ended: a prompt lets it "
	    "go on",
	    (long long)b->turn_tokens);
	return spend(b, "tokens");
}

bool
budget_time(struct budget *b)
{
	if (b->spent)
		return false;
	snprintf(b->why, sizeof b->why,
	    "the turn reached its time limit (turn_timeout_seconds, %lld s) and was ended: "
	    "a prompt lets it go on",
	    (long long)(b->limits.turn_ms / 1000));
	return spend(b, "time");
}

/* What the end says beats what was told on the way; what it does not say, stays. */
void
budget_end(struct budget *b, const struct agent_outcome *o)
{
	struct agent_usage *u = &b->sofar;

	if (o->in_tokens >= 0) {
		u->in = o->in_tokens;
		u->cache_write = 0; /* is in it */
	}
	if (o->out_tokens >= 0)
		u->out = o->out_tokens;
	if (o->cache_tokens >= 0)
		u->cache_read = o->cache_tokens;
	if (o->cost_usd >= 0)
		u->cost_usd = o->cost_usd;
	b->turn_tokens = tokens_of(u);
	b->turn_began = 0;
	b->past = budget_sums(b);
	b->past.turns++;
	b->sofar = unknown;
}

struct budget_sums
budget_sums(const struct budget *b)
{
	struct budget_sums s = b->past;

	s.in += or_0(b->sofar.in) + or_0(b->sofar.cache_write);
	s.out += or_0(b->sofar.out);
	s.cache += or_0(b->sofar.cache_read);
	s.calls += or_0(b->sofar.calls);
	s.cost_usd += b->sofar.cost_usd > 0 ? b->sofar.cost_usd : 0;
	return s;
}

static void
tell_limit(struct js *f, const char *key, int64_t limit)
{
	if (limit > 0)
		js_set_int(f, key, limit);
}

void
budget_tell(const struct budget *b, struct js *f)
{
	struct budget_sums s = budget_sums(b);

	js_set_int(f, "in", s.in);
	js_set_int(f, "out", s.out);
	js_set_int(f, "cache", s.cache);
	js_set_int(f, "calls", s.calls);
	js_set_dbl(f, "cost_usd", s.cost_usd);
	js_set_int(f, "turns", s.turns);
	if (b->turn_began > 0)
		js_set_int(f, "turn_began", b->turn_began);
	js_set_int(f, "turn_calls", b->turn_calls);
	js_set_int(f, "turn_tokens", b->turn_tokens);
	tell_limit(f, "turn_ms_max", b->limits.turn_ms);
	tell_limit(f, "turn_calls_max", b->limits.turn_calls);
	tell_limit(f, "turn_tokens_max", b->limits.turn_tokens);
	if (b->limits.incident_usd > 0)
		js_set_dbl(f, "cost_max_usd", b->limits.incident_usd);
	if (b->verbs_hour_max > 0) {
		js_set_int(f, "verbs_hour", b->verbs_hour);
		js_set_int(f, "verbs_hour_max", b->verbs_hour_max);
	}
	js_set_str(f, "spent", b->spent);
}
