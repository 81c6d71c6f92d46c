/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * spoil.h: a journal is spoilt in one way after another, and every way must be found.
 *
 * Shared by the unit test (a journal made here) and the integration test (one that an
 * engine has written): random single-byte edits, swapped, missing and doubled lines,
 * cuts in lines and at their ends.
 */
#ifndef TESTS_UNIT_SPOIL_H
#define TESTS_UNIT_SPOIL_H

#include <stddef.h>
#include <stdint.h>

enum spoil_way {
	SPOIL_EDIT,
	SPOIL_SWAP,
	SPOIL_REMOVE,
	SPOIL_DOUBLE,
	SPOIL_CUT_LINE,
	SPOIL_CUT_END,
	SPOIL_WAYS
};

struct spoil_count {
	unsigned tried, found, placed; /* placed: told where, to the line */
	unsigned named;		       /* with the right word */
};

extern const char *const spoil_names[SPOIL_WAYS];

/* Spoils data (whole lines) rounds times; the journal must pass as it is.  0 or -1. */
int spoil_run(const char *data, size_t len, unsigned rounds, uint64_t seed,
    struct spoil_count counts[SPOIL_WAYS]);

#endif
