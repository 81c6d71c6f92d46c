/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/scroll.h"

static bool
forward(const struct scroll_source *src, struct scroll_pos *pos, size_t *line)
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

static bool
backward(const struct scroll_source *src, struct scroll_pos *pos, size_t *line)
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

	while (n < max && forward(src, &pos, &line))
		n++;
	return n;
}

static void
up_from_end(struct scroll *s, const struct scroll_source *src, int lines)
{
	size_t height;

	s->top = (struct scroll_pos){UINT64_MAX, UINT64_MAX};
	src->fix(src->arg, &s->top);
	height = src->height(src->arg, s->top);
	s->line = height > 0 ? height - 1 : 0;
	for (int i = 1; i < lines && backward(src, &s->top, &s->line); i++)
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

static void
follow(struct scroll *s, const struct scroll_source *src, int rows, bool fresh)
{
	int keep = fresh ? rows : rows - rows / 3, n = count_down(s, src, rows + 1);

	if (n > rows || n < keep)
		up_from_end(s, src, n > rows ? kept_lines(src, keep, rows) : rows);
}

static bool
settle(struct scroll *s, const struct scroll_source *src)
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
	if (r.rows <= 0 || !settle(s, src))
		return;
	if (!s->away)
		follow(s, src, r.rows, fresh);
	pos = s->top;
	line = s->line;
	do {
		if (src->height(src->arg, pos) > 0)
			src->draw(src->arg, pos, line, c, r, row++);
	} while (row < r.rows && forward(src, &pos, &line));
	if (row == r.rows)
		while (s->below < SCROLL_BELOW_MAX && forward(src, &pos, &line))
			s->below++;
}

void
scroll_move(struct scroll *s, const struct scroll_source *src, int lines)
{
	if (!settle(s, src))
		return;
	for (; lines < 0 && backward(src, &s->top, &s->line); lines++)
		s->away = true;
	for (; lines > 0 && count_down(s, src, s->rows + 1) > s->rows; lines--)
		if (!forward(src, &s->top, &s->line))
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
