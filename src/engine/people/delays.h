/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * delays.h: how long the next password has to wait, for a name and for a uid.
 *
 * After the first wrong one 1 s, then 2, 4, 8 and from the fifth on 15 s: never longer,
 * nobody is locked out.  A name and a peer's uid are counted apart and the longer wait
 * counts; a right one, or ten quiet minutes, begin anew.  Pure: a clock that is given.
 */
#ifndef ENGINE_DELAYS_H
#define ENGINE_DELAYS_H

#include <stdint.h>

#include "wire/messages.h"

#define DELAYS_MOST_MS 15000
#define DELAYS_FORGET_MS (10 * 60 * 1000)
#define DELAYS_ROWS 64 /* then the row that has been quiet longest goes */

struct delays_row {
	char what[WIRE_NAME_MAX + 24]; /* "name ann", "uid 1000" */
	int failed;		       /* 0: this row is free */
	int64_t last_ms;	       /* of the last wrong one */
};

struct delays { /* zeroed: nobody has failed */
	struct delays_row row[DELAYS_ROWS];
};

/* When the next try of these two is looked at: now_ms, or later. */
int64_t delays_due(
    const struct delays *d, const char *name, const char *from, int64_t now_ms);

/* It was wrong; returns how long the next one waits. */
int64_t delays_wrong(
    struct delays *d, const char *name, const char *from, int64_t now_ms);

/* It was right. */
void delays_right(struct delays *d, const char *name, const char *from);

#endif
