/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice.h: which driver answers; itself a driver, before up to three others.
 *
 *   IDLE --prompt--> LOOKING --the first that is well--> GIVEN --done--> IDLE
 *                       ^   probes, at most 800 ms         |
 *                       '--- it ended, nothing ran --------'
 *
 * "auto" takes claude, else the API, else the runbooks.  Before each turn of a
 * model its endpoint is known to be well, or is asked; a dead one is passed over, and
 * when all are dead the runbook driver says what can be done, within a second.  A turn
 * that ends before a tool ran is given to the next driver.  Each prompt is decided
 * anew, so the first choice comes back by itself.  Chosen by hand there is one driver
 * and no other.
 */
#ifndef ENGINE_CHOICE_H
#define ENGINE_CHOICE_H

#include <stdint.h>
#include <uv.h>

#include "engine/agent/agent.h"

enum choice_driver { CHOICE_CLI, CHOICE_API, CHOICE_RUNBOOK, CHOICE_DRIVERS };

struct choice;
struct context;
struct endpoints;
struct recap;

/* Pointers are borrowed for the choice's life. */
struct choice_config {
	uv_loop_t *loop;
	struct endpoints *endpoints; /* NULL: none is known, nothing is probed */
	struct context *context;     /* NULL: a new driver hears nothing of before */
	struct recap *recap;	     /* NULL: the same */
	const char *driver;	     /* "auto", "cli", "api", "runbook" */
	/* agent_api_prefer: the endpoint that is asked first; NULL: the first one. */
	int (*prefer)(struct agent *api, const char *endpoint, struct err *err);
	/* 0: the times that stand here; tests take shorter ones. */
	int64_t probe_ms; /* how long a probe may take (800) */
	int64_t fresh_ms; /* an endpoint seen well so long ago is not asked (30 s) */
	int64_t away_ms;  /* between looks at the first choice, while away (60 s) */
};

/* Has no driver yet.  events and arg are those of its own agent. */
struct choice *choice_new(
    const struct choice_config *cfg, const struct agent_events *events, void *arg);

/* What a driver is made with, before it is added. */
const struct agent_events *choice_events(void);
void *choice_arg(struct choice *c, enum choice_driver which);

/* Takes the driver.  knows: it was there when what the recap has was said. */
void choice_add(
    struct choice *c, enum choice_driver which, struct agent *agent, bool knows);

/* There is none, and why (copied). */
void choice_lacks(
    struct choice *c, enum choice_driver which, const char *why, const char *todo);

/* The choice as a driver; its free frees the choice and all of them. */
struct agent *choice_agent(struct choice *c);

/*
 * An operator chooses, between turns; driver NULL: api, when an endpoint is named.
 * -1: there is no such driver or endpoint, or it could not take a prompt; err says why.
 */
int choice_by_hand(struct choice *c, const char *driver, const char *endpoint,
    const char *by, struct err *err) MUST_CHECK;

/* How many operators look on: while away the first choice is looked at for them. */
void choice_consoles(struct choice *c, int count);

int choice_driver_by_name(const char *name); /* or -1; "auto" is CHOICE_DRIVERS */

#endif
