/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_step.h: one step of a runbook on its way: a command, a verb, a verdict.
 *
 * Every step has an end: its limit counts from the moment the host has the command,
 * and a host that cannot be reached is given up before that.
 */
#ifndef ENGINE_RUNBOOK_STEP_H
#define ENGINE_RUNBOOK_STEP_H

#include <uv.h>

#include "engine/runbook/agent_runbook.h"
#include "engine/runbook/runbook_eval.h"

struct step_run;

struct step_ask {
	const struct agent_runbook_config *cfg; /* borrowed until the end */
	enum step_kind kind;
	const char *command; /* of the devvm */
	enum verb verb;	     /* of pve: status or forensics */
	int limit_s;
	const char *by;
	int turn;
};

/* Fills into; fn comes once, from the loop, unless it is stopped. */
typedef void step_fn(void *arg);
struct step_run *step_start(
    const struct step_ask *ask, struct step_result *into, step_fn *fn, void *arg);

/* Ends it where that can be; fn does not come any more, into is let go. */
void step_stop(struct step_run *s, const char *why);

/* The engine leaves: no callback of anybody will come; all that is kept is freed. */
void step_leave(void);

#endif
