/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * turn_int.h: the turn's own; between turn.c (the machine and its queue), turn_text.c
 * (text blocks), turn_tool.c (local tools, and what they repeat) and turn_fact.c
 * (facts about the agent, the budget and the end).
 */
#ifndef ENGINE_TURN_INT_H
#define ENGINE_TURN_INT_H

#include "engine/agent/budget.h"
#include "engine/api/repeat.h"
#include "engine/agent/turn.h"

#define TURN_BLOCK_MAX (1024 * 1024) /* bytes of an open text block that are kept */
#define TURN_LOCALS 32		     /* local tools open at once */
#define TURN_QUIET_MS 20000	     /* silence of the model that is worth a word */
#define TURN_CANCEL_MS 200   /* a driver that has not ended by then: told anyway */
#define TURN_BUDGET_MS 1000  /* between two facts about a budget that moves */
#define TURN_PROGRESS_MS 250 /* ... about progress */

enum turn_state { TURN_IDLE, TURN_RUNNING, TURN_ENDING, TURN_STATES };

struct queued_prompt {
	struct queued_prompt *next;
	int turn;
	char *by;
	size_t len;
	char *text;
	char *runbook;	    /* NULL: none */
	char *runbook_text; /* NULL with a runbook: with no model */
};

struct local {
	char *id; /* the vendor's; NULL: free */
	struct run *run;
	struct repeat_call call;
};

/* What answers now; strings are owned. */
struct turn_route {
	char *endpoint, *model, *why, *back;
};

struct turn {
	struct turn_config cfg;
	enum turn_state state;
	struct agent *agent;
	char *why, *todo; /* of no agent, or as the driver last said with its state */
	enum agent_state agent_state;
	struct turn_route route;
	char *progress;
	struct agent_wait wait; /* what is waited for; since or until wait_ms */
	int64_t wait_ms;
	struct js *told; /* the last state fact that was recorded */
	bool told_more;	 /* and a wire-only one came after it */
	int last_turn;
	struct queued_prompt *queue, **queue_end;
	int queued;
	struct queued_prompt *now;
	int64_t began_ms, heard_ms;
	uv_timer_t limit, quiet, late, pulse;
	int open; /* timers that are not closed yet */
	/* of ENDING: why it was ended (a sentence) and the word for its result */
	char end_reason[BUDGET_WHY_MAX];
	const char *end_stop; /* NULL: an operator; the driver's own word */
	char ended_by[WIRE_NAME_MAX + 1];
	bool end_told;
	int block; /* open block, -1: none */
	struct buf text;
	size_t told_to;	    /* bytes of it that deltas have told */
	uv_prepare_t flush; /* active: there are more */
	struct local locals[TURN_LOCALS];
	bool spoke;	   /* in this incident a prompt was given to the driver */
	unsigned incident; /* generation of the incident that the budget is of */
	struct budget budget;
	bool budget_moved, progress_moved;
	int64_t budget_ms, progress_ms; /* when it was last told */
	struct repeat repeat;
};

/* turn.c */
struct js *turn_fact(struct turn *t, enum fact kind, const char *by);
void turn_heard(struct turn *t); /* the driver lives */
void turn_end(struct turn *t, const char *by, const char *stop, const char *reason);

/* turn_text.c: events, and an open block that will not be finished */
void turn_on_delta(int block, size_t off, const char *text, size_t len, void *arg);
void turn_on_text(
    int block, const char *text, size_t len, bool thinking, bool cut, void *arg);
void turn_cut_open_block(struct turn *t);

/* turn_tool.c: events, and tools that are still open at the end */
void turn_on_tool(
    const char *id, const char *name, const char *what, size_t what_len, void *arg);
void turn_on_tool_output(
    const char *id, int stream, const char *data, size_t len, void *arg);
void turn_on_tool_end(const char *id, const struct agent_tool_end *end, void *arg);
bool turn_has_tool(const struct turn *t);
void turn_drop_tools(struct turn *t);

/* turn_fact.c: events, and what is told about turn and agent */
void turn_on_state(enum agent_state state, const char *why, const char *todo, void *arg);
void turn_on_session(
    const char *session, const char *model, const char *version, void *arg);
void turn_on_route(const struct agent_route *route, void *arg);
void turn_on_progress(const char *text, void *arg);
void turn_on_waits(const struct agent_wait *wait, void *arg);
void turn_on_usage(const struct agent_usage *sofar, void *arg);
void turn_on_trouble(const char *text, const char *todo, void *arg);
void turn_error(struct turn *t, const char *text, const char *todo);
void turn_tell_agent(struct turn *t);
void turn_tell_cancelled(struct turn *t);
void turn_tell_result(struct turn *t, const struct agent_outcome *o);
void turn_tell_budget(struct turn *t, bool recorded);
void turn_move_budget(struct turn *t); /* soon, but not too often */
void turn_route_fini(struct turn *t);

#endif
