/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_api.h: the driver that speaks the Messages API itself.
 *
 *   IDLE --prompt--> CHOOSING --> CREDENTIAL --> ASKING --headers--> STREAMING
 *    ^                  ^             ^            |                  |    |
 *    |                  |             '- WAITING <-+------ fault -----'    |
 *    |                  '---- next endpoint ------'                        |
 *    |                                                        message_stop v
 *    +<-- end_turn, refusal, nobody left to ask ... -----------------------+
 *    |                                                                     |
 *    '<------- STOPPING <--cancel-- TOOLS <----------- tool_use -----------'
 *                                     '-- all answered --> CREDENTIAL
 *
 * One request at a time; nothing of an answer runs before its message_stop, so
 * an answer that is cut is thrown away and asked for again.  The transcript is
 * only ever appended to.  When an endpoint is dead, overloaded or out of
 * credit, the next one goes on with the same transcript; the next turn asks the
 * first one again, when its probe is well.
 */
#ifndef ENGINE_AGENT_API_H
#define ENGINE_AGENT_API_H

#include <stdint.h>
#include <uv.h>

#include "engine/agent/agent.h"
#include "engine/agent/definition.h"
#include "engine/api/endpoint.h"
#include "engine/api/http.h"

#define AGENT_API_ROUNDS_MAX 200 /* requests of one turn; the budget has its own */

struct redact;
struct tools;

struct agent_api_config {
	uv_loop_t *loop;
	struct http *http;	     /* borrowed for the driver's life, as are ... */
	struct endpoints *endpoints; /* ... these, at least one ... */
	struct tools *tools;	     /* ... and these */
	const struct redact *redact; /* borrowed too; NULL: no patterns */
	const struct definition *definition; /* copied */
	const char *model;		     /* NULL or "": the definition's */
	const char *effort;		     /* NULL or "": "medium" */
	/* 0: the times that stand here; tests take shorter ones. */
	int64_t event_ms; /* bytes, but no event for so long: the answer is cut (300 s) */
	int64_t quiet_ms; /* no event for so long: said (20 s) */
	int64_t fresh_ms; /* so new a judgement of it is not asked for again (2 s) */
	int64_t probe_ms; /* a probe of the first choice, before a turn (800 ms) */
	int64_t connect_ms; /* while there is another endpoint to ask (3 s) */
	int64_t idle_ms;    /* no byte for so long: cut (the endpoint's) */
	int64_t retry_ms;   /* unit of the waits that are ours, not the server's (1 s) */
	int max_tokens;	    /* of a first answer (32000; portable endpoints 8192) */
};

/* The driver's name is "api". */
struct agent *agent_api_new(
    const struct agent_api_config *cfg, const struct agent_events *events, void *arg);

/*
 * The endpoint that is asked first from the next turn on; NULL: the first one
 * that is configured.  0, or -1: no such endpoint, the words name those there are.
 */
int agent_api_prefer(struct agent *a, const char *endpoint, struct err *err) MUST_CHECK;

#endif
