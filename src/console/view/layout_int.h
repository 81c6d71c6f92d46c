/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout_int.h: what the files of the layout share, and nobody else. */
#ifndef CONSOLE_LAYOUT_INT_H
#define CONSOLE_LAYOUT_INT_H

#include "console/view/layout.h"

#define WIDE_COLS 120	/* from here the panes stand side by side */
#define STACKED_COLS 60 /* from here, and with so many rows, above each other */
#define STACKED_ROWS 18
#define KEYS_ROWS 8 /* from here there is a key bar, and pane titles */

/* layout_panes.c */
void layout_draw_panes(struct screen *s, struct canvas *c, struct rect r);

/* layout_title.c: r is one row; alone: the other pane is not to be seen. */
void layout_draw_title(const struct screen *s, struct canvas *c, struct rect r,
    enum focus which, bool alone);

/* What came into that pane since it was on the screen is news until it is again. */
void layout_seen(struct screen *s, enum focus which);

#endif
