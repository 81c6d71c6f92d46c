/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * budget.h: how much of the agent an incident and a turn have used, and the limits.
 *
 * Pure: no clock, no facts.  The sums are an incident's, the limits of tool calls
 * and tokens a turn's, the one of money an incident's; 0 is no limit.  A limit that
 * is reached has a word and a sentence that says what to do; the turn acts on it.
 */
#ifndef ENGINE_BUDGET_H
#define ENGINE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/agent/agent.h"
#include "wire/json.h"

#define BUDGET_WHY_MAX 256

struct budget_limits {
	int64_t turn_ms; /* the turn's clock watches this one */
	int64_t turn_calls, turn_tokens;
	double incident_usd;
};

struct budget_sums {
	int64_t in, out, cache; /* tokens; cache: read from the vendor's cache */
	int64_t calls;		/* answers of a model */
	double cost_usd;
	int turns;
};

struct budget {
	struct budget_limits limits;
	struct budget_sums past;  /* of the incident's turns that are over */
	struct agent_usage sofar; /* of the turn in hand */
	int64_t turn_began;	  /* the clock when it began; 0: none is in hand */
	int turn_calls;		  /* tool calls of the turn in hand, or of the last */
	int64_t turn_tokens;	  /* the same, as the limit counts them */
	const char *spent;	  /* "time", "calls", "tokens", "cost", or NULL */
	char why[BUDGET_WHY_MAX]; /* with spent */
	int verbs_hour, verbs_hour_max; /* the agent's mutating verbs; max 0: unknown */
};

void budget_init(struct budget *b, const struct budget_limits *limits);

/* Another incident: its sums are 0. */
void budget_incident(struct budget *b);

/* A state fact "budget" of an earlier engine of this incident. */
void budget_found(struct budget *b, const struct js *state);

/*
 * A turn begins, calls a tool, knows its usage better, is over.  The last three
 * return true when that has just reached a limit: spent and why say which.
 * budget_begin returns false when none may begin: the incident's money is spent.
 */
bool budget_begin(struct budget *b);
bool budget_call(struct budget *b);
bool budget_usage(struct budget *b, const struct agent_usage *sofar);
bool budget_time(struct budget *b);
void budget_end(struct budget *b, const struct agent_outcome *o);

/* Of the incident with the turn in hand. */
struct budget_sums budget_sums(const struct budget *b);

/* The members of the state fact "budget". */
void budget_tell(const struct budget *b, struct js *state);

#endif
