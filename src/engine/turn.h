/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * turn.h: one prompt of an operator and all that the agent does about it.
 *
 *   IDLE --prompt--> RUNNING --done--> IDLE   (the next queued prompt starts)
 *                      | cancel, time limit
 *                      v
 *                    ENDING --done--> IDLE
 *
 * One turn at a time; further prompts queue, visibly.  The driver's events
 * become facts here.
 */
#ifndef ENGINE_TURN_H
#define ENGINE_TURN_H

#include <stddef.h>
#include <uv.h>

#include "base/err.h"
#include "base/options.h"
#include "engine/agent.h"
#include "engine/broker.h"
#include "engine/hub.h"
#include "engine/incident.h"
#include "engine/run.h"

#define TURN_QUEUE_MAX 16

struct turn;

struct turn_config {
	uv_loop_t *loop;
	struct incident *incident;
	struct runs *runs;
	struct broker *broker;
	const struct options *options;
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
int turn_prompt(struct turn *t, const char *by, const char *text, size_t len,
    struct err *err) MUST_CHECK;

/* Ends the turn, or takes back the queue when none runs. */
void turn_cancel(struct turn *t, const char *by);

/* The open text block, for a console that has just caught up. */
void turn_tell_open(struct turn *t, struct peer *p);

bool turn_is_busy(const struct turn *t);

#endif
