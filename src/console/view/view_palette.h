/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_palette.h: the palette, over the end of the panes, directly above the prompt.
 *
 * A row a command: its group (where it begins), its word, its keys, what it does; on
 * a narrow screen words alone, two in a row, with a line for the one that is chosen.
 */
#ifndef CONSOLE_VIEW_PALETTE_H
#define CONSOLE_VIEW_PALETTE_H

#include "console/view/layout.h"

/* r: all that lies above the prompt and may be covered. Draws nothing when closed. */
void view_palette_draw(const struct screen *s, struct canvas *c, struct rect r);

/* Is there room for it on a screen of so many rows? */
bool view_palette_fits(int screen_rows);

#endif
