/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cli_stream.h: what the Claude CLI prints, line by line, in our words.
 *
 * Pure: bytes in, callbacks out; no clock, no process.  Members come in any
 * order, unknown types are passed over, a line that is no JSON or too long is
 * counted.  A text block is finished only by its "assistant" line; a new
 * message drops the unfinished text of the one before it (a retry asks for
 * the whole reply again), so its block number is used again.
 */
#ifndef ENGINE_CLI_STREAM_H
#define ENGINE_CLI_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"
#include "wire/json.h"

#define CLI_LINE_MAX (16 * 1024 * 1024) /* bytes; a longer line is skipped */

struct cli_result {
	bool is_error;
	const char *reason; /* terminal_reason, else subtype */
	const char *text;   /* the reply, or the first error; or NULL */
	int64_t api_status; /* 0: none */
	int64_t in_tokens, out_tokens, cache_tokens; /* of this turn; -1 unknown */
	double total_usd; /* of the session so far; negative unknown */
};

/* Strings are lent for the call. */
struct cli_stream_events {
	void (*line)(void *arg); /* before what the line brings: the child is alive */
	void (*bad)(const char *why, void *arg);
	void (*init)(
	    const char *session, const char *model, const char *version, void *arg);
	void (*delta)(int block, size_t off, const char *text, size_t len, void *arg);
	void (*text)(
	    int block, const char *text, size_t len, bool thinking, bool cut, void *arg);
	void (*tool)(
	    const char *id, const char *name, const char *what, size_t len, void *arg);
	void (*tool_end)(
	    const char *id, bool failed, const char *text, size_t len, void *arg);
	/* status 0: no answer at all. */
	void (*retry)(
	    int attempt, int max, int delay_ms, int status, const char *error, void *arg);
	void (*api_error)(int status, const char *text, void *arg);
	void (*note)(const char *text, void *arg);
	void (*answer)(
	    const char *request, bool ok, void *arg); /* to a control request of ours */
	/* A control request of its own; what may be NULL, and may be changed. */
	void (*asks)(const char *request, struct js *what, void *arg);
	void (*result)(const struct cli_result *r, void *arg);
	/* What an answer of the model has used so far: of one message, not of the turn;
	 * fresh: it is another message than the one before.  May be NULL. */
	void (*usage)(
	    bool fresh, int64_t in, int64_t cache, int64_t write, int64_t out, void *arg);
};

struct cli_stream {
	const struct cli_stream_events *ev;
	void *arg;
	struct frame frame;
	uint64_t dropped; /* of frame.dropped, what was told */
	int next_block;
	int block;  /* of the text that streams now */
	bool open;  /* it has no "assistant" line yet */
	bool stale; /* ... and never will: another message has begun */
	struct buf partial;
};

void cli_stream_init(struct cli_stream *s, const struct cli_stream_events *ev, void *arg);
void cli_stream_fini(struct cli_stream *s);

void cli_stream_feed(struct cli_stream *s, const char *data, size_t len);

/* A turn begins: blocks count from 0 again. */
void cli_stream_turn(struct cli_stream *s);

/* Nothing more comes: what streamed without its end is told, marked cut. */
void cli_stream_cut(struct cli_stream *s);

/* The child is another one: a half line of the old one is forgotten. */
void cli_stream_restart(struct cli_stream *s);

#endif
