/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * power.h: the six verbs, and the one slot for those that mutate.
 *
 *   asked --> refused
 *     |
 *     v                    (mutating: slot taken, journal synced)
 *   confirmed --> sent --> stage … --> finished
 *                  |  \
 *                  |   +--> waiting     past its deadline; it goes on at the host
 *                  +------> unknown     connection lost; status will tell
 *
 * The client never ends a mutating verb (law 5).  The bytes sent are the
 * table's constant.  A status or forensics needs no slot, and is given up after
 * its deadline.
 */
#ifndef ENGINE_POWER_H
#define ENGINE_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/remote/broker.h"
#include "wire/verbs.h"

#define POWER_EXIT_BUSY 75 /* of the host program: another one runs, this one did not */
#define POWER_EXIT_FAULT 1 /* of ours: what does it was lost, ask status */

struct power;
struct power_verb;
struct js;

enum power_end { POWER_REFUSED, POWER_EXITED, POWER_FAILED, POWER_UNKNOWN };

struct power_listener {
	/* The host program's output as it comes; false: stop listening. */
	bool (*output)(int stream, const char *data, size_t len, void *arg);
	/* The last callback; from the loop. */
	void (*end)(enum power_end how, int exit, const char *why, void *arg);
	/* The engine leaves before the end: arg is free to go.  NULL: not wanted. */
	void (*drop)(void *arg);
};

/* Which verb of whom an event is about; lent. */
struct power_what {
	enum verb verb;
	const char *id;	   /* of its facts: "v3" */
	const char *asked; /* "operator", "agent", "engine" */
	const char *by;
	const char *host_run; /* the host's own name for it; "": it has not come */
	int64_t confirmed_ms; /* wall clock; 0: never */
};

struct power_events {
	/* Marks of the host program, of any verb's run. */
	void (*line)(
	    const struct power_what *what, const char *line, size_t len, void *arg);
	/* A verb is about to be sent, or has ended (how, exit). */
	void (*before)(const struct power_what *what, void *arg);
	void (*after)(
	    const struct power_what *what, enum power_end how, int exit, void *arg);
};

struct power_config {
	uv_loop_t *loop;
	struct incident *incident;
	struct broker *broker;
	const struct options *options;
	const struct power_events *events;
	void *arg;
};

struct power_ask {
	enum verb verb;
	const char *asked; /* "operator", "agent", "engine" */
	const char *by;
	int turn;
	const char *req;     /* the asker's own id of the request, or NULL */
	const char *confirm; /* the same word, for a mutating verb of an operator */
	const struct power_listener *listener; /* may be NULL; borrowed */
	void *arg;
};

/* Takes the agent's verbs from cfg's broker, too. */
struct power *power_new(const struct power_config *cfg);
void power_free(struct power *p); /* a mutating verb at the host is left alone */

/* Ids of an earlier engine of this incident are not used again. */
void power_found(struct power *p, const struct js *record);

/*
 * A mutating verb runs at the host that this engine has lost sight of: no other is
 * begun.  by NULL: it does not any more.
 */
void power_hold(struct power *p, const char *by, const char *verb, int64_t since_ms);

/*
 * The engine leaves.  A mutating verb that is under way gets its last fact here:
 * never sent, or for the host to finish.
 */
void power_leave(struct power *p);

/* A host program that dies with its reader is at work: leaving ends it halfway. */
bool power_is_read_by_old(const struct power *p);

/* Never NULL; borrows ask for the call.  Refusals come through the listener. */
struct power_verb *power_ask(struct power *p, const struct power_ask *ask);

const char *power_verb_id(const struct power_verb *v); /* "v3"; until its end */

/* No callback comes to this listener after it.  The verb goes on. */
void power_unlisten(struct power_verb *v);

bool power_is_busy(const struct power *p); /* a mutating verb of ours holds the slot */

#endif
