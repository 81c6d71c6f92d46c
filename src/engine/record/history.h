/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history.h: what is older than what a console holds, when it asks.
 *
 *   asked --(the peer's queue has room)--> reading --> told
 *
 * The youngest records below a number come from the ring, and from the file what is
 * older than that; oldest first, then one `history` fact.  None of them is skipped.
 */
#ifndef ENGINE_HISTORY_H
#define ENGINE_HISTORY_H

#include "engine/peer.h"

#define HISTORY_COUNT_MAX 2000 /* records that one request is answered with */
#define HISTORY_COUNT 500      /* when it names no number */

/* Answers request m of p, or refuses it: one at a time. */
void history_start(struct peer *p, const struct js *m);

/* Some of what waited for p has gone out. */
void history_go_on(struct peer *p);

/* p goes: what it asked for is forgotten. */
void history_drop(struct peer *p);

#endif
