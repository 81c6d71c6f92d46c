/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_help.h"

#include <stdio.h>
#include <string.h>

#include "console/view/layout.h"

#define NARROW_COLS 60

void
view_help_open(struct screen *s, enum help_page page)
{
	enum page before = s->page;

	if (before != PAGE_HELP)
		s->help.where = s->browse.on  ? HELP_BROWSE
		    : before != PAGE_NONE     ? HELP_READING
		    : s->focus == FOCUS_TOOLS ? HELP_TOOLS
					      : HELP_CHAT;
	s->help.page = page;
	s->page = PAGE_HELP;
	s->page_at.top = 0;
}

static void
turn(struct screen *s, int page)
{
	s->help.page = (enum help_page)((page + HELP_PAGES) % HELP_PAGES);
	s->page_at.top = 0;
}

bool
view_help_key(struct screen *s, const struct input *in)
{
	int page = (int)s->help.page;

	if (s->page != PAGE_HELP || s->replay.on)
		return false;
	if (in->kind == INPUT_LEFT)
		turn(s, page - 1);
	else if (in->kind == INPUT_RIGHT || in->kind == INPUT_TAB)
		turn(s, page + 1);
	else if (in->kind == INPUT_CHAR && in->text[0] >= '1' &&
	    in->text[0] < '1' + HELP_PAGES && !in->text[1])
		turn(s, in->text[0] - '1');
	else
		return false;
	return true;
}

void
view_help_whole(struct screen *s)
{
	struct lines *l = &s->page_at.lines;
	int width = l->width;

	if (s->page != PAGE_HELP || s->replay.on || s->help.page == HELP_ALL)
		return;
	turn(s, HELP_ALL);
	if (width <= 0)
		return;
	lines_fini(l); /* it is looked through before it is drawn */
	lines_init(l, width);
	help_text(l, HELP_ALL, s->help.where, s->few_keys);
}

void
view_help_draw(struct screen *s, struct canvas *c, struct rect r)
{
	static const char *const where[HELP_WHERES] = {"chat", "tools", "browse", "page"};
	const char *name = s->help.page == HELP_HERE ? where[s->help.where]
						     : help_page_names[s->help.page];
	char title[64];
	struct lines l;

	lines_init(&l, view_page_cols(r));
	/* A terminal that is so narrow is a phone: it has no F-keys. */
	help_text(&l, s->help.page, s->help.where, s->few_keys || r.cols < NARROW_COLS);
	snprintf(title, sizeof title,
	    r.cols < NARROW_COLS ? "help %d/%d ←→" : "help %d of %d: %s, ←→ turns",
	    (int)s->help.page + 1, HELP_PAGES, name);
	view_page_draw(c, r, title, &l, &s->page_at);
	lines_fini(&l);
}

static bool
is_silent(const struct vm_link *l)
{
	return l->known &&
	    (strcmp(l->state, "down") == 0 || strcmp(l->state, "silent") == 0 ||
		(strcmp(l->state, "connecting") == 0 && l->why[0]));
}

bool
view_help_is_cold(const struct model *m)
{
	return is_silent(&m->vm.link[VM_PVE]) && is_silent(&m->vm.link[VM_DEVVM]);
}
