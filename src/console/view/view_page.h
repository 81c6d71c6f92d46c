/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_page.h: text that is read in a frame over the panes, and scrolled. */
#ifndef CONSOLE_VIEW_PAGE_H
#define CONSOLE_VIEW_PAGE_H

#include "console/draw/lines.h"

/* Where a page stands, and what it was last drawn from: browse mode reads it there. */
struct page_at {
	int top; /* first line shown; corrected when it is out of bounds */
	struct lines lines;
	struct rect in; /* of the lines on the canvas */
};

/* The columns that a page in r has for its text. */
int view_page_cols(struct rect r);

/* Takes what is in l, which is empty then. */
void view_page_draw(struct canvas *c, struct rect r, const char *title, struct lines *l,
    struct page_at *at);

void view_page_fini(struct page_at *at);

#endif
