/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scroll.h: a window on a list of units of one or more lines each.
 *
 * The window is anchored at its top line, so what is on the screen stays while
 * more comes below.  While it follows, a tall pane jumps by a third of it when the
 * last line would fall out (a scroll by single lines costs eight times the bytes); a
 * small one, where each row is needed, is always full.
 * Only what is visible is ever measured.
 *
 * A place (struct scroll_at) is a row of a unit as it is wrapped now, and beside it
 * which byte of which whole line that row begins with: at another width, or when the
 * unit grew, the row is found again by these.
 *
 * While the window is held (browse mode) there is a cursor row in it, and it follows
 * nothing: what is shown moves only when the cursor would leave it.
 */
#ifndef CONSOLE_SCROLL_H
#define CONSOLE_SCROLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/draw/canvas.h"
#include "console/draw/lines.h"

#define SCROLL_SMALL 16	     /* rows: a pane below it has none to leave blank */
#define SCROLL_BELOW_MAX 999 /* lines below the window that are counted */

struct text_find;

struct scroll_pos {
	uint64_t unit, part;
};

struct scroll_at {
	struct scroll_pos pos;
	size_t line;	      /* of the unit */
	uint32_t whole, byte; /* that row begins at this byte of this whole line */
};

/* From one place to another, both included; what: "run r12", "code". */
struct scroll_range {
	struct scroll_at from, to;
	char what[64];
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
	/* What a unit is drawn from; lent until the next call of any of these. */
	const struct lines *(*lines)(void *arg, struct scroll_pos pos);
	/*
	 * What a copy takes that names nothing, at a line of a unit (of the places, pos
	 * and line are set; line SIZE_MAX: the unit's last).  NULL or false: that unit.
	 */
	bool (*copy_range)(
	    void *arg, struct scroll_pos pos, size_t line, struct scroll_range *range);
	/* A quick no: false, when the unit cannot hold that.  NULL: each is looked at. */
	bool (*may_hold)(void *arg, struct scroll_pos pos, const struct text_find *what);
	/* Until it is called with false, folded units are there like all others.  NULL:
	 * nothing folds. */
	void (*see_all)(void *arg, bool all);
	void (*unfold)(void *arg, struct scroll_pos pos); /* that unit, from now on */
};

struct scroll {
	bool away; /* scrolled up: does not follow */
	struct scroll_pos top;
	size_t line; /* of the top unit */
	int below;   /* lines below the window, as last drawn */
	int rows;    /* of the pane, as last drawn */
	int cols;
	uint32_t top_whole, top_byte; /* of the top line, as last drawn */
	bool held;		      /* there is a cursor */
	struct scroll_at cur;
	bool marked; /* a selection, from there to the cursor */
	struct scroll_at mark;
};

void scroll_draw(
    struct scroll *s, const struct scroll_source *src, struct canvas *c, struct rect r);

/* Moves by lines (negative: up); reaching the end follows again. */
void scroll_move(struct scroll *s, const struct scroll_source *src, int lines);
void scroll_to_end(struct scroll *s);
void scroll_to_start(struct scroll *s);

/* The line below, above; false: there is none. */
bool scroll_forward(
    const struct scroll_source *src, struct scroll_pos *pos, size_t *line);
bool scroll_backward(
    const struct scroll_source *src, struct scroll_pos *pos, size_t *line);

/* That unit has got an empty line in front: what stood in it stays where it was. */
void scroll_shift(struct scroll *s, uint64_t unit);

/* --- the cursor --- */

/* Puts it on the last row shown that is not empty; false: there is nothing to stand on.
 */
bool scroll_hold(struct scroll *s, const struct scroll_source *src);
/* Takes it away; when no words are below it the window follows again. */
void scroll_release(struct scroll *s, const struct scroll_source *src);
void scroll_cursor_move(struct scroll *s, const struct scroll_source *src, int lines);
void scroll_cursor_first(struct scroll *s, const struct scroll_source *src);
void scroll_cursor_last(struct scroll *s, const struct scroll_source *src);
/* To that place; the window comes along, with some lines around it. */
void scroll_cursor_to(
    struct scroll *s, const struct scroll_source *src, struct scroll_at at);

/* Finds the row of a place again; false: there is nothing at all. */
bool scroll_settle(const struct scroll_source *src, struct scroll_at *at);
/* Fills whole and byte in from the row. */
void scroll_anchor(const struct scroll_source *src, struct scroll_at *at);
/* Bytes of a row that are text, with the blanks that its break took. */
uint32_t scroll_row_bytes(const struct lines_line *n);
/* Which comes first: negative, 0, positive. */
int scroll_compare(const struct scroll_at *a, const struct scroll_at *b);

#endif
