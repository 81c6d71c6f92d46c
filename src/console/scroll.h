/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scroll.h: a window on a list of units of one or more lines each.
 *
 * The window is anchored at its top line, so what is on the screen stays while
 * more comes below.  While it follows, it jumps by a third of the pane when the
 * last line would fall out: a scroll by single lines costs eight times the bytes.
 * Only what is visible is ever measured.
 */
#ifndef CONSOLE_SCROLL_H
#define CONSOLE_SCROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/canvas.h"

#define SCROLL_BELOW_MAX 999 /* lines below the window that are counted */

struct scroll_pos {
	uint64_t unit, part;
};

struct scroll_source {
	void *arg;
	/* To the nearest unit that exists; false: there is none at all. */
	bool (*fix)(void *arg, struct scroll_pos *pos);
	/* To the next (dir 1) or previous (-1) unit; false, unchanged: none. */
	bool (*step)(void *arg, struct scroll_pos *pos, int dir);
	size_t (*height)(void *arg, struct scroll_pos pos);
	void (*draw)(void *arg, struct scroll_pos pos, size_t line, struct canvas *c,
	    struct rect r, int row);
	/* Is it to be seen whole when it comes, if it fits?  NULL: none is. */
	bool (*whole)(void *arg, struct scroll_pos pos);
};

struct scroll {
	bool away; /* scrolled up: does not follow */
	struct scroll_pos top;
	size_t line; /* of the top unit */
	int below;   /* lines below the window, as last drawn */
	int rows;    /* of the pane, as last drawn */
};

void scroll_draw(
    struct scroll *s, const struct scroll_source *src, struct canvas *c, struct rect r);

/* Moves by lines (negative: up); reaching the end follows again. */
void scroll_move(struct scroll *s, const struct scroll_source *src, int lines);
void scroll_to_end(struct scroll *s);
void scroll_to_start(struct scroll *s);

#endif
