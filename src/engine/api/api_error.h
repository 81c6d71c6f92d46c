/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_error.h: what went wrong with a request, and what to do next.
 *
 * A failure is an HTTP status, an "error" event inside a 200, or a transport that
 * ended badly; one table turns it into the next step, a delay, and words with a
 * todo for the operator.  Pure: the clock and the random number come in.
 */
#ifndef ENGINE_API_ERROR_H
#define ENGINE_API_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/api/http.h"

#define API_ATTEMPTS_MAX 4 /* of one request at one endpoint, the first counted */
#define API_RETRY_AFTER_MAX_MS 60000 /* longer than that nobody waits */
#define API_BACKOFF_MAX_MS 8000

/* type "protocol" and "limit" are ours: the stream said what it may not say. */
struct api_failure {
	int status; /* 0: none (a transport's end), 200: inside the stream */
	char type[64], code[64];
	char text[512];	  /* one line, UTF-8; "" unknown */
	char request[64]; /* request_id, or "" */
};

enum api_next {
	API_GIVE_UP,	    /* nothing helps but the operator: todo says what */
	API_RETRY,	    /* the same body again, after delay_ms */
	API_NEW_CREDENTIAL, /* credential_refused, and once more with another one */
	API_NEXT_ENDPOINT,  /* this one is of no use for now */
	API_DROP_THINKING,  /* api_transcript_drop_thinking, and once more */
	API_DROP_BETAS,	    /* api_body.no_betas, and once more */
	API_SHRINK,	    /* the prompt is too long: begin anew with a summary */
	API_NEXTS
};

/* The answer's headers of those names, NULL where there is none. */
struct api_retry_headers {
	const char *retry_after;    /* seconds, or an HTTP date */
	const char *retry_after_ms; /* milliseconds */
	const char *should_retry;   /* x-should-retry: "true" or "false" */
	const char *date;	    /* the server's clock, for an HTTP date; or NULL */
};

struct api_judged {
	int64_t delay_ms; /* with API_RETRY */
	char why[256];	  /* what happened, for the operator: one line */
	char todo[256];	  /* what helps, or "" */
};

/*
 * Reads an error body (an "error" event's data has the same form).  Truncated,
 * HTML or empty bodies leave type by the status, and text as well as it goes.
 */
void api_failure_parse(int status, const char *body, size_t len, struct api_failure *f);

/* A failure of our own making, e.g. type "protocol". */
void api_failure_set(
    struct api_failure *f, int status, const char *type, const char *text);

/*
 * f may be NULL where only the transport failed; how is the transport's end
 * (HTTP_DONE with a failure: the server said it).  showed: api_stream_showed.
 * attempts: how many requests of this turn's step this endpoint has had, the one
 * that failed counted (1 is the first).  A request whose answer showed something
 * is tried again at most once.  rnd: any random number, for the jitter.
 */
enum api_next api_judge(const struct api_failure *f, enum http_end how, bool showed,
    int attempts, const struct api_retry_headers *h, int64_t now_wall_ms, unsigned rnd,
    struct api_judged *out);

/* A word for a journal: "retry", "next_endpoint" ... */
const char *api_next_word(enum api_next next);

#endif
