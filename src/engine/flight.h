/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * flight.h: a look at files beside the loop; whoever asked may leave.
 *
 *   start --> waits --> looks (a thread of the pool) --> land --> drop
 *               |          |                                       ^
 *               '- leave --'--- the look returns when it likes ----'
 *
 * A disk that hangs keeps the thread that looks at it, and nobody else: at most
 * FLIGHTS_AT_ONCE of the pool's threads look for us, so the journal's disk has
 * others.  A flight has no limit of its own: who asked has one, and leaves.
 */
#ifndef ENGINE_FLIGHT_H
#define ENGINE_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

#define FLIGHTS_AT_ONCE 3
#define FLIGHT_START_MS 2000 /* so long the start waits for a file's disk */

struct flight;

struct flight_ops {
	void (*look)(void *data); /* in another thread, where data is its alone */
	void (*land)(void *data, void *arg); /* on the loop; not after flight_leave */
	void (*drop)(void *data);	     /* the last call: wipes and frees data */
};

/*
 * Takes data.  land comes once, from the loop, never from inside this call; the flight
 * is gone when it returns.
 */
struct flight *flight_start(
    uv_loop_t *loop, const struct flight_ops *ops, void *data, void *arg);

/* No land after it; data is dropped once nobody looks any more.  NULL is fine. */
void flight_leave(struct flight *f);

/*
 * Before there is a loop: looks in a thread of its own, for ms at most.  True: it
 * returned, and data is the caller's to drop.  False: data is gone with the thread.
 */
bool flight_within(const struct flight_ops *ops, void *data, int64_t ms);

/* fd_read_file, for FLIGHT_START_MS at most; then the words name the file. */
char *flight_read_file(
    const char *path, size_t max_bytes, size_t *len, struct err *err) MUST_CHECK;
/* Those words; returns -1. */
int flight_hung(struct err *err, const char *path);

#endif
