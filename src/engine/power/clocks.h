/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clocks.h: how far the hosts' clocks are from ours, measured beside what is asked
 * of them anyway; never by a run of its own.
 *
 *   we send ------ the host reads its clock ------ we hear
 *      `----------- skew: against the middle ---------'
 *
 * Told as state "clock" {host, skew_ms (theirs minus ours), error_ms}: once in an
 * incident, when it has changed by more than CLOCKS_NEWS_MS beyond both errors, and
 * when a measurement is much better than the one that was told.
 */
#ifndef ENGINE_CLOCKS_H
#define ENGINE_CLOCKS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/record/incident.h"

#define CLOCKS_NEWS_MS 1000
#define CLOCKS_BETTER_MS 200 /* a smaller error is told when it is smaller by so much */

struct clocks;

/* One reading of a host's clock, with when it was asked for and when it came. */
struct clock_reading {
	int64_t host_ms;	   /* since 1970 by the host; 0: it did not say */
	int64_t resolution_ms;	   /* of what it said */
	int64_t sent_ms, heard_ms; /* clock_mono_ms */
};

/*
 * "1795756807.123456789", as date +%s.%N prints it; a date that knows no %N is taken
 * as the middle of its second.  False: it is no such text, r is as it was.
 */
bool clock_reading_date(struct clock_reading *r, const char *text);

/* skew and error of a reading, by a wall clock that reads wall_ms at mono_ms. */
void clock_reading_skew(const struct clock_reading *r, int64_t wall_ms, int64_t mono_ms,
    int64_t *skew_ms, int64_t *error_ms);

struct clocks *clocks_new(struct incident *incident); /* borrows */
void clocks_free(struct clocks *c);		      /* NULL is fine */

void clocks_devvm(struct clocks *c, const struct clock_reading *r);

/* A run at the PVE host: sent (alone: no other is being read), its lines, and over. */
void clocks_pve_sent(struct clocks *c, bool alone);
void clocks_pve_line(struct clocks *c, const char *line, size_t len);
void clocks_pve_over(struct clocks *c);

#endif
