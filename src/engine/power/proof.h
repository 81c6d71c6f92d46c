/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof.h: did the verb bring the devvm back?  The engine's own answer.
 *
 *   before --> begin --> climbing --> healthy --(link lost within 30 s)--> climbing
 *                          |  |
 *                          |  +--> given up     no way up, or 180 s are over
 *                          +-----> superseded   another verb was sent
 *
 * What was true before is kept when a mutating verb is sent; after it the ladder
 * is climbed again and again, at most once a second, until all seven rungs hold.
 * Told as state facts "proof": the rungs with milliseconds since the verb was
 * sent, the table, and one sentence.  After a stop there is nothing to climb: end
 * is "stopped".  A verb that failed is followed by what is true, too.
 */
#ifndef ENGINE_PROOF_H
#define ENGINE_PROOF_H

#include <stdbool.h>
#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/power/ladder.h"
#include "engine/power/vmfacts.h"
#include "wire/verbs.h"

#define PROOF_GIVE_UP_MS 180000
#define PROOF_FAILED_MS 20000 /* the same after a verb that the host says failed */

struct proof;

struct proof *proof_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker);
void proof_free(struct proof *p);

/* The host has answered a status: what is true of the VM now.  Borrows v. */
void proof_host(struct proof *p, const struct vmfacts *v);

/* Somebody's climb saw the guest. */
void proof_guest(struct proof *p, const struct ladder_seen *seen);

/* A mutating verb is about to be sent; a climb ends here. */
void proof_before(struct proof *p, enum verb verb);

/* What the verb's own capture said, a moment later, before anything changed. */
void proof_before_host(struct proof *p, const struct vmfacts *v);

/* It has ended; known: the host said so, with this exit.  The climb begins. */
void proof_begin(struct proof *p, bool known, int exit);

/* The host says that a verb has ended well whose end we did not see. */
void proof_of_old(struct proof *p, enum verb verb);

bool proof_is_climbing(const struct proof *p);

/* Its end ("healthy", "given up" …) and the last climb, as it is told. */
typedef void proof_over_fn(const char *end, const struct ladder_seen *seen, void *arg);
void proof_on_over(struct proof *p, proof_over_fn *fn, void *arg);

/* The guest's own time, seen by whatever climb, goes there.  Borrows. */
void proof_tell_clock(struct proof *p, struct clocks *clocks);

/* The devvm's link changed its state. */
void proof_on_link(struct proof *p);

#endif
