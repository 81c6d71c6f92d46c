/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_case.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/power/assess.h"
#include "engine/power/watch.h"

struct runbook_case *
case_new(uv_loop_t *loop, struct runbook *rb)
{
	struct runbook_case *c = mem_alloc(sizeof *c);

	c->rb = runbook_ref(rb);
	c->loop = loop;
	c->results = mem_alloc(rb->step_count * sizeof *c->results);
	for (size_t i = 0; i < rb->step_count; i++)
		step_result_init(&c->results[i]);
	c->work.data = c;
	return c;
}

static void
case_free(struct runbook_case *c)
{
	for (size_t i = 0; i < c->rb->step_count; i++)
		step_result_fini(&c->results[i]);
	free(c->results);
	founds_fini(&c->founds);
	founds_fini(&c->again);
	runbook_free(c->rb);
	free(c);
}

void
case_leave(struct runbook_case *c)
{
	if (!c)
		return;
	c->left = true;
	if (!c->working)
		case_free(c);
}

/* --- looking --- */

static void
on_work(uv_work_t *work)
{
	struct runbook_case *c = work->data;

	if (c->finding >= 0)
		runbook_eval_one(c->rb, c->results, c->finding, &c->again);
	else
		runbook_eval(c->rb, c->results, c->step, &c->founds);
}

static void
on_worked(uv_work_t *work, int status)
{
	struct runbook_case *c = work->data;

	c->working = false;
	if (c->left)
		case_free(c);
	else
		c->fn(c->arg);
}

static void
look(struct runbook_case *c, case_fn *fn, void *arg)
{
	c->fn = fn;
	c->arg = arg;
	c->working = true;
	uv_queue_work(c->loop, &c->work, on_work, on_worked);
}

void
case_look(struct runbook_case *c, int step, case_fn *fn, void *arg)
{
	c->step = step;
	c->finding = -1;
	look(c, fn, arg);
}

void
case_look_again(struct runbook_case *c, int finding, case_fn *fn, void *arg)
{
	founds_fini(&c->again);
	c->finding = finding;
	look(c, fn, arg);
}

/* --- questions --- */

bool
case_has(const struct runbook_case *c, int finding)
{
	for (size_t i = 0; i < c->founds.count; i++)
		if (c->founds.all[i].finding == finding)
			return true;
	return false;
}

const struct found *
case_still(const struct runbook_case *c, const struct found *f)
{
	for (size_t i = 0; i < c->again.count; i++)
		if (found_is_same(&c->again.all[i], f))
			return &c->again.all[i];
	return NULL;
}

const struct repair *
case_repair(const struct runbook_case *c, const struct found *f)
{
	int repair = c->rb->findings[f->finding].repair;

	return repair < 0 ? NULL : &c->rb->repairs[repair];
}

const struct verdict *
case_verdict(const struct runbook_case *c)
{
	const struct verdict *v = NULL;

	for (size_t i = 0; i < c->rb->step_count; i++)
		if (c->results[i].has_verdict)
			v = &c->results[i].verdict;
	return v;
}

bool
case_known_verdict(const struct agent_runbook_config *cfg, struct verdict *v)
{
	if (!cfg->watch)
		return false;
	assess_now(watch_assess(cfg->watch), v);
	return v->evidence_count > 0 && strcmp(v->word, "unknown") != 0;
}
