/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_case.h: one run of one runbook: what its steps gave, what was found.
 *
 * Patterns look in the thread pool; while they do, nothing of the case is changed
 * here.  Who leaves a case that is being looked at does not wait: it frees itself.
 */
#ifndef ENGINE_RUNBOOK_CASE_H
#define ENGINE_RUNBOOK_CASE_H

#include <uv.h>

#include "engine/runbook/agent_runbook.h"
#include "engine/runbook/runbook_eval.h"

typedef void case_fn(void *arg);

struct runbook_case {
	struct runbook *rb;
	struct step_result *results;
	struct founds founds; /* [0, count) stays where it is once all steps have run */
	struct founds again;  /* what a repair's check found */
	uv_loop_t *loop;
	uv_work_t work;
	bool working, left;
	int step, finding; /* what is looked at: a step's findings, or one of them */
	case_fn *fn;
	void *arg;
};

struct runbook_case *case_new(uv_loop_t *loop, struct runbook *rb); /* keeps rb */
void case_leave(struct runbook_case *c); /* NULL is fine; fn does not come after it */

/* fn comes once, from the loop, when the findings that step decides are in founds. */
void case_look(struct runbook_case *c, int step, case_fn *fn, void *arg);
/* The same for one finding; what it finds is in again. */
void case_look_again(struct runbook_case *c, int finding, case_fn *fn, void *arg);

bool case_has(const struct runbook_case *c, int finding);
const struct found *case_still(
    const struct runbook_case *c, const struct found *f); /* in again, or NULL */
const struct repair *case_repair(
    const struct runbook_case *c, const struct found *f); /* or NULL */

/* The last verdict that a step of this run has brought, or NULL. */
const struct verdict *case_verdict(const struct runbook_case *c);

/* What the engine would say now; false: it knows nothing yet. */
bool case_known_verdict(const struct agent_runbook_config *cfg, struct verdict *v);

#endif
