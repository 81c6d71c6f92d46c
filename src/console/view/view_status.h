/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_status.h: the top row, or two of them where there is room.
 *
 * With two, the first tells of the VM and of who works on it, the second of what is
 * between: links, people, incident, budgets.  What comes and goes stands at an end,
 * and what changes has room to, so that nothing else moves.
 */
#ifndef CONSOLE_VIEW_STATUS_H
#define CONSOLE_VIEW_STATUS_H

#include "console/view/layout.h"

/* How many rows a screen of that size has for it. */
int view_status_rows(int cols, int rows);

void view_status_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
