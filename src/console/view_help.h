/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_help.h: the help page, made of the key table and the verb table. */
#ifndef CONSOLE_VIEW_HELP_H
#define CONSOLE_VIEW_HELP_H

#include "console/view_page.h"

/* All of it, wrapped to the width of lines. */
void view_help_render(struct lines *l);

/* top: first line shown; corrected when it is out of bounds. */
void view_help_draw(struct canvas *c, struct rect r, struct page_at *at);

#endif
