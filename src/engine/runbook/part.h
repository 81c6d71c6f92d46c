/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * part.h: a part of the journal, read back for one peer, with an end to the wait.
 *
 * A disk that hangs holds a thread of the pool for each read: after two of them no
 * other is begun, and whoever asks is told so as if it had waited.
 */
#ifndef ENGINE_PART_H
#define ENGINE_PART_H

#include "engine/peer.h"

#define PART_READ_MS 2000 /* a disk that takes longer for a part is passed over */
#define PART_HUNG_MAX 2	  /* threads that may wait for it */

/* Comes once, from the loop, never from inside part_read.  data is lent, why NULL on
 * success.  The peer may be dead by then. */
typedef void part_fn(
    struct peer *p, const char *data, size_t len, const char *why, void *arg);

/* As journal_read, from the file of the incident in hand. */
void part_read(
    struct peer *p, uint64_t from, uint64_t before, size_t tail, part_fn *cb, void *arg);

#endif
