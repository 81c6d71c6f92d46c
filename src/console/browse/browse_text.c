/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What would be copied.  A selection is of whole lines: one that is wrapped over
 * several rows of a narrow screen is taken, and shown as taken, with all of them.
 */
#include <stdio.h>
#include <string.h>

#include "console/browse/browse_int.h"

#define CONTINUED_MAX 2000 /* units that one line is made of, at most */

static bool
continues(const struct scroll_source *src, struct scroll_pos pos, size_t line)
{
	const struct lines *l = src->lines(src->arg, pos);

	return line < l->count && l->line[line].cont;
}

/* To the row that the whole line begins with. */
static void
to_begin(const struct scroll_source *src, struct scroll_at *at)
{
	for (int i = 0; i < CONTINUED_MAX && continues(src, at->pos, at->line); i++)
		if (!scroll_backward(src, &at->pos, &at->line))
			break;
}

/* To the row that it ends with. */
static void
to_last(const struct scroll_source *src, struct scroll_at *at)
{
	struct scroll_at next = *at;

	for (int i = 0; i < CONTINUED_MAX; i++) {
		if (!scroll_forward(src, &next.pos, &next.line) ||
		    !continues(src, next.pos, next.line))
			break;
		*at = next;
	}
}

bool
browse_selection(
    const struct scroll *w, const struct scroll_source *src, struct scroll_range *range)
{
	bool up;

	if (!w->marked)
		return false;
	up = scroll_compare(&w->cur, &w->mark) < 0;
	range->from = up ? w->cur : w->mark;
	range->to = up ? w->mark : w->cur;
	to_begin(src, &range->from);
	to_last(src, &range->to);
	return true;
}

/* The row's own text; false: out is full. */
static bool
add_row(struct buf *out, const struct lines_line *n, bool first)
{
	size_t lead = n->lead < n->len ? n->lead : n->len;
	const char *blanks = "                ";

	if (!first && !n->cont && buf_add(out, "\n", 1) < 0)
		return false;
	for (size_t left = !first && n->cont ? n->blanks : 0; left > 0;) {
		size_t some = left < 16 ? left : 16;

		if (buf_add(out, blanks, some) < 0)
			return false;
		left -= some;
	}
	return n->len == lead || buf_add(out, n->text + lead, n->len - lead) >= 0;
}

/* Back to the end of the last whole line. */
static void
cut_back(struct buf *out)
{
	while (out->len > 0 && buf_str(out)[out->len - 1] != '\n')
		out->len--;
}

/* Rows from one place to another; returns how many whole lines, *full: not all. */
static long
add_range(const struct scroll_source *src, const struct scroll_range *range,
    struct buf *out, bool *full)
{
	struct scroll_at at = range->from;
	long lines = 0;
	bool first = true;

	*full = false;
	do {
		const struct lines *l = src->lines(src->arg, at.pos);

		if (at.line >= l->count)
			continue;
		if (!add_row(out, &l->line[at.line], first)) {
			cut_back(out);
			*full = true;
			break;
		}
		lines += first || !l->line[at.line].cont;
		first = false;
	} while (scroll_compare(&at, &range->to) < 0 &&
	    scroll_forward(src, &at.pos, &at.line));
	return lines;
}

/* A whole unit, without the blank lines around it. */
static void
unit_range(const struct scroll_source *src, struct scroll_at at, struct scroll_range *r)
{
	const struct lines *l = src->lines(src->arg, at.pos);
	size_t from = 0, to = l->count > 0 ? l->count - 1 : 0;

	while (from < to && l->line[from].len == 0)
		from++;
	while (to > from && l->line[to].len == 0)
		to--;
	*r =
	    (struct scroll_range){.from = {at.pos, from, 0, 0}, .to = {at.pos, to, 0, 0}};
	to_begin(src, &r->from);
	to_last(src, &r->to);
}

static void
item_range(const struct scroll_source *src, struct scroll_at at, struct scroll_range *r)
{
	if (!src->copy_range || !src->copy_range(src->arg, at.pos, at.line, r)) {
		unit_range(src, at, r);
		return;
	}
	for (int i = 0; i < 2; i++) {
		struct scroll_at *end = i == 0 ? &r->from : &r->to;
		size_t height = src->height(src->arg, end->pos);

		if (end->line >= height)
			end->line = height > 0 ? height - 1 : 0;
	}
}

int
browse_text(struct screen *s, struct buf *out, char *what, size_t size)
{
	static const char *const names[] = {"chat", "tools"};
	struct scroll_source src;
	struct scroll *w;
	struct scroll_range range;
	const char *of;
	bool full;
	long lines;

	if (!s->browse.on)
		return -1;
	w = browse_held(s, &src);
	if (!w || !scroll_settle(&src, &w->cur))
		return -1;
	of = s->page != PAGE_NONE ? "the page" : names[s->focus == FOCUS_TOOLS];
	if (w->marked)
		browse_selection(w, &src, &range);
	else
		item_range(&src, w->cur, &range);
	if (src.see_all && !w->marked)
		src.see_all(src.arg, true);
	lines = add_range(&src, &range, out, &full);
	if (src.see_all)
		src.see_all(src.arg, false);
	if (lines == 0 || out->len == 0)
		return -1;
	if (full)
		snprintf(
		    what, size, "the first %ld lines (there is no room for more)", lines);
	else if (!w->marked && range.what[0])
		snprintf(what, size, "%s", range.what);
	else
		snprintf(
		    what, size, "%ld line%s of %s", lines, lines == 1 ? "" : "s", of);
	return 0;
}
