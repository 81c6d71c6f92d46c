/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_page.h: text that is read in a frame over the panes, and scrolled. */
#ifndef CONSOLE_VIEW_PAGE_H
#define CONSOLE_VIEW_PAGE_H

#include "console/lines.h"

/* The columns that a page in r has for its text. */
int view_page_cols(struct rect r);

/* top: first line shown; corrected when it is out of bounds. */
void view_page_draw(
    struct canvas *c, struct rect r, const char *title, const struct lines *l, int *top);

#endif
