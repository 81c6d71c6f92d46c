/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * browse.h: reading a pane or a page with keys: a cursor line, search, selection.
 *
 *   prompt mode --Ctrl-T, Shift-Tab, /browse, /find--> browse mode --q, Esc, Ctrl-T--+
 *       ^                                               |   ^                        |
 *       |                                     / and n N v   | Enter keeps, Esc back  |
 *       |                                              search                        |
 *       +----------------------------------------------------------------------------+
 *
 * Letters are keys here; what was typed in the prompt stays in it and is there again.
 * It works on what lies on top: the page, else the pane that has the focus.  Each has
 * a cursor and a selection of its own (scroll.h), so that Tab loses neither.
 */
#ifndef CONSOLE_BROWSE_H
#define CONSOLE_BROWSE_H

#include <stdbool.h>

#include "base/buf.h"
#include "console/browse/browse_find.h"
#include "console/draw/scroll.h"

struct action_context;
struct input;
struct screen;

struct browse {
	bool on;
	bool left;	       /* by an Esc: if an F-key's twin follows, it is on again */
	int entered_on;	       /* the page that lay over the panes then */
	int over_page;	       /* the page that over belongs to */
	struct scroll over;    /* where that page stands */
	struct scroll kept[3]; /* chat, tools, page: as an Esc left them */
	int marked;	       /* whole lines of the selection, as last drawn */
	char said[160];	       /* what the last key came to, until the next one */
	uint32_t said_look;
	struct browse_find find;
};

/* True: it was a key of browse mode, or the one that enters it. */
bool browse_key(struct action_context *a, const struct input *in);

/* False: there is nothing to read. */
bool browse_enter(struct screen *s);
void browse_leave(struct screen *s);
/* An Esc left it and was the begin of an F-key's twin: it is on again. */
void browse_again(struct screen *s);

/* Looks for text in what is on top, from its cursor or its end up, then around. */
void browse_look_for(struct screen *s, const char *text);

/* A few milliseconds of a search that goes on; true: there is more to do. */
bool browse_work(struct screen *s);

/* Words for the mode's row, until the next key. */
void browse_say(struct screen *s, uint32_t look, const char *text);

/*
 * The selection, else the item under the cursor, as somebody would paste it: whole
 * lines, without our signs.  what: "3 lines of tools", "run r12".  -1: nothing is
 * there.  What out cannot take is cut behind a whole line, and what says so.
 */
int browse_text(struct screen *s, struct buf *out, char *what, size_t size);

/* What is on top: its window, and src to read it with. */
struct scroll *browse_pane(struct screen *s, struct scroll_source *src);

/* --- on the picture --- */

/* On a pane (an enum focus) that was drawn at r. */
void browse_draw(struct screen *s, struct canvas *c, struct rect r, int pane);
/* On the page that was drawn. */
void browse_draw_page(struct screen *s, struct canvas *c);
/* In place of the prompt. */
void browse_draw_row(const struct screen *s, struct canvas *c, struct rect r);

#endif
