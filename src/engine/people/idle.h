/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * idle.h: the keys that act wait when nobody has touched a console for long.
 *
 *             limit without a key, nothing under way
 *   OPEN ------------------------------------------------> LOCKED
 *    ^                                                       |
 *    +---- unlocked, or a verb, a turn, a recovery runs -----+
 *
 * The view goes on.  Pure: a clock that is given.
 */
#ifndef ENGINE_IDLE_H
#define ENGINE_IDLE_H

#include <stdbool.h>
#include <stdint.h>

struct idle {
	int64_t since_ms; /* of the last key */
	bool locked;
};

void idle_begin(struct idle *i, int64_t now_ms);

/* A key was pressed, or something is under way.  A lock stays where it is. */
void idle_touch(struct idle *i, int64_t now_ms);

/* Each returns whether it is another state now than before. */
bool idle_look(struct idle *i, int64_t limit_ms, int64_t now_ms); /* limit 0: never */
bool idle_open(struct idle *i, int64_t now_ms);

#endif
