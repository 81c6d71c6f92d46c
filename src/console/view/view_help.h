/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_help.h: the help that fits the moment: first the keys of what has the focus, then
 * the verbs, then everything, then the cold case.
 */
#ifndef CONSOLE_VIEW_HELP_H
#define CONSOLE_VIEW_HELP_H

#include "console/view/help_text.h"
#include "console/term/input.h"
#include "console/view/view_page.h"

struct model;
struct screen;

struct help {
	enum help_page page;
	enum help_where where;
};

/* Opens that page of it; where is what has the focus now. */
void view_help_open(struct screen *s, enum help_page page);

/* Left, Right, Tab and the digits turn its pages; false: no key of its own. */
bool view_help_key(struct screen *s, const struct input *in);

/* Who looks for a word looks in all of it: that page, where help is shown. */
void view_help_whole(struct screen *s);

void view_help_draw(struct screen *s, struct canvas *c, struct rect r);

/* Are both hosts silent?  The page on the cold case is offered then. */
bool view_help_is_cold(const struct model *m);

#endif
