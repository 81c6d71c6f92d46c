/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof.h: the devvm's climb back after a mutating verb, as an operator is shown it:
 * the rungs while it climbs, the table of before and after at its end.
 */
#ifndef MODEL_PROOF_H
#define MODEL_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/json.h"

#define PROOF_RUNGS_MAX 12
#define PROOF_ROWS_MAX 12

struct proof_rung {
	char rung[24], text[96];
	bool ok;
	int64_t ms; /* since the verb was sent; -1: unknown */
};

struct proof_row {
	char what[32], before[64], after[64];
	bool judged, ok; /* judged: the engine said whether it is as it should be */
};

struct proof {
	bool known, done;
	char when[8], verb[16], end[16], text[512], host_program[16], at[9];
	int64_t ms;   /* of the climb when it was told; -1: unknown */
	int64_t told; /* the engine's monotonic clock */
	int rungs, rows;
	struct proof_rung rung[PROOF_RUNGS_MAX];
	struct proof_row row[PROOF_ROWS_MAX];
};

/* Replaces *p by what a `state` fact of kind "proof" says. */
void proof_read(struct proof *p, const struct js *fact);

bool proof_is_climbing(const struct proof *p);
bool proof_is_healthy(const struct proof *p); /* or off, after a stop */

/* How many rungs are reached in a row; that index is the one that is waited for. */
int proof_reached(const struct proof *p);

/* Milliseconds since the verb was sent; now: the engine's clock.  -1: unknown. */
int64_t proof_elapsed(const struct proof *p, int64_t now);

#endif
