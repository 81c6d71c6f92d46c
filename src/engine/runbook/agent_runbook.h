/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_runbook.h: the driver without AI.
 *
 *   READY --prompt with a runbook--> READING --> STEP <--> LOOKING --> REPORTING -->
 * READY |                                           |                      |      ^ | any
 * other prompt: says what can be done   | cancel               v      |
 *     +--> READY                                  +--> READY   ASKING -> REPAIR -> CHECK
 *
 * READING the file anew; STEP: a command, status or forensics, or a verdict that is
 * waited for; LOOKING: patterns, in the thread pool; ASKING: an operator, about one
 * repair.  A host that does not answer is a result, not the end.  After a cancel
 * nothing of the run is told but done, at once.
 */
#ifndef ENGINE_AGENT_RUNBOOK_H
#define ENGINE_AGENT_RUNBOOK_H

#include <uv.h>

#include "engine/agent/agent.h"

struct asks;
struct broker;
struct incident;
struct power;
struct runbooks;
struct watch;

struct agent_runbook_config {
	uv_loop_t *loop;
	struct incident *incident;
	struct broker *broker;
	struct power *power;
	struct watch *watch; /* its assessment gives the verdicts */
	struct asks *asks;   /* NULL: repairs are told, not offered */
	struct runbooks *runbooks;
};

/* Borrows all of them for its life; always ready. */
struct agent *agent_runbook_new(
    const struct agent_runbook_config *cfg, const struct agent_events *events, void *arg);

#endif
