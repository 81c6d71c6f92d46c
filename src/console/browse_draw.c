/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What browse mode puts on a picture that is drawn already: the cursor row, the
 * selection, the matches, each by its look, and at the right edge, where a cell is
 * free, by a sign.  The text under them is not moved and not changed.
 */
#include <stdio.h>
#include <string.h>

#include "console/browse_int.h"

#define SIGN_CURSOR "◂"
#define SIGN_SELECTED "┃"

/* One row of the window. */
struct row {
	struct scroll_at at;
	int row;
};

static void
sign(struct canvas *c, struct rect r, int row, uint32_t look, const char *text)
{
	int y = r.row + row, x = r.col + r.cols - 1;

	if (r.cols < 2 || y >= c->rows || x >= c->cols)
		return;
	if (canvas_cell(c, y, x)->ch[0] != ' ')
		x = r.col;
	if (canvas_cell(c, y, x)->ch[0] == ' ')
		canvas_text(c, (struct rect){y, x, 1, 1}, 0, 0, look, text);
}

static void
mark_row(struct canvas *c, struct rect r, int row, uint32_t look, const char *text)
{
	canvas_look(c, (struct rect){r.row + row, r.col, 1, r.cols}, look);
	sign(c, r, row, look, text);
}

static bool
is_row(const struct scroll_at *a, const struct scroll_at *b)
{
	return scroll_compare(a, b) == 0;
}

static void
overlay(struct screen *s, struct scroll *w, const struct scroll_source *src,
    struct canvas *c, struct rect r)
{
	struct scroll_at at = {w->top, w->line, 0, 0};
	struct scroll_range sel;
	bool selected = w->marked && browse_selection(w, src, &sel);

	for (int row = 0; row < r.rows; row++) {
		bool in = selected && scroll_compare(&at, &sel.from) >= 0 &&
		    scroll_compare(&at, &sel.to) <= 0;

		if (is_row(&at, &w->cur))
			mark_row(c, r, row, LOOK_CURSOR, SIGN_CURSOR);
		else if (in)
			mark_row(c, r, row, LOOK_SELECTED, SIGN_SELECTED);
		if (!scroll_forward(src, &at.pos, &at.line))
			break;
	}
}

void
browse_draw(struct screen *s, struct canvas *c, struct rect r, int pane)
{
	struct scroll_source src;
	struct scroll *w;

	if (!s->browse.on || s->page != PAGE_NONE || (int)s->focus != pane)
		return;
	w = browse_held(s, &src);
	if (w)
		overlay(s, w, &src, c, r);
}

void
browse_draw_page(struct screen *s, struct canvas *c)
{
	struct scroll_source src;
	struct scroll *w;

	if (!s->browse.on || s->page == PAGE_NONE)
		return;
	w = browse_held(s, &src);
	if (w)
		overlay(s, w, &src, c, s->page_at.in);
}

void
browse_draw_row(const struct screen *s, struct canvas *c, struct rect r)
{
	int col = canvas_text(c, r, 0, 0, LOOK_KEY, " browse ");

	if (s->browse.said[0])
		canvas_printf(c, r, 0, col, s->browse.said_look, " %s", s->browse.said);
	else
		canvas_text(c, r, 0, col, LOOK_PLAIN,
		    " Up Down  / find  m mark  y copy  Enter open  ? keys  q back");
	c->cursor_row = -1;
}
