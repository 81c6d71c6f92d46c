/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scroll_int.h: what scroll.c and scroll_cursor.c share, and nobody else. */
#ifndef CONSOLE_SCROLL_INT_H
#define CONSOLE_SCROLL_INT_H

#include "console/draw/scroll.h"

/* The top of the window to a unit that exists; false: there is none. */
bool scroll_settle_top(struct scroll *s, const struct scroll_source *src);
/* The top of a window that follows; fresh: as full as it can be. */
void scroll_follow(
    struct scroll *s, const struct scroll_source *src, int rows, bool fresh);

/* Moves the window as little as it takes to have the cursor in it. */
void scroll_keep_cursor(struct scroll *s, const struct scroll_source *src);

#endif
