/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_int.h: the API driver's own; between agent_api.c (state, wishes),
 * api_turn.c (how a turn begins and ends), api_ask.c (one request and its answer),
 * api_show.c (what is seen of it), api_retry.c (what a fault leads to, whom to ask),
 * api_calls.c (the model's tool calls) and api_prompt.c (what a prompt says, and a
 * summary of what was).
 */
#ifndef ENGINE_API_INT_H
#define ENGINE_API_INT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "engine/api/agent_api.h"
#include "engine/api/api_error.h"
#include "engine/api/api_stream.h"
#include "engine/api/api_transcript.h"
#include "engine/agent/tools.h"

#define API_TICK_MS 100
#define API_SEEN_MS 1000 /* so old may be what is known of the credentials */
#define API_UUID_LEN 37
#define API_PAUSES_MAX 5	   /* pause_turn in a row */
#define API_DIGEST_MAX (48 * 1024) /* bytes; the newest are kept */
#define API_DIGEST_SHORT (6 * 1024)
#define API_SHRINKS_MAX 2	       /* of one turn */
#define API_ERROR_BODY_MAX (64 * 1024) /* of an answer that is no message */

enum api_state {
	API_IDLE,
	API_CHOOSING, /* what credentials there are is looked at, the first choice probed
		       */
	API_CREDENTIAL, /* the endpoint's credential is being got */
	API_ASKING,	/* the request is on its way, no headers yet */
	API_STREAMING,	/* the answer comes */
	API_TOOLS,	/* what the model called for runs */
	API_WAITING,	/* back-off */
	API_STOPPING,	/* cancelled: what runs is being ended */
	API_STATES
};

/* What the bell is to do: events never start a request from inside of one. */
enum api_wish {
	API_WISH_NONE,
	API_WISH_BEGIN,	  /* a prompt waits */
	API_WISH_STEP,	  /* the transcript has grown: the next request */
	API_WISH_ASK,	  /* the same step once more */
	API_WISH_RESULTS, /* every call has its result */
};

/* One tool call of the model. */
struct api_tool {
	struct agent_api *api;
	char *id, *name, *title;
	struct tool_run *run; /* NULL: it has ended, or never began */
	int64_t began_ms;
	bool ended, failed;
	int exit;
	char *text; /* what the model reads */
	size_t len;
};

struct agent_api {
	struct agent base;
	struct http *http;
	struct endpoints *endpoints;
	struct tools *tools;
	const struct redact *redact;
	char *model, *effort, *system;
	int64_t event_ms, quiet_ms, probe_ms, fresh_ms, connect_ms, idle_ms, retry_ms;
	int max_first;

	enum api_state state;
	enum api_wish wish;
	enum agent_state told;
	char told_why[200]; /* with it, while idle */
	bool started;
	bool progress_told;
	char session[API_UUID_LEN];
	bool session_told;
	struct endpoint *told_ep; /* of the last route */
	char told_model[64];	  /* that answers, as it says itself */
	struct api_transcript *transcript;
	struct buf digest; /* what was, one line each, for a fresh conversation */

	/* the turn */
	struct buf prompt; /* composed; empty: no turn */
	char *asked;	   /* the operator's own words, short, for the digest */
	bool in_turn, cancelled, ran;
	int shrinks, rounds, pauses, block_base, blocks;
	struct agent_usage sum;	 /* of the answers that are over */
	struct agent_usage seen; /* as last told */

	/* whom to ask */
	struct endpoint *first;	   /* by hand; NULL: the first one configured */
	struct endpoint *ep;	   /* NULL: not chosen yet */
	struct endpoint *plain_ep; /* it knows none of our betas */
	unsigned tried;		   /* in this step, a bit each */
	char away_why[400];	   /* why it is not the first one */
	bool looks;		   /* CHOOSING: at what the credentials are read from */
	struct endpoint *probed;   /* of CHOOSING; NULL: none is asked */

	/* the step: one request, and its repetitions */
	int attempts;
	bool new_credential, dropped;
	struct api_judged refusal; /* of the credential, that another one is got for */
	int64_t max_tokens;
	int64_t due_ms; /* of WAITING */

	/* the request */
	struct credential_ask *ask;
	struct http_call *call;
	bool over; /* its message was taken; only the framing's end is missing */
	int status;
	bool is_json;
	char retry_after[64], retry_after_ms[32], should_retry[8], date[64];
	char request[64];
	struct buf body; /* of an error, or of a whole message */
	struct api_stream *stream;
	int open_block; /* text that was shown and has not ended; -1 none */
	struct buf shown;
	int64_t asked_ms, heard_ms, event_at_ms;
	bool quiet_told; /* that nothing comes; the next byte takes it back */

	struct api_tool **calls;
	size_t n_calls, n_open;

	uv_timer_t bell, tick;
	int open; /* timers that are not closed yet */
	bool dead;
};

/* agent_api.c */
void api_enter(struct agent_api *c, enum api_state state, const char *why);
void api_wish(struct agent_api *c, enum api_wish wish);
void api_say_trouble(struct agent_api *c, const char *text, const char *todo);
void api_say_progress(struct agent_api *c, const char *text); /* NULL clears */
void api_say_wait(struct agent_api *c, const struct agent_wait *w);
void api_session_fresh(struct agent_api *c);

/* api_turn.c */
void api_turn_begin(struct agent_api *c);
void api_turn_step(struct agent_api *c);
void api_turn_on_message(struct agent_api *c);
void api_turn_fail(
    struct agent_api *c, const char *stop, const char *why, const char *todo);
void api_turn_cancel(struct agent_api *c);
void api_turn_cancelled(struct agent_api *c); /* nothing runs any more */
void api_turn_shrink(struct agent_api *c, const char *why);
void api_turn_usage(struct agent_api *c, bool is_over);

/* api_ask.c */
void api_ask(struct agent_api *c);
void api_framing_end(struct agent_api *c);
void api_ask_drop(struct agent_api *c); /* whatever of it is under way */
void api_ask_tick(struct agent_api *c, int64_t now);
const char *api_model(struct agent_api *c);
int64_t api_max_first(struct agent_api *c); /* tokens of a step's first answer */

/* api_show.c */
extern const struct api_stream_events api_shown_events;
void api_shown_cut(struct agent_api *c); /* text whose end will not come */

/* api_retry.c */
void api_choose(struct agent_api *c);
void api_chosen_drop(struct agent_api *c);
bool api_has_other(struct agent_api *c); /* that could be asked in this step */
void api_route(struct agent_api *c);	 /* told when it is another one */
void api_no_credential(struct agent_api *c, const char *why, const char *todo);
void api_on_fault(
    struct agent_api *c, enum http_end how, const struct api_failure *f, const char *why);
void api_waiting_tick(struct agent_api *c, int64_t now);

/* api_calls.c */
void api_calls_start(struct agent_api *c, const struct api_message *m);
void api_calls_results(struct agent_api *c); /* into the transcript */
void api_calls_stop(struct agent_api *c);
void api_calls_free(struct agent_api *c);

/* api_prompt.c */
void api_prompt_compose(struct agent_api *c, const struct agent_prompt *p);
void api_digest_add(struct agent_api *c, const char *what, const char *text, size_t len);
void api_digest_compose(struct agent_api *c, size_t most, struct buf *out);

#endif
