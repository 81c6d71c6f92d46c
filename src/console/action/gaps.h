/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gaps.h: what was skipped is read from the engine when somebody comes to look at it.
 *
 *   IDLE --a gap is on the screen, the pane does not follow--> ASKED
 *     ^                                                          |
 *     +-- `fetched`, an error, no connection, another incident --+
 *
 * A piece at a time, from the side from which the reader comes, so that what is on the
 * screen stays there.  While a pane follows a flood nothing is asked for.
 */
#ifndef CONSOLE_GAPS_H
#define CONSOLE_GAPS_H

#include "base/buf.h"
#include "console/view/layout.h"

struct gaps {
	struct screen *screen;
	int (*send)(void *arg, struct js *request, struct err *err);
	void *arg;
	bool asked;
	uint64_t run, place; /* of the gap that was asked about */
	int64_t from, to;    /* the piece */
	bool at_end;	     /* of the gap */
	int64_t off;	     /* of data */
	struct buf data;
};

void gaps_init(struct gaps *g, struct screen *s,
    int (*send)(void *arg, struct js *request, struct err *err), void *arg);
void gaps_fini(struct gaps *g);

/* True: it was a part of an answer; with the last one the gap is filled. */
bool gaps_fact(struct gaps *g, const struct js *fact);

/* After a picture: asks for what it shows a gap of.  True: draw it anew, there is one. */
bool gaps_look(struct gaps *g);

/* The connection is gone, or the incident is another one. */
void gaps_lost(struct gaps *g);

#endif
