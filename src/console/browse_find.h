/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * browse_find.h: looking for text, as it is typed.
 *
 *   NONE --text--> LOOKING --there is one--> COUNTING --all seen--> FOUND
 *                     |                          (n, N, more text: LOOKING again)
 *                     +--none, all seen--> NOTHING
 *
 * The nearest match above the place where it began is the first, then it goes around.
 * A search is done in slices of a few milliseconds, so a key is never held up by it.
 * Matches are found in whole lines, wherever these are wrapped.
 */
#ifndef CONSOLE_BROWSE_FIND_H
#define CONSOLE_BROWSE_FIND_H

#include "console/scroll.h"
#include "console/text_find.h"

#define BROWSE_FIND_MAX 120   /* bytes that can be typed */
#define BROWSE_FIND_COUNT 999 /* matches that are counted */

enum browse_find_state {
	BROWSE_FIND_NONE,
	BROWSE_FIND_LOOKING,
	BROWSE_FIND_COUNTING,
	BROWSE_FIND_FOUND,
	BROWSE_FIND_NOTHING,
};

struct browse_find {
	bool typing;
	char text[BROWSE_FIND_MAX + 1];
	size_t len;
	char last[BROWSE_FIND_MAX + 1]; /* what was looked for before */
	struct text_find what;		/* the same, to look for it; count 0: nothing */
	struct scroll began;		/* the window where the typing began */
	enum browse_find_state state;
	struct scroll *in;	 /* the window that it is about */
	struct scroll_at at;	 /* the match that is shown: pos, whole, byte */
	struct scroll_at origin; /* where this look began */
	struct scroll_at scan;	 /* the unit that is next */
	int dir;		 /* -1: up, to what is older */
	bool around, here;	 /* it went past an end; a match at origin counts, too */
	int index, total;	 /* match 3 of 17, from the newest; total 0: not known */
	int newer, older;	 /* counted so far */
	bool counts_older;	 /* what is counted now */
	char missing[BROWSE_FIND_MAX + 1]; /* not found: older records may have it */
};

#endif
