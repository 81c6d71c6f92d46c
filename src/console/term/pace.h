/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pace.h: how many bytes a second the screen may send while facts stream.
 *
 * A budget that fills with time and is spent by frames; it may go below nothing,
 * then the next frame waits until it has filled again.  Keys do not ask it.
 */
#ifndef CONSOLE_PACE_H
#define CONSOLE_PACE_H

#include <stddef.h>
#include <stdint.h>

#define PACE_FRAME_MS 16 /* two frames are at least so far apart */

struct pace {
	double budget;
	int64_t painted, refilled; /* monotonic clock */
	int cells;		   /* of the screen: a bigger one is given more */
};

void pace_start(struct pace *p, int64_t now);
void pace_refill(struct pace *p, int cells, int64_t now);
void pace_full(struct pace *p); /* what comes now is waited for by somebody */
void pace_spend(struct pace *p, size_t bytes);

/* Milliseconds until the next frame; 0: now. */
int64_t pace_wait(const struct pace *p, int64_t now);

#endif
