/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/scroll.h"

#include "console/draw/scroll_int.h"

bool
scroll_forward(const struct scroll_source *src, struct scroll_pos *pos, size_t *line)
{
	if (*line + 1 < src->height(src->arg, *pos)) {
		(*line)++;
		return true;
	}
	do {
		if (!src->step(src->arg, pos, 1))
			return false;
	} while (src->height(src->arg, *pos) == 0);
	*line = 0;
	return true;
}

bool
scroll_backward(const struct scroll_source *src, struct scroll_pos *pos, size_t *line)
{
	size_t height;

	if (*line > 0) {
		(*line)--;
		return true;
	}
	do {
		if (!src->step(src->arg, pos, -1))
			return false;
		height = src->height(src->arg, *pos);
	} while (height == 0);
	*line = height - 1;
	return true;
}

/* Lines from the top line to the end, the top line included; counts to max. */
static int
count_down(const struct scroll *s, const struct scroll_source *src, int max)
{
	struct scroll_pos pos = s->top;
	size_t line = s->line;
	int n = 1;

	while (n < max && scroll_forward(src, &pos, &line))
		n++;
	return n;
}

/* The top so that the last line is so many lines below. */
static void
up_from_end(struct scroll *s, const struct scroll_source *src, int lines)
{
	size_t height;

	s->top = (struct scroll_pos){UINT64_MAX, UINT64_MAX};
	src->fix(src->arg, &s->top);
	height = src->height(src->arg, s->top);
	s->line = height > 0 ? height - 1 : 0;
	for (int i = 1; i < lines && scroll_backward(src, &s->top, &s->line); i++)
		continue;
}

/* Lines from the end that a jump leaves: a unit that is seen whole stays so. */
static int
kept_lines(const struct scroll_source *src, int keep, int rows)
{
	struct scroll_pos last = {UINT64_MAX, UINT64_MAX};
	int height;

	src->fix(src->arg, &last);
	if (!src->whole || !src->whole(src->arg, last))
		return keep;
	height = (int)src->height(src->arg, last);
	return height > keep && height <= rows ? height : keep;
}

void
scroll_follow(struct scroll *s, const struct scroll_source *src, int rows, bool fresh)
{
	int keep = fresh || rows < SCROLL_SMALL ? rows : rows - rows / 3;
	int n = count_down(s, src, rows + 1);

	if (n > rows || n < keep)
		up_from_end(s, src, n > rows ? kept_lines(src, keep, rows) : rows);
}

bool
scroll_settle_top(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_pos was = s->top;
	size_t height;

	if (!src->fix(src->arg, &s->top))
		return false;
	height = src->height(src->arg, s->top);
	if (was.unit != s->top.unit || was.part != s->top.part)
		s->line = 0;
	if (s->line >= height)
		s->line = height > 0 ? height - 1 : 0;
	return true;
}

/* At another width the top is the row that begins with the same text. */
static void
keep_top(struct scroll *s, const struct scroll_source *src, int cols)
{
	struct scroll_at at = {s->top, s->line, s->top_whole, s->top_byte};

	if (s->away && s->cols > 0 && s->cols != cols && scroll_settle(src, &at))
		s->line = at.line;
	s->cols = cols;
}

static void
note_top(struct scroll *s, const struct scroll_source *src)
{
	struct scroll_at at = {s->top, s->line, 0, 0};

	scroll_anchor(src, &at);
	s->top_whole = at.whole;
	s->top_byte = at.byte;
}

void
scroll_draw(
    struct scroll *s, const struct scroll_source *src, struct canvas *c, struct rect r)
{
	struct scroll_pos pos;
	size_t line;
	bool fresh = s->rows != r.rows; /* the first picture, or another size: fill it */
	int row = 0;

	s->rows = r.rows;
	s->below = 0;
	keep_top(s, src, r.cols);
	if (r.rows <= 0 || !scroll_settle_top(s, src))
		return;
	if (!s->away)
		scroll_follow(s, src, r.rows, fresh);
	else if (s->held)
		scroll_keep_cursor(s, src);
	if (s->away)
		note_top(s, src);
	pos = s->top;
	line = s->line;
	do {
		if (src->height(src->arg, pos) > 0)
			src->draw(src->arg, pos, line, c, r, row++);
	} while (row < r.rows && scroll_forward(src, &pos, &line));
	if (row == r.rows)
		while (s->below < SCROLL_BELOW_MAX && scroll_forward(src, &pos, &line))
			s->below++;
}

void
scroll_move(struct scroll *s, const struct scroll_source *src, int lines)
{
	if (!scroll_settle_top(s, src))
		return;
	for (; lines < 0 && scroll_backward(src, &s->top, &s->line); lines++)
		s->away = true;
	for (; lines > 0 && count_down(s, src, s->rows + 1) > s->rows; lines--)
		if (!scroll_forward(src, &s->top, &s->line))
			break;
	if (count_down(s, src, s->rows + 1) <= s->rows)
		s->away = false;
}

void
scroll_to_end(struct scroll *s)
{
	s->away = false;
	s->top = (struct scroll_pos){UINT64_MAX, UINT64_MAX};
	s->line = SIZE_MAX;
}

void
scroll_to_start(struct scroll *s)
{
	s->away = true;
	s->top = (struct scroll_pos){0, 0};
	s->line = 0;
}
