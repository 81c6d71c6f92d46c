/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof.h: the devvm's climb back after a mutation, rung by rung, by the engine.
 *
 * tcp, handshake, auth, exec, sudo, disk: each with milliseconds since the climb
 * began.  Told as state facts "proof" until healthy, or given up after 180 s.
 */
#ifndef ENGINE_PROOF_H
#define ENGINE_PROOF_H

#include <uv.h>

#include "engine/broker.h"

#define PROOF_GIVE_UP_MS 180000

struct proof;

struct proof *proof_new(
    uv_loop_t *loop, struct incident *incident, struct broker *broker);
void proof_free(struct proof *p);

/* A devvm that is up is asked for its boot id now, so that "before" is known. */
void proof_learn(struct proof *p);

/* A mutation is about to begin, with this QEMU pid (0: unknown); a climb ends here. */
void proof_before(struct proof *p, long pid);
void proof_set_before_pid(
    struct proof *p, long pid); /* the host's own word, a moment later */

/* The mutation has ended; the climb begins.  The pid may be told later. */
void proof_begin(struct proof *p, const char *verb);
void proof_set_pid(struct proof *p, long pid);

/* The devvm's link changed its state. */
void proof_on_link(struct proof *p);

#endif
