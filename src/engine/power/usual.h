/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usual.h: how long the mutating verbs usually take, told as `state` facts "usual".
 *
 * The newest journals are read once, in the thread pool, within bounds; the verbs of
 * this engine's own incidents are added as they end.  Nobody waits for it: until it
 * is known there is nothing to compare with, and the console says so.
 */
#ifndef ENGINE_USUAL_H
#define ENGINE_USUAL_H

#include <stdatomic.h>
#include <stdint.h>
#include <uv.h>

#include "engine/power/usual_sum.h"

#define USUAL_FILES_MAX 20
#define USUAL_BYTES_MAX ((int64_t)64 * 1024 * 1024) /* of all of them */
#define USUAL_READ_MS 2000			    /* then what was read so far counts */

struct incident;
struct usual;

struct usual *usual_new(
    uv_loop_t *loop, struct incident *incident, const char *sessions_dir);
void usual_free(struct usual *u); /* NULL is fine; a job under way ends by itself */

/* Reads the journals; once. */
void usual_look(struct usual *u);

/* A fact of this engine, as it is emitted. */
void usual_see(struct usual *u, const struct js *fact);

/* This verb is about to be sent: what is usual goes on record with it. */
void usual_of(struct usual *u, enum verb verb);

/* The thread pool's side, for usual.c and for tests. */
struct usual_read {
	char *sessions_dir;
	int64_t until_ms;
	atomic_bool cancelled;
	struct usual_sum sum;
};

void usual_read_all(struct usual_read *r);

#endif
