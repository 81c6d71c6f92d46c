/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reel.h: where the records of a journal's file are, and when each one happened.
 *
 * The file is read once, in pieces, and not held: 32 bytes a record.  Two times run
 * through it: that of the incident (the engines' monotonic clocks joined; the wall
 * clock where the machine was started anew between two of them), and that of a
 * replay, in which no pause is longer than REEL_PAUSE_MS.
 *
 * It also knows what a screen needs that begins in the middle: the latest states, and
 * what was begun before and not ended.
 */
#ifndef CONSOLE_REEL_H
#define CONSOLE_REEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/json.h"

#define REEL_PAUSE_MS 2000
#define REEL_RECORDS_MAX \
	(4 * 1024 * 1024) /* what is behind them is not shown, and told */

enum reel_kind {
	REEL_OTHER,
	REEL_BAD,    /* no record that can be read */
	REEL_STATE,  /* with a key: of which only the latest counts */
	REEL_ENGINE, /* another engine goes on */
	REEL_REBOOT, /* and its machine was started anew: its clock began again */
};

struct reel_mark {
	int64_t at;	/* byte in the file */
	int64_t when;	/* ms since the first record */
	int64_t played; /* the same with pauses cut */
	int32_t life;	/* index of the clock */
	uint8_t kind, key;
};

/* Something that an operator looks for. */
enum reel_action { REEL_VERB, REEL_MUTATION, REEL_VERB_END, REEL_PROMPT, REEL_VERDICT };

struct reel_tick {
	size_t mark;
	int64_t played;
	enum reel_action action;
};

struct reel {
	size_t count; /* of marks */
	struct reel_mark *marks;
	size_t tick_count;
	struct reel_tick *ticks;
	size_t bad;	   /* records that cannot be read */
	int64_t torn;	   /* bytes of an unfinished record at the end */
	bool closed, left; /* how it ends; neither: an engine may go on writing */
	bool too_long;
	char id[65];
	struct reel_own *own;
};

struct reel *reel_open(const char *path, struct err *err) MUST_CHECK;
void reel_close(struct reel *r); /* NULL is fine */

/*
 * Reads on, some milliseconds long.  1: and there is more; 0: up to the end for now
 * (ask again later); -1: the disk refused.
 */
int reel_more(struct reel *r, struct err *err) MUST_CHECK;

/* The engine's monotonic clock at this mark's time plus ms. */
int64_t reel_mono(const struct reel *r, size_t mark, int64_t ms);

/* The record of a mark, new; NULL when it cannot be read. */
struct js *reel_read(struct reel *r, size_t mark);

/* Its line, lent until the next call; NULL when the disk refuses.  reel_next_line
 * goes on from there and is faster. */
const char *reel_line(struct reel *r, size_t mark, size_t *len);
const char *reel_next_line(struct reel *r, size_t *len);

/* Bytes from the first of these marks to the second. */
int64_t reel_bytes(const struct reel *r, size_t from, size_t to);

/* The first mark whose played time is behind ms. */
size_t reel_after(const struct reel *r, int64_t played);

/* Calls fn for what is true at this mark: the latest state of each key, oldest first. */
void reel_present(
    const struct reel *r, size_t mark, void (*fn)(void *arg, size_t mark), void *arg);

/* Calls fn for what began before this mark and had not ended there, oldest first. */
void reel_open_at(
    const struct reel *r, size_t mark, void (*fn)(void *arg, size_t mark), void *arg);

#endif
