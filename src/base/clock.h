/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * clock.h: two clocks.  Deadlines and order use the monotonic one, which an
 * operator's or a laptop's clock jump cannot move; wall time is only text.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define CLOCK_AT_LEN 25 /* "2026-11-26T03:12:07.123Z" and NUL */

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void); /* since 1970, UTC */

/* Writes wall_ms as UTC text with milliseconds; returns out. */
char *clock_at(int64_t wall_ms, char out[CLOCK_AT_LEN]);

/* The inverse: milliseconds since 1970, or -1 when at is no such text. */
int64_t clock_from(const char *at);

/* Writes "0.4 s", "12 s", "3 min", "2 h", "5 d"; returns out (copies into it). */
char *clock_age(int64_t ms, char *out, size_t size);

#endif
