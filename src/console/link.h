/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * link.h: the connection to an engine, for whoever has a loop.  No curses.
 *
 *            link_new
 *               v          connected           welcome
 *   +------> WAITING ---------------> HELLO -------------> UP
 *   |           ^                       |  5 s, closed      | closed, refused,
 *   |           +-----------------------+-------------------+ silent for 20 s
 *   |  link_restart (at once)
 *
 * It comes back by itself, with growing pauses up to 5 s, as long as it lives, and
 * says in words how it stands.  It pings every 15 s while it is up.  Where nobody
 * listens any more it has an engine started (starter.h), unless the last one ran in the
 * foreground.  An engine that speaks another version is the end: OTHER, and
 * one that does not let us in, or no longer: DENIED.  One that asks for a password before
 * its welcome is told it by link_unlock: HELLO, GATE, UP.
 */
#ifndef CONSOLE_LINK_H
#define CONSOLE_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "wire/json.h"

enum link_state {
	LINK_WAITING,
	LINK_HELLO,
	LINK_GATE,
	LINK_UP,
	LINK_OTHER,
	LINK_DENIED,
	LINK_STATES
};

struct link;

/* fact is lent.  Every line of the engine comes here, `welcome` too. */
typedef void link_fact_fn(void *arg, const struct js *fact);

/* words: why it is not up and what happens next; "" when it is. Lent. */
typedef void link_state_fn(void *arg, enum link_state state, const char *words);

struct link_opts {
	const char *socket_path; /* copied, like the other strings */
	const char *name;	 /* operator's name */
	const char *role;	 /* "console" or "command" */
	const char *tty;	 /* or NULL */
	const char *starter;	 /* breakglass, for when no engine is there; or NULL */
	int cols, rows;		 /* 0: no screen */
	bool read_only;
	int tail; /* records to be told when there is no since */
	link_fact_fn *on_fact;
	link_state_fn *on_state;
	void *arg;
};

/* Connects as soon as the loop runs; callbacks come from the loop only. */
struct link *link_new(uv_loop_t *loop, const struct link_opts *opts);

/* Says bye and goes; freed by the loop later. No callback comes after this. NULL is fine.
 */
void link_free(struct link *l);

/*
 * A request unlock, at the gate or of locked keys; name NULL: by a key alone.  What is
 * sent is wiped when it was written.
 */
int link_unlock(struct link *l, const char *name, const char *password, size_t len,
    struct err *err) MUST_CHECK;

/* Keys were pressed: the next ping tells it. */
void link_active(struct link *l);

/* Takes request.  -1: not up (ERR_UNREACHABLE), or too much waits (ERR_LIMIT). */
int link_send(struct link *l, struct js *request, struct err *err) MUST_CHECK;

/* Reads nothing from the engine for a while: whom its words are for takes no more. */
void link_hold(struct link *l, bool hold);

/* The next hello asks for what comes after this seq; 0: for the tail. */
void link_since(struct link *l, int64_t seq);

/* Drops the connection and makes a new one at once. */
void link_restart(struct link *l);

/* LINK_DENIED, in words of another uid's engine: clean, to standard error. */
void link_say_denied(const char *words);

#endif
