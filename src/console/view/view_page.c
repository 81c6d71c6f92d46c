/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_page.h"

#include <stdio.h>
#include <string.h>

#define PAGE_COLS_MAX 104

static bool
is_framed(struct rect r)
{
	return r.rows >= 5 && r.cols >= 20;
}

/* Lines that are too long to read are not made: a page has a width of its own there. */
static struct rect
middle(struct rect r)
{
	if (r.cols > PAGE_COLS_MAX + 8) {
		r.col += (r.cols - PAGE_COLS_MAX) / 2;
		r.cols = PAGE_COLS_MAX;
	}
	return r;
}

int
view_page_cols(struct rect r)
{
	return is_framed(r) ? middle(r).cols - 4 : r.cols;
}

static void
keep(struct page_at *at, struct lines *l, struct rect in)
{
	lines_fini(&at->lines);
	at->lines = *l;
	at->in = in;
	lines_init(l, at->lines.width);
}

void
view_page_draw(struct canvas *c, struct rect r, const char *title, struct lines *l,
    struct page_at *at)
{
	struct rect in;
	char name[96];
	int last;

	r = is_framed(r) ? middle(r) : r;
	if (is_framed(r) && (int)l->count + 2 < r.rows && r.cols == PAGE_COLS_MAX)
		r.rows = (int)l->count + 2;
	in = (struct rect){r.row + 1, r.col + 2, r.rows - 2, r.cols - 4};
	if (!is_framed(r))
		in = r;
	keep(at, l, in);
	last = (int)at->lines.count - in.rows;
	if (at->top > last)
		at->top = last;
	if (at->top < 0)
		at->top = 0;
	if (is_framed(r)) {
		snprintf(name, sizeof name, "%s - Esc closes%s", title,
		    last > 0 ? ", PgDn scrolls" : "");
		if (canvas_width(name, strlen(name)) > r.cols - 5)
			snprintf(name, sizeof name, "%s - Esc%s", title,
			    last > 0 ? ", PgDn" : "");
		canvas_frame(c, r, LOOK_NAME, name);
	} else {
		canvas_fill(c, r, 0);
	}
	for (int i = 0; i < in.rows && at->top + i < (int)at->lines.count; i++)
		lines_draw(&at->lines, (size_t)(at->top + i), c, in, i);
	c->cursor_row = -1;
}

void
view_page_fini(struct page_at *at)
{
	lines_fini(&at->lines);
}
