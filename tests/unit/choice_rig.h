/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * choice_rig.h: three drivers and two endpoints that do as a test says, and a choice
 * between them; time passes on a real loop, in milliseconds.  The endpoints take the
 * place of endpoint.c at link time.
 */
#ifndef UNIT_CHOICE_RIG_H
#define UNIT_CHOICE_RIG_H

#include <uv.h>

#include "base/buf.h"
#include "engine/agent/choice.h"
#include "engine/agent/recap.h"
#include "engine/api/endpoint.h"

struct endpoints {
	struct endpoint at[2];
	bool answers[2]; /* what a probe finds */
	bool hangs[2];	 /* ... after its whole limit */
	bool usable[2];
	bool well[2];	    /* remembered */
	const char *why[2]; /* remembered */
	int probes[2];
	int under_way;
	bool looking; /* at the files of the credentials */
	endpoints_looked_fn *looked;
	void *looked_arg;
	uv_loop_t *loop;
};

struct fake {
	struct agent base;
	int prompts, cancels, starts;
	char *context, *text, *notice;
	bool refuses, unready;
};

struct rig {
	uv_loop_t loop;
	uv_timer_t limit, tick; /* a loop that turns sees what a timer did */
	struct choice *choice;
	struct agent *agent;
	struct recap *recap;
	struct fake drivers[CHOICE_DRIVERS];
	struct buf troubles;
	char driver[16], why[512], back[512], stop[32], said[512];
	int dones, block;
	bool ok, cancelled;
	enum agent_state state;
};

extern struct endpoints eps;
extern struct rig rig;

/* mode: "auto" or a driver's name; cli, api: whether there is one.  Runbooks are there.
 */
void begin(const char *mode, bool cli, bool api);
void end(void);

/* Turns the loop; fails when it takes more than a few seconds. */
void run_until(bool (*fn)(void));

/* Who got the prompt: its name, or "nobody" when the turn ended at once. */
const char *prompt(const char *text);

/* Somebody got a prompt since prompt() or finish(), or the turn ended. */
bool given(void);

/* That driver's turn ends; stop "end": well. */
void finish(enum choice_driver which, const char *stop, bool nothing_ran);

#endif
