/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_stream.h: one answer of the Messages API, from its bytes to a message.
 *
 *   message_start -> (block start -> deltas -> block stop)* -> message_delta+ ->
 * message_stop
 *        '--------------- ping, unknown events: anywhere ---------------'
 *
 * Pure: bytes in, callbacks out; no clock, no socket.  Nothing may run before
 * message_stop was seen: api_stream_is_done.  Unknown events, deltas, blocks and
 * stop reasons are tolerated; what may not be (a second message_start, a delta
 * for no block, bad UTF-8, text that is no JSON) ends the answer with a failure.
 * The message's content is built once, as the JSON text that goes back.
 */
#ifndef ENGINE_API_STREAM_H
#define ENGINE_API_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "engine/api/api_error.h"

#define API_BLOCKS_MAX 1024		   /* of one message */
#define API_MESSAGE_MAX (32 * 1024 * 1024) /* bytes of one message's content */

enum api_stop {
	API_STOP_NONE, /* null or absent */
	API_END_TURN,
	API_TOOL_USE,
	API_MAX_TOKENS,
	API_STOP_SEQUENCE,
	API_PAUSE_TURN,
	API_REFUSAL,
	API_CONTEXT_FULL, /* model_context_window_exceeded */
	API_COMPACTION,
	API_STOP_OTHER, /* stop_word says which */
	API_STOPS
};

/* Tokens; -1 where the server did not say. */
struct api_counts {
	int64_t in;  /* neither read from nor written to the cache */
	int64_t out; /* thinking counted */
	int64_t cache_read;
	int64_t cache_write;	/* both lifetimes */
	int64_t cache_write_1h; /* of cache_write: what costs double */
};

struct api_usage {
	struct api_counts last; /* of the message: in+cache_* is the prompt's size */
	struct api_counts
	    billed;	  /* summed over iterations where there are some, else last */
	int64_t thinking; /* of last.out; -1 unknown */
	int iterations;
};

struct api_call {
	const char *id, *name;
	const char *input; /* exactly as it came; "{}" when none came.  NUL-terminated */
	size_t len;
	const char *bad; /* NULL, or why input is no strict JSON object: never run it */
};

/* Lent until api_stream_free. */
struct api_message {
	const char *id, *model; /* "" when the server gave none */
	enum api_stop stop;
	const char *stop_word;		    /* as the server wrote it, or "" */
	const char *stop_sequence;	    /* or NULL */
	const char *category, *explanation; /* of a refusal; NULL when unknown */
	struct api_usage usage;
	const struct api_call *calls; /* to be run only with API_TOOL_USE */
	size_t n_calls;
	const char *content; /* JSON array to send back; "[]" when nothing is left */
	size_t content_len;
	bool has_text;	    /* a text block that is not empty */
	bool transformed;   /* input_transformations said that our input was changed */
	const char *served; /* the model that answered behind a fallback, or NULL */
};

/* Strings are lent for the call; each may be NULL.  block counts from 0. */
struct api_stream_events {
	void (*started)(const char *message_id, const char *model, void *arg);
	/* Of a text block: UTF-8, never cut inside a character. */
	void (*delta)(int block, size_t off, const char *text, size_t len, void *arg);
	/* A whole text (not empty), or the readable text of a thinking block. */
	void (*text)(int block, const char *text, size_t len, bool thinking, void *arg);
	/* The model thinks; tokens so far of this message, or -1. */
	void (*thinking)(int64_t tokens, void *arg);
	void (*tool_begins)(const char *id, const char *name, void *arg);
	void (*fallback)(const char *from, const char *to, void *arg);
	/* Any complete event, also a ping: the model is alive. */
	void (*alive)(void *arg);
	void (*usage)(const struct api_usage *u, void *arg);
};

struct api_stream;

/* ev is borrowed until the free. */
struct api_stream *api_stream_new(const struct api_stream_events *ev, void *arg);
void api_stream_free(struct api_stream *s); /* NULL is fine; never from a callback */

/*
 * Bytes of an event stream.  0, also behind message_stop (what comes there is
 * passed over).  -1: the answer failed, api_stream_failure has the rest.
 */
int api_stream_feed(
    struct api_stream *s, const char *data, size_t len, struct err *err) MUST_CHECK;

/* Nothing more comes.  -1 and a failure when message_stop was not seen. */
int api_stream_end(struct api_stream *s, struct err *err) MUST_CHECK;

/* Instead of feed and end: the body of a 200 that is one JSON message. */
int api_stream_whole(
    struct api_stream *s, const char *json, size_t len, struct err *err) MUST_CHECK;

bool api_stream_is_done(const struct api_stream *s); /* message_stop was seen */
bool api_stream_showed(const struct api_stream *s);  /* visible text or a tool began */
/* NULL before it is done. */
const struct api_message *api_stream_message(const struct api_stream *s);
/* NULL while nothing failed. */
const struct api_failure *api_stream_failure(const struct api_stream *s);
/* So far, also of an answer that failed: it is paid for. */
const struct api_usage *api_stream_usage(const struct api_stream *s);
uint64_t api_stream_events_seen(const struct api_stream *s); /* of the SSE layer */

/* "end_turn" -> API_END_TURN; NULL or "" -> API_STOP_NONE. */
enum api_stop api_stop_by_word(const char *word);

#endif
