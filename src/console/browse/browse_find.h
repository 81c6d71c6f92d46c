/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * browse_find.h: looking for text, as it is typed.
 *
 *   NONE --text--> LOOKING --there is one--> COUNTING --all seen--> FOUND
 *                     |                          (n, N, more text: LOOKING again)
 *                     +--none, all seen--> NOTHING
 *
 * The nearest match above the place where it began is the first, then it goes around.
 * A search is done in slices of a few milliseconds, so no key is held up by it.
 * Matches are found in whole lines, wherever these are wrapped.
 */
#ifndef CONSOLE_BROWSE_FIND_H
#define CONSOLE_BROWSE_FIND_H

#include "console/draw/scroll.h"
#include "console/browse/text_find.h"

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
	bool from_prompt; /* by /find: where there is nothing, the prompt comes back */
	char text[BROWSE_FIND_MAX + 1];
	size_t len;
	char last[BROWSE_FIND_MAX + 1]; /* what was looked for before */
	struct text_find what;		/* text; count 0: nothing is looked for */
	struct scroll began;		/* the window where the typing began */
	enum browse_find_state state;
	struct scroll_at at;	 /* the match that is shown: pos, whole, byte */
	struct scroll_at origin; /* where this look began */
	struct scroll_pos scan;	 /* the unit that is next */
	int dir;		 /* -1: up, to what is older */
	bool here;		 /* a match at origin counts, too */
	bool around;		 /* it went past an end */
	int index, total;	 /* match 3 of 17, from the newest; total 0: not known */
	int newer, older;	 /* counted so far */
	/* Not here; older records may have it.  The console asks for these. */
	char missing[BROWSE_FIND_MAX + 1];
};

/* len bytes from byte of that whole line of the unit; false stops it. */
typedef bool browse_match_fn(void *arg, uint32_t whole, uint32_t byte, uint32_t len);

/* Each match that begins in a unit, in order.  The callback may not use src. */
void browse_matches(const struct scroll_source *src, struct scroll_pos pos,
    const struct text_find *what, browse_match_fn *fn, void *arg);

#endif
