/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tour.h: what somebody sees who has never seen this: how it stands, what is wrong, what
 * to press, and that looking is safe.
 *
 * It stands in the chat until there is something to read, and behind /tour.  Pure.
 */
#ifndef CONSOLE_TOUR_H
#define CONSOLE_TOUR_H

#include "console/view/layout.h"

/* Has nothing happened yet that is worth the place? */
bool tour_shows(const struct screen *s);

void tour_draw(const struct screen *s, struct canvas *c, struct rect r);
void tour_draw_page(struct screen *s, struct canvas *c, struct rect r);

#endif
