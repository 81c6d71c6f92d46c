/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_transcript.h: the conversation as the API gets it: append-only, exact bytes.
 *
 *   user -> assistant -> user (results of every call first) -> assistant -> ...
 *
 * Each message is made into JSON text once; a request is a list of pieces that
 * points at those texts, so a turn costs what is new in it.  What was sent never
 * changes for the same endpoint: the prompt cache and signed thinking depend on
 * it.  An assistant message has two texts: the whole one, for the endpoint that
 * wrote it, and a plain one for all others (text and tool calls only).
 *
 * Whatever the callers do, roles alternate, every call has its result in the next
 * message, and nothing that the API refuses (an empty text, an unanswered call, a
 * cut thinking block) gets in.
 */
#ifndef ENGINE_API_TRANSCRIPT_H
#define ENGINE_API_TRANSCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/api/api_stream.h"
#include "engine/api/piece.h"

enum api_profile { API_VENDOR, API_PORTABLE };

struct api_transcript;

struct api_result {
	const char *call; /* its id */
	const char *text;
	size_t len; /* "" is sent as "(no output)" */
	bool is_error;
};

struct api_body {
	enum api_profile profile;
	const char *endpoint; /* its name: whose thinking may be sent */
	const char *model;
	int64_t max_tokens; /* 0: what the model allows, up to 64000 (portable: 4096) */
	const char *effort; /* low medium high xhigh max, or NULL: the model's own */
	const char *system; /* plain text, or NULL */
	const char *tools;  /* JSON array, or NULL */
	bool thinking;	    /* adaptive, with readable notes, where the model has it */
	bool fallbacks;	    /* another model answers what this one refuses */
	bool no_parallel;   /* one call an answer */
	bool no_betas;	    /* after API_DROP_BETAS */
	bool stream;
};

struct api_transcript *api_transcript_new(void);
void api_transcript_free(struct api_transcript *t); /* NULL is fine */

/* Copies, like all below.  Open calls are answered as not executed. */
void api_transcript_prompt(struct api_transcript *t, const char *text, size_t len);

/*
 * What the engine tells the model: with the next user message, as a system message
 * where the model knows those, else as a marked text inside it.
 */
void api_transcript_notice(struct api_transcript *t, const char *text);

/*
 * A message that was answered completely.  With API_TOOL_USE its calls are open
 * now; with every other stop its calls are left out, since nobody answers them.
 * A refusal is not stored: false.
 */
bool api_transcript_assistant(
    struct api_transcript *t, const struct api_message *m, const char *endpoint);

/*
 * The results of all open calls, in any order; a call without one is answered as
 * not executed, a result of no open call is left out.
 */
void api_transcript_results(
    struct api_transcript *t, const struct api_result *r, size_t n);

/* Lent until the transcript changes; in the order of the calls. */
size_t api_transcript_open_calls(const struct api_transcript *t, const char *const **ids);

/*
 * The request's body.  The pieces are lent until the next call of this function or
 * of one that adds to the transcript (a notice may come).  Work: what is new since
 * the last call with the same profile and endpoint, and the head.  -1 with
 * ERR_USAGE when there is nothing to answer.
 */
int api_transcript_body(struct api_transcript *t, const struct api_body *how,
    const struct http_piece **pieces, size_t *n, struct err *err) MUST_CHECK;

/* The value of the anthropic-beta header that such a body needs; "" none. */
const char *api_body_betas(const struct api_body *how, char *out, size_t size);

/* JSON bytes of all messages, as the endpoint that wrote them gets them. */
int64_t api_transcript_bytes(const struct api_transcript *t);
size_t api_transcript_messages(const struct api_transcript *t);

/* After API_DROP_THINKING.  False: there was none left, asking again is of no use. */
bool api_transcript_drop_thinking(struct api_transcript *t);

/*
 * Takes back the last user message, if nobody answered it and it holds prompts
 * only (a refusal, a cancel before any answer).  Notices in it wait again.
 */
bool api_transcript_undo_prompt(struct api_transcript *t);

#endif
