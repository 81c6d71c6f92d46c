/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * asks.h: questions to the operators, and who answered them.
 *
 *   ask --> open --answer------------------> answered yes or no
 *             |  \--nobody in time---------> answered no, by the engine
 *             +----withdrawn, engine left--> answered no, by the engine
 *
 * Several may be open at once, at most ASKS_MAX; each is journaled when it is asked and
 * when it is answered, so it survives consoles that come and go.  Whoever asks waits
 * alone: operators' keys and prompts are never held up by an open question.  Silence
 * means no.
 */
#ifndef ENGINE_ASKS_H
#define ENGINE_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "engine/record/incident.h"

#define ASKS_MAX 8
#define ASKS_LIMIT_MS 110000 /* without an answer for so long: no */

struct asks;
struct ask;

/* What the operator reads.  All strings are borrowed for the call. */
struct ask_what {
	const char *kind;    /* "devvm", "verb" or "repair" */
	const char *text;    /* the question, one sentence */
	const char *asked;   /* whose it is: "agent" (NULL too) or "runbook" */
	const char *host;    /* "devvm" or "pve" */
	const char *command; /* exactly what would run there, or NULL */
	size_t command_len;
	bool has_input;	   /* with this on its standard input, all of it */
	const char *input; /* at most WIRE_CHUNK_MAX together with the command */
	size_t input_len;
	const char *verb; /* or the verb, or NULL */
	int turn;	  /* 0: none */
};

/* Once, from the loop; the ask is gone then.  why: a sentence, also for a yes; lent. */
typedef void ask_fn(bool yes, const char *why, void *arg);

/* limit_ms: how long a question stands, 0: ASKS_LIMIT_MS. */
struct asks *asks_new(uv_loop_t *loop, struct incident *incident, int64_t limit_ms);
void asks_free(struct asks *as); /* what is open is forgotten without a callback */

/* Never NULL.  With ASKS_MAX open already the answer is a no, with words. */
struct ask *asks_ask(struct asks *as, const struct ask_what *what, ask_fn *fn, void *arg);

/* Nobody needs it any more: told as a no with why; no callback comes after it. */
void ask_withdraw(struct ask *q, const char *why);

/* An operator's answer; -1 when nothing such is open: err says what became of it. */
int asks_answer(struct asks *as, const char *id, bool yes, const char *by,
    struct err *err) MUST_CHECK;

/*
 * Records of an incident that is continued, then their end: ids are not used again,
 * and what an earlier engine left open is answered no.
 */
void asks_found(struct asks *as, const struct js *record);
void asks_found_end(struct asks *as);

#endif
