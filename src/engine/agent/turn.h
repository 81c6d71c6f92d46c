/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * turn.h: one prompt of an operator and all that the agent does about it.
 *
 *   IDLE --prompt--> RUNNING --done--> IDLE   (the next queued prompt starts)
 *                      | cancel, a budget that is spent, a command repeated
 *                      v
 *                    ENDING --done--> IDLE
 *
 * One turn at a time; further prompts queue, visibly.  The driver's events
 * become facts here.  "cancelled" is told within 250 ms of the wish, whatever
 * the driver does about it.
 */
#ifndef ENGINE_TURN_H
#define ENGINE_TURN_H

#include <stddef.h>
#include <uv.h>

#include "base/err.h"
#include "base/options.h"
#include "engine/agent/agent.h"
#include "engine/remote/broker.h"
#include "engine/hub.h"
#include "engine/record/incident.h"
#include "engine/remote/run.h"

#define TURN_QUEUE_MAX 16

struct context;
struct turn;

/* All are borrowed for the turn's life. */
struct turn_config {
	uv_loop_t *loop;
	struct incident *incident;
	struct runs *runs;
	struct broker *broker;
	struct context *context; /* NULL: the model is told nothing */
	const struct options *options;
};

/* Borrowed for the call. */
struct turn_ask {
	const char *by; /* the operator */
	const char *text;
	size_t len;
	const char *runbook;	  /* NULL, or the runbook that this is */
	const char *runbook_text; /* its file, for a model; NULL: it runs with no model */
};

struct turn *turn_new(const struct turn_config *cfg);
void turn_free(struct turn *t); /* frees the driver too */

/* What the driver is made with: its events. */
const struct agent_events *turn_agent_events(void);

/* The driver of this incident; takes it.  NULL: none, and why and what to do. */
void turn_set_agent(
    struct turn *t, struct agent *agent, const char *why, const char *todo);

/* Turn numbers of an earlier engine of this incident are not used again. */
void turn_found(struct turn *t, const struct js *record);

/* Queues a prompt (at most WIRE_PROMPT_MAX bytes, UTF-8); -1: refused, why in err. */
int turn_prompt(struct turn *t, const struct turn_ask *ask, struct err *err) MUST_CHECK;

/* Something that the agent must know; it waits for the next moment to be told. */
void turn_notice(struct turn *t, const char *text);

/* The agent's mutating verbs of the last hour and how many it may send by itself. */
void turn_verbs_hour(struct turn *t, int verbs, int max);

/* Ends the turn, or takes back the queue when none runs. */
void turn_cancel(struct turn *t, const char *by);

/* The kill switch: both. */
void turn_kill(struct turn *t, const char *by);

/* Takes that turn's prompt out of the queue; -1: it does not wait. */
int turn_take_back(struct turn *t, int turn, const char *by, struct err *err) MUST_CHECK;

/* The open text block, for a console that has just caught up. */
void turn_tell_open(struct turn *t, struct peer *p);

bool turn_is_busy(const struct turn *t);

#endif
