/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent_cli.h: the driver that runs the real claude, one process an incident.
 *
 *   OFF ---agent-host up---> DOWN --child_start--> STARTING --initialize--> READY
 *    ^ no claude, no key,     ^  ^                    |                      |  ^
 *    | no agent-host          |  '------ dies --------'              prompt  |  | result
 *    '---- three deaths ------'                                              v  |
 *                             ^                 STOPPING <--cancel, silence-- TURN
 *                             '-------- dies -------+------- result -> READY ---'
 *
 * A dead claude is started again with --resume: it remembers.  One that dies
 * three times before it is ready is not started again until somebody asks.
 * STOPPING interrupts, after 5 s sends TERM, after 5 s more KILL.
 */
#ifndef ENGINE_AGENT_CLI_H
#define ENGINE_AGENT_CLI_H

#include <stdint.h>
#include <uv.h>

#include "engine/agent/agent.h"
#include "engine/agent/agent_side.h"
#include "engine/agent/definition.h"

struct agent_cli_config {
	uv_loop_t *loop;
	struct agent_side *side;	     /* borrowed for the driver's life */
	const struct definition *definition; /* copied */
	const char *model;		     /* NULL or "": the definition's */
	const char *api_url;		     /* NULL or "": the vendor's */
	const char *ca; /* certificates for that address beside the usual, or NULL */
	const char *const *addresses; /* literal ones of it, or NULL; lent for its life */
	const char *api_key;	      /* lent for the call; NULL or "": none */
	/* A subscription's, for the vendor's own address alone; used without a key. */
	const char *oauth_token;
	const char
	    *session; /* an earlier session of the incident to go on with, or NULL */
	/* 0: the times that the header names; tests take shorter ones. */
	int64_t quiet_ms;  /* no line for so long, no tool open: said (60 s) */
	int64_t silent_ms; /* ... for so long: interrupted, then ended (180 s) */
	int64_t grace_ms;  /* between interrupt, TERM and KILL (5 s) */
};

struct agent *agent_cli_new(
    const struct agent_cli_config *cfg, const struct agent_events *events, void *arg);

#endif
