/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent.h: what the turn asks of a driver, and what a driver tells the turn.
 *
 * Three drivers speak it: the Claude CLI, the Claude API, the runbooks.  One
 * prompt at a time: the turn queues.  A driver owns every deadline towards its
 * own peer (silence, death, retries); the turn owns the one for the whole.
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

struct agent_outcome {
	bool ok;
	bool cancelled;
	const char *stop; /* reason in the vendor's word, or ours: "died", "silent" */
	const char *why;  /* sentence when !ok, else NULL */
	const char *todo; /* what to do now, or NULL */
	int64_t in_tokens, out_tokens, cache_tokens; /* of this turn; -1 unknown */
	double cost_usd;			     /* of this turn; negative unknown */
};

/* All strings are lent for the call.  No callback comes from inside a call of ops. */
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
	/* A call of a local tool (Bash, Read, Grep, Glob) begins or ends. id is the
	 * vendor's; what is the command or path in one line. */
	void (*tool)(const char *id, const char *name, const char *what, size_t what_len,
	    void *arg);
	void (*tool_end)(
	    const char *id, bool failed, const char *text, size_t len, void *arg);
	/* Something the operator should know while the turn goes on. */
	void (*trouble)(const char *text, const char *todo, void *arg);
	/* The end of a prompt's turn; exactly once per prompt that returned 0. */
	void (*done)(const struct agent_outcome *outcome, void *arg);
};

struct agent;

struct agent_ops {
	const char *name; /* "cli", "api", "runbook" */
	/* Gets ready ahead of a prompt (spawns the child); progress comes as state. */
	void (*start)(struct agent *a);
	/* 0: done will come; -1: refused, nothing will.  text is copied. */
	int (*prompt)(struct agent *a, const char *text, size_t len, struct err *err);
	/* Ends the turn in flight: done comes within 250 ms when the peer is
	 * responsive and at the latest after 5 s (interrupt, TERM, KILL).  Idempotent. */
	void (*cancel)(struct agent *a);
	/* Ends the driver's child and frees the driver; no callback comes after it. */
	void (*free)(struct agent *a);
};

/* A driver's own struct begins with this. */
struct agent {
	const struct agent_ops *ops;
	const struct agent_events *events; /* borrowed */
	void *arg;
};

#endif
