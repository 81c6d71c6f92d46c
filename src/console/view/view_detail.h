/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_detail.h: the page behind /verdict: in full what the panes and banners show in
 * short, the command that installs our host program included.
 */
#ifndef CONSOLE_VIEW_DETAIL_H
#define CONSOLE_VIEW_DETAIL_H

#include "console/view/view_page.h"
#include "model/model.h"

/* All of it, wrapped to the width of lines.  keys: else commands are named. */
void view_detail_render(struct lines *l, const struct model *m, int64_t now, bool keys);

void view_detail_draw(struct canvas *c, struct rect r, const struct model *m, int64_t now,
    struct page_at *at);

#endif
