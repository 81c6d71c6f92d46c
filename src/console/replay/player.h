/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * player.h: the journal of an incident, shown again.
 *
 *            player_open
 *                v      pause         pause
 *   +--------> PLAYS ----------> PAUSED ----------> PLAYS
 *   |            | the last record
 *   |            v
 *   +---------- END: of a closed incident, or live: more may come
 *     more came, or a jump
 *
 * It tells facts as an engine does, at the pace at which they happened times its
 * speed.  To go back, or far on, it clears what was told and begins some thousands of
 * records before the place, with the states that held there.
 *
 * No loop, no screen, no clock: time comes in from outside.  Nothing is written.
 */
#ifndef CONSOLE_PLAYER_H
#define CONSOLE_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "console/replay/reel.h"

#define PLAYER_SPEED_MAX 64 /* above it, and as 0: instant */

struct player;

struct player_calls {
	void (*fact)(void *arg, const struct js *fact); /* lent */
	/* all: what was told is void.  Else what is true now is not known any more: the
	 * engine's machine was started anew. */
	void (*clear)(void *arg, bool all);
	/* Something was jumped to; in_output: it stands in a run's output. */
	void (*jumped)(void *arg, bool in_output);
	void *arg;
};

/* Where a replay stands, for whoever draws it. */
struct player_view {
	bool paused;
	bool end;     /* the last record is shown */
	bool live;    /* and more may come */
	bool opening; /* the file is not read to its end yet */
	bool searching;
	int speed;		/* 0: instant */
	int64_t when, total;	/* ms of the incident */
	int64_t played, length; /* ms of the replay: pauses are cut */
	int64_t wall;		/* UTC of this moment, ms since 1970; -1: not known */
	int64_t pause;		/* ms of the pause that is being cut, 0: it is none */
	size_t record, records, bad;
	int64_t torn;
	bool too_long;
	const char *id;		       /* lent */
	const struct reel_tick *ticks; /* lent */
	size_t tick_count;
};

/* Reads the head of the file; plays from its beginning. */
struct player *player_open(
    const char *path, const struct player_calls *calls, struct err *err) MUST_CHECK;
void player_close(struct player *p); /* NULL is fine */

/*
 * Tells what is due at now (the caller's monotonic clock), for some milliseconds at
 * most.  Returns in how many ms it wants to be called again, 0: at once, -1: not
 * until something is wished.
 */
int player_advance(struct player *p, int64_t now);

/* What it wants now comes with the next player_advance. */
void player_pause(struct player *p, bool pause);
void player_speed(struct player *p, int speed); /* 1, 2, 4 ... 64, 0 */
void player_faster(struct player *p, int steps);
void player_seek(struct player *p, int64_t by_ms);
void player_to_start(struct player *p);
void player_to_end(struct player *p);
void player_to_record(struct player *p, size_t record); /* from 1 */
void player_to_action(struct player *p, int dir);

/* Looks for text in every string of every record behind (1) or before (-1) what is
 * shown last, in any case of ASCII letters; "": for the last one again. */
void player_find(struct player *p, const char *text, int dir);

/* Reads the file to its end now: how long all of it is, is known then.  0 or -1. */
int player_read(struct player *p, struct err *err) MUST_CHECK;

/* Tells the next record, whatever its time is.  1; 0: the end; -1 the disk refused. */
int player_step(struct player *p, struct err *err) MUST_CHECK;

/* When the next record is due, in ms of the replay; -1: there is none. */
int64_t player_due(const struct player *p);

void player_look(const struct player *p, struct player_view *view);

/* The engine's monotonic clock at this moment. */
int64_t player_mono(const struct player *p);

/* A sentence for the operator, once; NULL: none. */
const char *player_said(struct player *p);

#endif
