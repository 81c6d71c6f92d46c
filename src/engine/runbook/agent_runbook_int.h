/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent_runbook_int.h: what the two files of the runbook driver share, and nobody else.
 */
#ifndef ENGINE_AGENT_RUNBOOK_INT_H
#define ENGINE_AGENT_RUNBOOK_INT_H

#include "engine/runbook/agent_runbook.h"
#include "engine/runbook/runbook_case.h"
#include "engine/runbook/runbook_step.h"

#define OFFERS_MAX 4 /* repairs that are offered after one run */

enum runbook_state {
	RB_READY,
	RB_READING,
	RB_STEP,
	RB_LOOKING,
	RB_ASKING,
	RB_REPAIR,
	RB_CHECK,
	RB_CHECKING,
	RB_STATES
};

struct offer {
	const struct found *found; /* of the case */
	char *command;
};

struct agent_runbook {
	struct agent agent;
	struct agent_runbook_config cfg;
	enum runbook_state state;
	uv_timer_t soon; /* what may not be told from inside a call */
	bool tell_state, cancelled;
	char *name, *by; /* of the prompt; name NULL: it is a free one */
	char *text; /* what was typed, until it is known whether it names a runbook */
	int turn, block;
	int64_t began_ms;
	struct runbook_case *c;
	int step;
	struct step_run *running;
	char silent[300]; /* why the devvm does not answer; "": it may */
	int swallowed;
	size_t told; /* of the findings */
	struct ask *ask;
	struct offer offers[OFFERS_MAX];
	size_t offer_count, offer;
	struct step_result repair;
};

void rb_enter(struct agent_runbook *a, enum runbook_state state);
void rb_say(struct agent_runbook *a, const char *text); /* a finished block */
void rb_progress(struct agent_runbook *a, const char *text);
void rb_finish(struct agent_runbook *a, bool ok, const char *why, const char *todo);

/* What can be offered now: nothing to a machine that needs a verb first. */
void rb_collect_offers(struct agent_runbook *a, const struct verdict *v);

/* Asks for the next of them; behind the last one the turn ends. */
void rb_next_offer(struct agent_runbook *a);

#endif
