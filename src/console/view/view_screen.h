/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_screen.h: the page behind /screen: the guest's screen of the last capture,
 * whole, with what of it matters, how old it is and where its picture lies.
 *
 * A row that is wider than the page goes on below: nothing of it is cut, since what
 * follows a panic stands at its end.
 */
#ifndef CONSOLE_VIEW_SCREEN_H
#define CONSOLE_VIEW_SCREEN_H

#include "console/view/view_page.h"
#include "model/model.h"

void view_screen_render(struct lines *l, const struct guest_screen *s, int64_t now);

void view_screen_draw(struct canvas *c, struct rect r, const struct guest_screen *s,
    int64_t now, struct page_at *at);

#endif
