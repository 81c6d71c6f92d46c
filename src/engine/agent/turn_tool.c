/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Local tools of the agent: runs in the journal, counted, watched for repetition. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/agent/turn_int.h"

static struct local *
local_find(struct turn *t, const char *id)
{
	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (id ? t->locals[i].id && strcmp(t->locals[i].id, id) == 0
		       : !t->locals[i].id)
			return &t->locals[i];
	return NULL;
}

bool
turn_has_tool(const struct turn *t)
{
	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (t->locals[i].id)
			return true;
	return false;
}

void
turn_on_tool(
    const char *id, const char *name, const char *what, size_t what_len, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, NULL);

	turn_heard(t);
	if (!t->now || !l || local_find(t, id))
		return;
	l->id = mem_dup(id);
	l->run = run_begin(t->cfg.runs,
	    &(struct run_info){.asked = "agent",
		.by = "agent",
		.host = "local",
		.name = name,
		.what = what,
		.what_len = what_len,
		.turn = t->now->turn});
	repeat_call(&l->call, name, what, what_len);
	if (budget_call(&t->budget))
		turn_end(t, "engine", "budget", t->budget.why);
	turn_move_budget(t);
}

void
turn_on_tool_output(const char *id, int stream, const char *data, size_t len, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, id);

	turn_heard(t);
	if (!l || !len)
		return;
	run_output(l->run, stream, data, len);
	repeat_output(&l->call, stream, data, len);
}

static void
local_end(struct local *l, const struct agent_tool_end *end)
{
	if (end->exit >= 0)
		run_exit(l->run, end->exit);
	else if (end->failed)
		run_fail(l->run, end->why ? end->why : "the tool reports a failure");
	else
		run_exit(l->run, 0);
	free(l->id);
	l->id = NULL;
	l->run = NULL;
}

/* The model is told at its next step; the operator sees it at once. */
static void
turn_on_repeat(struct turn *t, int times)
{
	char text[200];

	if (t->state != TURN_RUNNING)
		return;
	if (times == REPEAT_WARN) {
		snprintf(text, sizeof text,
		    "the agent has run the same command %d times with the same result",
		    times);
		turn_error(t, text, "F8 ends the turn; at the sixth time it ends itself");
		turn_notice(t,
		    "you have run the same command three times in a row with the same "
		    "result: do something else, or report");
	} else if (times == REPEAT_END) {
		snprintf(text, sizeof text,
		    "the agent ran the same command %d times with the same result and was "
		    "ended: a prompt with a hint lets it go on",
		    times);
		turn_end(t, "engine", "repeat", text);
	}
}

void
turn_on_tool_end(const char *id, const struct agent_tool_end *end, void *arg)
{
	struct turn *t = arg;
	struct local *l = local_find(t, id);
	int stream = end->failed ? 2 : 1, times;

	turn_heard(t);
	if (!l)
		return;
	if (end->len) {
		run_output(l->run, stream, end->text, end->len);
		repeat_output(&l->call, stream, end->text, end->len);
	}
	times = repeat_end(&t->repeat, &l->call, end->failed, end->exit);
	local_end(l, end);
	turn_on_repeat(t, times);
}

void
turn_drop_tools(struct turn *t)
{
	static const struct agent_tool_end unfinished = {
	    .failed = true, .exit = -1, .why = "the turn ended before it did"};

	for (size_t i = 0; i < TURN_LOCALS; i++)
		if (t->locals[i].id)
			local_end(&t->locals[i], &unfinished);
}
