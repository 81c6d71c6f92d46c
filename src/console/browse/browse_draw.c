/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What browse mode puts on a picture that is drawn already: the cursor row, the
 * selection, the matches, each by its look, and at the right edge, where a cell is
 * free, by a sign.  The text under them is not moved and not changed.
 */
#include <stdio.h>
#include <string.h>

#include "console/browse/browse_int.h"
#include "console/draw/scroll_int.h"

#define SIGN_CURSOR "◂"
#define SIGN_SELECTED "┃"
#define HITS_MAX 512 /* matches of one unit that are shown */

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

/* --- matches --- */

struct hit {
	uint32_t whole, byte, len;
};

/* The matches of the unit that a row belongs to. */
struct hits {
	const struct text_find *what;
	struct scroll_pos of;
	bool known;
	size_t count;
	struct hit hit[HITS_MAX];
	uint32_t carry; /* bytes at its begin that belong to a match of the unit before */
};

static bool
on_hit(void *arg, uint32_t whole, uint32_t byte, uint32_t len)
{
	struct hits *h = arg;

	h->hit[h->count++] = (struct hit){whole, byte, len};
	return h->count < HITS_MAX;
}

/* Bytes of the last match that are in the next unit. */
static uint32_t
carry_of(const struct scroll_source *src, const struct hits *h)
{
	const struct lines *l = src->lines(src->arg, h->of);
	struct scroll_at last = {h->of, l->count > 0 ? l->count - 1 : 0, 0, 0};
	const struct hit *hit = h->count > 0 ? &h->hit[h->count - 1] : NULL;
	uint32_t len;

	if (!hit || l->count == 0)
		return 0;
	len = scroll_row_bytes(&l->line[last.line]);
	scroll_anchor(src, &last);
	if (hit->whole != last.whole || hit->byte + hit->len <= last.byte + len)
		return 0;
	return hit->byte + hit->len - last.byte - len;
}

static void
collect(struct hits *h, const struct scroll_source *src, struct scroll_pos pos)
{
	h->of = pos;
	h->count = 0;
	h->known = true;
	browse_matches(src, pos, h->what, on_hit, h);
}

static bool
is_continued(const struct scroll_source *src, struct scroll_pos pos)
{
	const struct lines *l = src->lines(src->arg, pos);

	return l->count > 0 && l->line[0].cont;
}

static void
hits_of(struct hits *h, const struct scroll_source *src, struct scroll_pos pos)
{
	struct scroll_pos before = pos;

	if (h->known && h->of.unit == pos.unit && h->of.part == pos.part)
		return;
	h->carry = 0;
	if (is_continued(src, pos) && src->step(src->arg, &before, -1)) {
		collect(h, src, before);
		h->carry = carry_of(src, h);
	}
	collect(h, src, pos);
}

/* Bytes from..to of a row's own text, counted from its begin. */
static void
light(struct canvas *c, struct rect r, int row, const struct lines_line *n, long from,
    long to, uint32_t look)
{
	long lead = n->lead < n->len ? n->lead : n->len, blanks = n->cont ? n->blanks : 0;
	long len = (long)n->len - lead;
	int left, right;

	from = from > blanks ? from - blanks : 0;
	to = to - blanks < len ? to - blanks : len;
	if (from >= to)
		return;
	left = canvas_width(n->text, (size_t)(lead + from));
	right = canvas_width(n->text, (size_t)(lead + to));
	if (right > r.cols)
		right = r.cols;
	canvas_look(c, (struct rect){r.row + row, r.col + left, 1, right - left}, look);
}

static void
light_row(const struct browse_find *f, const struct hits *h,
    const struct scroll_source *src, struct scroll_at at, struct canvas *c, struct rect r,
    int row)
{
	const struct lines_line *n;
	const struct lines *l;

	scroll_anchor(src, &at);
	l = src->lines(src->arg, at.pos);
	if (at.line >= l->count)
		return;
	n = &l->line[at.line];
	if (at.whole == 0 && h->carry > at.byte)
		light(c, r, row, n, 0, (long)h->carry - at.byte, LOOK_MATCH);
	for (size_t i = 0; i < h->count; i++) {
		const struct hit *hit = &h->hit[i];
		bool here = hit->whole == f->at.whole && hit->byte == f->at.byte &&
		    at.pos.unit == f->at.pos.unit && at.pos.part == f->at.pos.part &&
		    (f->state == BROWSE_FIND_FOUND || f->state == BROWSE_FIND_COUNTING);

		if (hit->whole == at.whole && hit->byte + hit->len > at.byte)
			light(c, r, row, n, (long)hit->byte - at.byte,
			    (long)hit->byte + hit->len - at.byte,
			    here ? LOOK_MATCH_HERE : LOOK_MATCH);
	}
}

/* --- all of it --- */

/* Whole lines of a selection, at most BROWSE_MARKED_MAX. */
static int
count_lines(const struct scroll_source *src, const struct scroll_range *sel)
{
	struct scroll_at at = sel->from;
	int n = 1;

	while (n < BROWSE_MARKED_MAX && scroll_compare(&at, &sel->to) < 0 &&
	    scroll_forward(src, &at.pos, &at.line)) {
		const struct lines *l = src->lines(src->arg, at.pos);

		n += at.line < l->count && !l->line[at.line].cont;
	}
	return n;
}

static void
overlay(struct screen *s, struct scroll *w, const struct scroll_source *src,
    struct canvas *c, struct rect r)
{
	struct scroll_at at = {w->top, w->line, 0, 0};
	struct hits hits = {.what = &s->browse.find.what};
	struct scroll_range sel;
	bool selected = browse_selection(w, src, &sel);

	s->browse.marked = selected ? count_lines(src, &sel) : 0;
	for (int row = 0; row < r.rows; row++) {
		bool in = selected && scroll_compare(&at, &sel.from) >= 0 &&
		    scroll_compare(&at, &sel.to) <= 0;

		if (scroll_compare(&at, &w->cur) == 0)
			mark_row(c, r, row, LOOK_CURSOR, SIGN_CURSOR);
		else if (in)
			mark_row(c, r, row, LOOK_SELECTED, SIGN_SELECTED);
		if (hits.what->count > 0) {
			hits_of(&hits, src, at.pos);
			light_row(&s->browse.find, &hits, src, at, c, r, row);
		}
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

/* It was drawn from where it stood; where the cursor would be outside, once more. */
void
browse_draw_page(struct screen *s, struct canvas *c)
{
	struct page_at *at = &s->page_at;
	struct scroll_source src;
	struct scroll *w;

	if (!s->browse.on || s->page == PAGE_NONE)
		return;
	w = browse_held(s, &src);
	if (!w)
		return;
	scroll_keep_cursor(w, &src);
	if (at->top != (int)w->line) {
		at->top = (int)w->line;
		canvas_fill(c, at->in, LOOK_PLAIN);
		for (int i = 0; i < at->in.rows && w->line + (size_t)i < at->lines.count;
		     i++)
			lines_draw(&at->lines, w->line + (size_t)i, c, at->in, i);
	}
	overlay(s, w, &src, c, at->in);
}
