/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_prompt.h: what is typed.
 *
 * It wraps at the right edge, wherever that is: a key then costs the cell that it
 * fills, where a line that moves sideways is sent anew with each.  Text of more rows
 * than there are scrolls inside, around the cursor.  Where the screen has one row for
 * it, it does move sideways, and a line end is a sign.
 */
#ifndef CONSOLE_VIEW_PROMPT_H
#define CONSOLE_VIEW_PROMPT_H

#include "console/view/layout.h"

/* The most rows that a prompt may take of a screen of so many: a third. */
int view_prompt_max(int screen_rows);

/* Rows that what is typed takes at that width, from 1 to max. */
int view_prompt_rows(const struct screen *s, int cols, int max);

/* Sets the canvas's cursor. */
void view_prompt_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
