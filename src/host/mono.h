/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mono.h: milliseconds of the monotonic clock, and a bounded nap. */
#ifndef HOST_MONO_H
#define HOST_MONO_H

#include <poll.h>
#include <time.h>

static inline long long
mono_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Sleeps ms, or less when a signal comes: callers look at the clock again. */
static inline void
mono_nap(int ms)
{
	(void)poll(NULL, 0, ms);
}

#endif
