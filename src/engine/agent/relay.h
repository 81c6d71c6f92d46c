/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * relay.h: claude's only way to the network, byte by byte through the engine.
 *
 *   claude --DIR/api.sock--> agent-host --agent/relay.sock--> relay --TCP--> the API
 *
 *   NEW --token line--> CALLING --connected--> OPEN --both sides' end, a limit--> closed
 *    '--- wrong or none ---+---- refused, black hole, no name ----'
 *
 * claude itself has no IP: what it sends goes to the one host and port of its
 * configured address and never to one that a peer names.  TLS is between claude and
 * that host; nothing is understood here.  Nothing waits: names are looked up off the
 * loop, each way holds 64 KiB, and every state has its limit.
 */
#ifndef ENGINE_RELAY_H
#define ENGINE_RELAY_H

#include <stdint.h>
#include <uv.h>

#include "base/err.h"

#define RELAY_MAX 16	  /* connections at once */
#define RELAY_TOKEN 33	  /* 32 hexadecimal digits and NUL */
#define RELAY_WHY_MAX 400 /* bytes of a reason */

struct agent_door;
struct relay;

struct relay_config {
	uv_loop_t *loop;
	const char *path;	       /* the socket; in the agent's folder */
	const struct agent_door *door; /* borrowed; NULL: our uid alone comes */
	/* A connection that could not be made, or broke: a sentence without an end. */
	void (*trouble)(const char *why, void *arg);
	void *arg;
	/* 0: the times beside them; tests take shorter ones. */
	int64_t token_ms;   /* until who connects has shown the token (5 s) */
	int64_t name_ms;    /* for the name servers (5 s) */
	int64_t connect_ms; /* for all addresses together (10 s) */
	int64_t idle_ms;    /* without a byte (300 s) */
	int64_t linger_ms;  /* one side has ended (30 s) */
	int64_t total_ms;   /* ended at its next rest, at twice that anyhow (1 h) */
};

struct relay *relay_new(const struct relay_config *cfg, struct err *err) MUST_CHECK;
void relay_free(struct relay *r); /* NULL is fine; handles close on the loop */
void relay_cut(
    struct relay *r); /* what is open ends, and the token with it; NULL is fine */
void relay_again(struct relay *r); /* its socket was removed: listens anew */

/*
 * From now on connections go to the host and port of url, and need the token that
 * this returns (lent until the next call).  addresses: literal ones for when no name
 * server answers, ended by NULL; or NULL.  NULL: err says what is wrong with the URL.
 */
const char *relay_allow(struct relay *r, const char *url, const char *const *addresses,
    struct err *err) MUST_CHECK;

/* How many have come with the token since relay_allow, whatever became of them. */
uint64_t relay_came(const struct relay *r);

#endif
