/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * people.h: the operators who are here: their names, their proofs, and who drives.
 *
 * Two with one name are kept apart ("ann", "ann.2").  Each console that comes is told
 * by an `operator` fact with its proof, and told again where the proof came late; a
 * one-shot command is told of before its first act.  A journal that is opened begins
 * with those who are here, so that `by` of each action has its proof in the same file.
 */
#ifndef ENGINE_PEOPLE_H
#define ENGINE_PEOPLE_H

#include <stdbool.h>

#include "engine/hub.h"
#include "wire/messages.h"

struct people;

struct people *people_new(uv_loop_t *loop, struct incident *incident);
void people_free(struct people *p); /* its handles close on the loop */

/* From the hub: before the welcome (its name is settled), after it, and at its end. */
void people_arrive(struct people *p, struct peer *peer, int fd);
void people_attached(struct people *p, struct peer *peer);
void people_detached(struct people *p, struct peer *peer);

/*
 * May this peer ask that now?  False: it has been told why not.  autonomy: the level
 * now.  Where nobody drives, who acts drives from here on.
 */
bool people_may(struct people *p, struct peer *peer, const struct js *m,
    enum request kind, int autonomy);

/* What a watcher may, too: to look, to say something, and to hold things up. */
bool people_is_free(enum request kind, const struct js *m, int autonomy);

/* What vouches for who is here ("password of ann"), in front of its proof; on record. */
void people_vouch(struct people *p, struct peer *peer, const char *words);

/* The operator list gives one who is here another role. */
void people_role(struct people *p, struct peer *peer, bool read_only);

/* The request drive. */
void people_drive(struct people *p, struct peer *peer, const struct js *m);

/* Each fact, after it got its number: a new journal is told who is here. */
void people_see(struct people *p, const struct js *fact);

#endif
