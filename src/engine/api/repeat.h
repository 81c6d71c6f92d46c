/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * repeat.h: does the agent do the same thing again and get the same answer?  Pure.
 *
 * A call is its tool's name and its input, a result its output and its exit; both
 * are kept as hashes.  Calls that overlap count in the order of their ends.  An
 * answer that differs (a clock in it, a load that moves) is no repetition.
 */
#ifndef ENGINE_REPEAT_H
#define ENGINE_REPEAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPEAT_WARN 3 /* times in a row: the model is told */
#define REPEAT_END 6  /* the turn is ended */

/* A call that is open; its output is added as it comes. */
struct repeat_call {
	uint64_t call, out[2];
};

struct repeat {
	uint64_t call, result; /* of the last one that ended */
	int times;
};

void repeat_begin(struct repeat *r); /* a turn begins */

void repeat_call(
    struct repeat_call *c, const char *name, const char *what, size_t what_len);
void repeat_output(struct repeat_call *c, int stream, const char *data, size_t len);

/* How often this call has now had this result in a row (1: the first time). */
int repeat_end(struct repeat *r, const struct repeat_call *c, bool failed, int exit);

#endif
