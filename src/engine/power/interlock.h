/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * interlock.h: a mutating verb of the agent only while our own probe fails.
 *
 *   IDLE --asked--> CLIMBING --the top was reached--> healthy: an operator is asked
 *                     ^  |
 *                     '--' fails, and not for hold_ms yet
 *                     |
 *                     '--> fails for hold_ms: the verb goes
 *
 * Off by default (interlock_seconds 0): the owner chose autonomy.  What text in a log
 * can make a model believe, it cannot make this ladder believe; who owns the devvm can,
 * by letting it fail, and gets a verb that he had at hand anyway.
 */
#ifndef ENGINE_INTERLOCK_H
#define ENGINE_INTERLOCK_H

#include <stdint.h>
#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/record/incident.h"

struct interlock;

/* hold_ms: how long it must have failed.  Borrows all; the broker asks it from now on.
 */
struct interlock *interlock_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker, int64_t hold_ms);
void interlock_free(struct interlock *i); /* NULL is fine */

#endif
