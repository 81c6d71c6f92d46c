/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.h: what the turn asks of a driver, and what a driver tells the turn.
 *
 * Three drivers speak it: the Claude CLI, the Claude API, the runbooks; and the
 * choice, which stands before them.  One prompt at a time: the turn queues.  A
 * driver owns every deadline towards its own peer (silence, death, retries); the
 * turn owns those of the whole.
 */
#ifndef ENGINE_AGENT_H
#define ENGINE_AGENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum agent_state {
	AGENT_UNAVAILABLE, /* why and todo say so; keys and hosts do not care */
	AGENT_STARTING,
	AGENT_READY,
	AGENT_WORKING,
	AGENT_WAITING, /* the other side said to wait (retry); why has the countdown's
			  words */
	AGENT_STATES
};

/* Lent for the call of prompt. */
struct agent_prompt {
	const char *text; /* what the operator typed, or the preset's name */
	size_t len;
	const char *by;		  /* the operator */
	const char *context;	  /* what the engine knows now, for the model, or NULL;
				     it is no word of the operator's */
	const char *runbook;	  /* the runbook that this prompt is, or NULL */
	const char *runbook_text; /* with runbook: the whole file, for a model */
};

struct agent_usage {
	int64_t in, out, cache_read, cache_write; /* -1 unknown */
	double cost_usd;			  /* negative unknown */
	int calls;				  /* of a model; -1 unknown */
};

struct agent_tool_end {
	bool failed;
	int exit;	  /* -1 none */
	const char *why;  /* when failed, a sentence or NULL */
	const char *text; /* output that tool_output has not told */
	size_t len;
};

/* What answers now. */
struct agent_route {
	const char *driver, *endpoint, *model; /* endpoint and model may be NULL */
	const char *why;		       /* NULL: it is the first choice */
	const char *back; /* when and how the first choice comes back, or NULL */
};

struct agent_outcome {
	bool ok;
	bool cancelled;
	bool nothing_ran; /* no tool ran: the prompt may be given to another driver */
	/* The reason in the vendor's word, or ours: "unreachable" (no endpoint answers),
	 * "died", "silent", "budget", "repeat", "refused", "cancelled". */
	const char *stop;
	const char *why;      /* sentence when !ok, else NULL */
	const char *todo;     /* what to do now, or NULL */
	const char *endpoint; /* that answered, or NULL */
	/* of this turn; -1 unknown; in has what was written into the cache */
	int64_t in_tokens, out_tokens, cache_tokens;
	double cost_usd; /* of this turn; negative unknown */
};

/* Of a turn that did not come to its end, when nobody knows what it cost. */
static inline struct agent_outcome
agent_outcome_failed(bool cancelled, const char *stop, const char *why, const char *todo)
{
	return (struct agent_outcome){.cancelled = cancelled,
	    .stop = cancelled ? "cancelled" : stop,
	    .why = why,
	    .todo = todo,
	    .in_tokens = -1,
	    .out_tokens = -1,
	    .cache_tokens = -1,
	    .cost_usd = -1};
}

/* Something is waited for, from this moment on. */
struct agent_wait {
	int64_t quiet_ms;      /* nothing came for so long already; 0: it is not that */
	int64_t again_ms;      /* the other side is asked again so much later; -1 */
	int attempt, attempts; /* of these tries; 0: not told */
};

/*
 * All strings are lent for the call.  No callback comes from inside a call of ops.
 * Every pointer is set by who listens; a driver calls those that it has words for.
 */
struct agent_events {
	void (*state)(
	    enum agent_state state, const char *why, const char *todo, void *arg);
	void (*session)(
	    const char *session, const char *model, const char *version, void *arg);
	/* Streamed text of an unfinished block: block counts from 0 within the turn,
	 * off is the bytes of the block before this piece; off 0 replaces the block. */
	void (*delta)(int block, size_t off, const char *text, size_t len, void *arg);
	/* A finished block; cut: only a part is known. */
	void (*text)(
	    int block, const char *text, size_t len, bool thinking, bool cut, void *arg);
	/* A call of a local tool (Bash, Read, Grep, Glob) begins, puts out, or ends. id
	 * is the vendor's; what is the command or path in one line; stream 1 or 2. */
	void (*tool)(const char *id, const char *name, const char *what, size_t what_len,
	    void *arg);
	void (*tool_output)(
	    const char *id, int stream, const char *data, size_t len, void *arg);
	void (*tool_end)(const char *id, const struct agent_tool_end *end, void *arg);
	/* Of this turn so far, whenever it is known better. */
	void (*usage)(const struct agent_usage *sofar, void *arg);
	/* What happens while no text comes ("thinking, 1,240 tokens"); NULL clears. */
	void (*progress)(const char *text, void *arg);
	/* Another driver, endpoint or model answers from now on. */
	void (*route)(const struct agent_route *route, void *arg);
	/* Something the operator should know while the turn goes on. */
	void (*trouble)(const char *text, const char *todo, void *arg);
	/* The end of a prompt's turn; exactly once per prompt that returned 0. */
	void (*done)(const struct agent_outcome *outcome, void *arg);
	/* Told once, in front of the state that it belongs to: who shows it counts. It
	 * is over with the next sign of life.  May be NULL. */
	void (*waits)(const struct agent_wait *wait, void *arg);
};

struct agent;

struct agent_ops {
	/* Gets ready ahead of a prompt (spawns the child); progress comes as state. */
	void (*start)(struct agent *a);
	/* 0: done will come; -1: refused, nothing will.  p is copied. */
	int (*prompt)(struct agent *a, const struct agent_prompt *p, struct err *err);
	/* Could it take a prompt now?  why and todo are lent; set when it could not. */
	bool (*ready)(const struct agent *a, const char **why, const char **todo);
	/* Something that it must know ("operator ana pressed F7 cycle at 03:12:04"),
	 * copied; told to the model at the next possible moment.  Never starts a turn.
	 * NULL: this driver has nobody to tell. */
	void (*notice)(struct agent *a, const char *text);
	/* Ends the turn in flight: done comes within 250 ms when the peer is
	 * responsive and at the latest after 5 s (interrupt, TERM, KILL); from a driver
	 * without a child always within 250 ms.  Idempotent. */
	void (*cancel)(struct agent *a);
	/* Another incident: what was said is forgotten before the next prompt.  Between
	 * turns.  NULL: it keeps no conversation. */
	void (*fresh)(struct agent *a);
	/* Ends the driver's child and frees the driver; no callback comes after it. */
	void (*free)(struct agent *a);
};

/* A driver's own struct begins with this. */
struct agent {
	const struct agent_ops *ops;
	const char
	    *name; /* "cli", "api", "runbook"; the choice's is that of its driver */
	const struct agent_events *events; /* borrowed */
	void *arg;
};

#endif
