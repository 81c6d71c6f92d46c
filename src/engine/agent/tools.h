/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tools.h: the four tools of a model that we ask ourselves.
 *
 *   call of the model --check--> WAITING --a place is free--> RUNNING --end--> ENDED
 *        (tools_input.c)            |                            |      (tools_show.c)
 *                                   +------- tools_stop ---------+
 *
 * Bash, Read, Grep and Glob, run by agent-host: nothing of the agent runs in
 * the engine.  Input is checked strictly, and what does not fit is answered in
 * words for the model.  What it reads of an output is marked as data, made
 * visible, and cut to a head and a tail; the operators and the journal get the
 * bytes as they come, all of them.
 */
#ifndef ENGINE_TOOLS_H
#define ENGINE_TOOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOOLS_RUNNING_MAX 8  /* at once; more wait */
#define TOOLS_WAITING_MAX 64 /* more are refused in words */

struct agent_side;
struct tools;
struct tool_run;

/*
 * The "tools" array of a request: a string that never changes, because a
 * prompt is cached by its bytes.  profile: enum api_profile; the vendor's has
 * strict schemas with every member required, where null stands for "not given".
 */
const char *tools_json(int profile);

/* Everything is lent for the call. */
struct tool_done {
	const char *text; /* what the model reads: valid UTF-8, nothing invisible in it */
	size_t len;
	bool is_error;
	int exit;	 /* -1: none (a signal, a time-out, it never ran) */
	const char *why; /* why it did not end by itself, in words, or NULL */
};

struct tool_events {
	/* Bytes as they come, of stream 1 or 2; for the operators, not for the model. */
	void (*output)(int stream, const char *data, size_t len, void *arg);
	/* Once, the last; the run is gone after it. */
	void (*end)(const struct tool_done *done, void *arg);
};

/* side is borrowed and outlives the tools. */
struct tools *tools_new(struct agent_side *side);

/* Runs that still go on are ended without a callback. */
void tools_free(struct tools *t);

/*
 * Never NULL; input is what the model wrote, of any kind.  Nothing is called
 * back from inside.  The run is lent until end.  ev is borrowed until then, may
 * have NULL members.
 */
struct tool_run *tools_start(struct tools *t, const char *name, const char *input,
    size_t len, const struct tool_events *ev, void *arg);

/* The journal's name of this run ("r12"), if one is known: a cut output names it. */
void tools_called(struct tool_run *run, const char *id);

/*
 * It is to end, with everything that it started: end comes within 250 ms, with
 * the output so far.  why: "the operator stopped it", for the model.  Idempotent.
 */
void tools_stop(struct tool_run *run, const char *why);

/* No callback any more, for who is freed before the run has ended. */
void tools_forget(struct tool_run *run);

/* One line for a pane: the command, the path, the pattern, at most 1000 bytes.
 * Caller frees. */
char *tools_title(const char *name, const char *input, size_t len);

#endif
