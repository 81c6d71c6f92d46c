/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reel_int.h: what reel.c and reel_learn.c share, and nobody else. */
#ifndef CONSOLE_REEL_INT_H
#define CONSOLE_REEL_INT_H

#include "console/replay/reel.h"

#define REEL_KEYS_MAX 64
#define REEL_OPEN_MAX 256 /* what is open at once; more is forgotten, oldest first */

struct reel_head {
	int64_t mono, wall; /* -1: not told */
	struct js *fact;    /* NULL: of a kind that says nothing more */
};

/* A clock: the mono_ms of an engine's machine is when + delta. */
struct reel_life {
	int64_t delta;
};

struct reel_span {
	char kind; /* 't' run, 'v' verb, 'p' prompt, 'a' question */
	char id[16];
	uint32_t from, to; /* marks; to UINT32_MAX: it is open */
};

struct reel_own {
	struct journal_file *file;
	int64_t read; /* bytes that have marks */
	size_t size, tick_size, span_count, span_size;
	struct reel_life *lives;
	size_t life_count;
	struct reel_span *spans;
	uint32_t open[REEL_OPEN_MAX]; /* indices of open spans */
	size_t open_count;
	int64_t last_mono, last_wall;
	bool timed; /* a record had a time */
	char keys[REEL_KEYS_MAX][40];
	int key_count;
	char boot[40], verdict[64];
	int64_t last_turn;
};

/* Sets the times of m. */
void reel_clock(struct reel *r, struct reel_mark *m, const struct reel_head *h);

/* What m's record says that a replay must know. m is not among the marks yet. */
void reel_learn(struct reel *r, struct reel_mark *m, const struct js *fact);

#endif
