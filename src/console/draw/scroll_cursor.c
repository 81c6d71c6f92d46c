/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The cursor of a held window.  Its place is text, not a row on the screen: what
 * comes, goes, folds or is wrapped anew leaves it on the words it stood on.
 */
#include "console/draw/scroll_int.h"

#define AROUND 3 /* a jump shows so many lines above and below, at most a third */

static bool
is_same(struct scroll_pos a, struct scroll_pos b)
{
	return a.unit == b.unit && a.part == b.part;
}

int
scroll_compare(const struct scroll_at *a, const struct scroll_at *b)
{
	if (a->pos.unit != b->pos.unit)
		return a->pos.unit < b->pos.unit ? -1 : 1;
	if (a->pos.part != b->pos.part)
		return a->pos.part < b->pos.part ? -1 : 1;
	return a->line == b->line ? 0 : a->line < b->line ? -1 : 1;
}

uint32_t
scroll_row_bytes(const struct lines_line *n)
{
	uint32_t lead = n->lead < n->len ? n->lead : n->len;

	return n->len - lead + (n->cont ? n->blanks : 0);
}

void
scroll_anchor(const struct scroll_source *src, struct scroll_at *at)
{
	const struct lines *l = src->lines(src->arg, at->pos);

	at->whole = at->byte = 0;
	for (size_t i = 0; i < l->count && i < at->line; i++) {
		at->byte += scroll_row_bytes(&l->line[i]);
		if (i + 1 < l->count && !l->line[i + 1].cont) {
			at->whole++;
			at->byte = 0;
		}
	}
}

/* The last row that begins at or before that byte of that whole line. */
static size_t
find_row(const struct lines *l, uint32_t whole, uint32_t byte)
{
	uint32_t w = 0, b = 0;
	size_t row = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (i > 0 && !l->line[i].cont) {
			w++;
			b = 0;
		}
		if (w > whole || (w == whole && b > byte))
			break;
		row = i;
		b += scroll_row_bytes(&l->line[i]);
	}
	return row;
}

bool
scroll_settle(const struct scroll_source *src, struct scroll_at *at)
{
	struct scroll_pos was = at->pos;
	size_t line = 0;

	if (!src->fix(src->arg, &at->pos))
		return false;
	if (!is_same(was, at->pos))
		at->whole = at->byte = 0;
	if (src->height(src->arg, at->pos) > 0) {
		at->line = find_row(src->lines(src->arg, at->pos), at->whole, at->byte);
		return true;
	}
	if (!scroll_forward(src, &at->pos, &line) &&
	    !scroll_backward(src, &at->pos, &line))
		return false;
	at->line = line;
	scroll_anchor(src, at);
	return true;
}

/* Rows from the window's top to the cursor; -1: it is above it, or too far below. */
static int
row_of_cursor(const struct scroll *s, const struct scroll_source *src, int max)
{
	struct scroll_pos pos = s->top;
	size_t line = s->line;
	int row = 0;

	while (!is_same(pos, s->cur.pos) || line != s->cur.line)
		if (++row >= max || !scroll_forward(src, &pos, &line))
			return -1;
	return row;
}

/* Puts the cursor on row n of the window. */
static void
window_around(struct scroll *s, const struct scroll_source *src, int n)
{
	s->top = s->cur.pos;
	s->line = s->cur.line;
	while (n-- > 0 && scroll_backward(src, &s->top, &s->line))
		continue;
}

/* No empty rows below the last line when there are lines above. */
static void
fill_window(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_pos pos = s->top;
	size_t line = s->line;
	int n = 1;

	while (n < s->rows && scroll_forward(src, &pos, &line))
		n++;
	while (n++ < s->rows && scroll_backward(src, &s->top, &s->line))
		continue;
}

void
scroll_keep_cursor(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_at top = {s->top, s->line, 0, 0};

	if (s->marked && !scroll_settle(src, &s->mark))
		s->marked = false;
	if (!scroll_settle(src, &s->cur) || s->rows <= 0)
		return;
	if (row_of_cursor(s, src, s->rows) < 0)
		window_around(
		    s, src, scroll_compare(&s->cur, &top) < 0 ? 0 : s->rows - 1);
	fill_window(s, src);
}

void
scroll_shift(struct scroll *s, uint64_t unit)
{
	if (s->away && s->top.unit == unit) {
		s->line++;
		s->top_whole++;
	}
	s->cur.whole += s->cur.pos.unit == unit;
	s->mark.whole += s->mark.pos.unit == unit;
}

static bool
is_empty(const struct scroll_source *src, struct scroll_pos pos, size_t line)
{
	const struct lines *l = src->lines(src->arg, pos);

	return line >= l->count || l->line[line].len == 0;
}

bool
scroll_hold(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_pos pos;
	size_t line;

	if (!scroll_settle_top(s, src))
		return false;
	if (s->rows < 1)
		s->rows = 1; /* it was never drawn: the first picture will fill it */
	if (!s->away)
		scroll_follow(s, src, s->rows, false);
	pos = s->top;
	line = s->line;
	for (int i = 1; i < s->rows && scroll_forward(src, &pos, &line); i++)
		continue;
	for (int i = 1; i < s->rows && is_empty(src, pos, line); i++)
		if (!scroll_backward(src, &pos, &line))
			break;
	s->cur = (struct scroll_at){pos, line, 0, 0};
	scroll_anchor(src, &s->cur);
	s->held = scroll_settle(src, &s->cur);
	s->marked = false;
	s->away = s->held || s->away;
	return s->held;
}

void
scroll_release(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_pos pos;
	size_t line;

	if (!s->held)
		return;
	s->held = s->marked = false;
	if (!scroll_settle(src, &s->cur))
		return;
	pos = s->cur.pos;
	line = s->cur.line;
	s->away = false;
	for (int i = 0; !s->away && i < s->rows && scroll_forward(src, &pos, &line); i++)
		s->away = !is_empty(src, pos, line);
}

void
scroll_cursor_move(struct scroll *s, const struct scroll_source *src, int lines)
{
	if (!scroll_settle(src, &s->cur))
		return;
	for (; lines < 0 && scroll_backward(src, &s->cur.pos, &s->cur.line); lines++)
		continue;
	for (; lines > 0 && scroll_forward(src, &s->cur.pos, &s->cur.line); lines--)
		continue;
	scroll_anchor(src, &s->cur);
	scroll_keep_cursor(s, src);
}

void
scroll_cursor_first(struct scroll *s, const struct scroll_source *src)
{
	s->cur = (struct scroll_at){.pos = {0, 0}};
	scroll_keep_cursor(s, src);
}

void
scroll_cursor_last(struct scroll *s, const struct scroll_source *src)
{
	s->cur = (struct scroll_at){.pos = {UINT64_MAX, UINT64_MAX}};
	if (!scroll_settle(src, &s->cur))
		return;
	s->cur.line = src->height(src->arg, s->cur.pos) - 1;
	scroll_anchor(src, &s->cur);
	scroll_keep_cursor(s, src);
}

void
scroll_cursor_to(struct scroll *s, const struct scroll_source *src, struct scroll_at at)
{
	int around = s->rows / 3 < AROUND ? s->rows / 3 : AROUND, row;
	struct scroll_at top;

	s->cur = at;
	if (!scroll_settle(src, &s->cur))
		return;
	top = (struct scroll_at){s->top, s->line, 0, 0};
	row = row_of_cursor(s, src, s->rows);
	if (row < around || row >= s->rows - around)
		window_around(s, src,
		    scroll_compare(&s->cur, &top) < 0 ? around : s->rows - 1 - around);
	fill_window(s, src);
}
