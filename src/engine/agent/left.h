/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * left.h: what of the agent's work still runs on the hosts, and its end.
 *
 *   channel closed, or lost --> ENDING --asked: gone-----------> (not in the list)
 *                                 |  \--asked: lives on-------> RUNNING --"end"--> ENDING
 *                                 v
 *                              UNKNOWN  the devvm does not answer: asked again when it
 * does
 *
 * The leash ends a command by itself; here the devvm is asked, over the engine's own
 * connection, whether that is so, and what lives is ended.  What a command that had
 * ended left behind is listed and left alone.  A mutating verb under way is listed until
 * its end, and nothing here ends it.  Each change is told as state "left".
 */
#ifndef ENGINE_LEFT_H
#define ENGINE_LEFT_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/record/incident.h"

#define LEFT_MAX 32

struct left;

struct left *left_new(uv_loop_t *loop, struct incident *incident, struct broker *broker);
void left_free(struct left *l);

/* A command that was sent; remembered, in case something of it stays. */
void left_began(struct left *l, const char *id, const char *what, size_t len);

/* Its channel was closed (or, lost: went away): whatever lives of it is ended. */
void left_closed(struct left *l, const char *id, bool lost);

/* A mutating verb of the agent goes on by itself; and its end. */
void left_verb(struct left *l, const char *id, const char *verb);
void left_verb_over(struct left *l, const char *id);

/* Looks, too, for what commands that had ended left behind. */
void left_look(struct left *l);

/* The devvm's main connection is up. */
void left_link_up(struct left *l);

/* An operator wants it ended. */
int left_end(struct left *l, const char *id, struct err *err) MUST_CHECK;

/* The kill switch: all of it is killed, at once, and what ended commands left behind,
 * too. */
void left_kill(struct left *l);
void left_spare(struct left *l); /* it was lifted: what begins now is not meant */

/* Adds the ids to array. */
void left_ids(const struct left *l, struct js *array);

/* Records of an incident that is continued, then their end. */
void left_found(struct left *l, const struct js *record);
void left_found_end(struct left *l);

#endif
