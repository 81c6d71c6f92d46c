/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "console/view/view_tools_int.h"

#define PART_END VIEW_TOOLS_END

static const struct tail_line *
line_at(const struct tail_run *r, uint64_t part)
{
	const struct tail_line *l = tail_line(r, tail_index(r, part));

	return l && l->at == part ? l : NULL;
}

/* Was the line before too long for one? */
static bool
goes_on(const struct tail_run *r, uint64_t part)
{
	size_t i = part == 0 ? 0 : tail_index(r, part);

	return i > 0 && tail_line(r, i - 1)->wraps;
}

static const struct lines *
unit(struct view_tools *v, struct scroll_pos pos)
{
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos.unit);

	if (v->kept.unit == pos.unit && v->kept.part == pos.part &&
	    v->lines.width == v->width)
		return &v->lines;
	lines_fini(&v->lines);
	lines_init(&v->lines, v->width);
	v->kept = pos;
	if (!r)
		return &v->lines;
	view_tools_render(v, r, pos.part, line_at(r, pos.part));
	if (pos.part != PART_END && v->lines.count > 0)
		v->lines.line[0].cont = goes_on(r, pos.part);
	return &v->lines;
}

/* --- the list --- */

static size_t
run_index(const struct tail *t, uint64_t serial)
{
	size_t i = 0;

	while (i < t->count && t->runs[i]->serial < serial)
		i++;
	return i;
}

bool
view_tools_shows(const struct view_tools *v, const struct tail_line *l)
{
	return v->show == TOOLS_BOTH || (l->stream == TAIL_ERR) == (v->show == TOOLS_ERR);
}

/* The place of the shown line at index i or next to it in that direction; 0: none. */
static uint64_t
shown_from(const struct view_tools *v, const struct tail_run *r, size_t i, int dir)
{
	const struct tail_line *l;

	for (; (l = tail_line(r, i)) != NULL; i += (size_t)dir)
		if (view_tools_shows(v, l))
			return l->at;
	return 0;
}

static bool
fix(void *arg, struct scroll_pos *pos)
{
	const struct view_tools *v = arg;
	const struct tail *t = &v->model->tools;
	size_t i = run_index(t, pos->unit), k;
	const struct tail_run *r;

	if (t->count == 0)
		return false;
	if (i == t->count) /* beyond the last one: its end */
		*pos = (struct scroll_pos){t->runs[--i]->serial, PART_END};
	r = t->runs[i];
	if (r->serial != pos->unit)
		*pos = (struct scroll_pos){r->serial, 0};
	if (pos->part != 0 && view_tools_is_folded(v, r))
		pos->part = 0;
	if (pos->part == 0 || pos->part == PART_END)
		return true;
	k = tail_index(r, pos->part);
	pos->part = shown_from(v, r, k, 1);
	if (pos->part == 0)
		pos->part = shown_from(v, r, k - 1, -1);
	return true;
}

static bool
step_run(const struct view_tools *v, struct scroll_pos *pos, int dir)
{
	const struct tail *t = &v->model->tools;
	size_t i = run_index(t, pos->unit);
	const struct tail_run *r;

	if ((dir < 0 && i == 0) || (dir > 0 && i + 1 >= t->count))
		return false;
	r = t->runs[dir < 0 ? i - 1 : i + 1];
	*pos = (struct scroll_pos){
	    r->serial, dir < 0 && !view_tools_is_folded(v, r) ? PART_END : 0};
	return true;
}

static bool
step(void *arg, struct scroll_pos *pos, int dir)
{
	const struct view_tools *v = arg;
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos->unit);
	size_t i;

	if (!r)
		return false;
	if (pos->part == (dir > 0 ? PART_END : 0) || view_tools_is_folded(v, r))
		return step_run(v, pos, dir);
	i = pos->part == 0 ? 0 : tail_index(r, pos->part);
	if (dir > 0 && pos->part > 0)
		i++;
	else if (dir < 0)
		i--;
	pos->part = shown_from(v, r, i, dir);
	if (pos->part == 0 && dir > 0)
		pos->part = PART_END;
	return true;
}

static const struct lines *
unit_lines(void *arg, struct scroll_pos pos)
{
	return unit(arg, pos);
}

/*
 * A text of so few bytes has no more cells: nothing needs to be rendered, and lines
 * below the window are counted by the hundred.
 */
static size_t
height(void *arg, struct scroll_pos pos)
{
	const struct view_tools *v = arg;
	const struct tail_run *r = pos.part == 0 || pos.part == PART_END
	    ? NULL
	    : tail_by_serial(&v->model->tools, pos.unit);
	const struct tail_line *l = r ? line_at(r, pos.part) : NULL;

	if (l && l->kind == TAIL_TEXT && l->len + 2 <= v->width)
		return 1;
	return unit(arg, pos)->count;
}

static void
see_gap(struct view_tools *v, struct scroll_pos pos, size_t line, int row)
{
	const struct tail_run *r = tail_by_serial(&v->model->tools, pos.unit);
	struct tools_gap *g = &v->gap;

	if (r && pos.part == 0 && r->front[TAIL_OUT] + r->front[TAIL_ERR] > 0 &&
	    !view_tools_is_folded(v, r))
		g->front = r->serial;
	if (g->pos.unit != 0) {
		if (g->below.unit == 0 && line == 0) {
			g->below = pos;
			g->below_row = row;
		}
		return;
	}
	if (!r || r->gaps == 0 || pos.part == 0 || !tail_gap_at(r, pos.part))
		return;
	g->pos = pos;
}

static void
draw(void *arg, struct scroll_pos pos, size_t line, struct canvas *c, struct rect r,
    int row)
{
	struct view_tools *v = arg;

	lines_draw(unit(v, pos), line, c, r, row);
	see_gap(v, pos, line, row);
}

struct scroll_source
view_tools_source(struct view_tools *v, const struct model *m)
{
	v->model = m;
	v->kept = (struct scroll_pos){0, 0};
	return (struct scroll_source){.arg = v,
	    .fix = fix,
	    .step = step,
	    .height = height,
	    .draw = draw,
	    .lines = unit_lines,
	    .copy_range = view_tools_copy_range,
	    .may_hold = view_tools_may_hold,
	    .see_all = view_tools_see_all,
	    .unfold = view_tools_unfold};
}

static void
see_direction(struct view_tools *v)
{
	struct scroll_pos top = v->scroll.top;

	if (!v->scroll.away)
		v->down = false; /* from here it goes up */
	else if (top.unit != v->seen.unit)
		v->down = top.unit > v->seen.unit;
	else if (top.part != v->seen.part)
		v->down = top.part > v->seen.part;
}

void
view_tools_draw(struct view_tools *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	struct scroll_source src = view_tools_source(v, m);

	v->width = r.cols;
	v->now = now;
	v->gap = (struct tools_gap){0};
	see_direction(v);
	view_tools_fold_by_itself(v, &m->tools);
	if (m->tools.count > 0) {
		scroll_draw(&v->scroll, &src, c, r);
		v->seen = v->scroll.top;
		return;
	}
	canvas_text(
	    c, r, 0, 0, LOOK_QUIET, "Every command on the hosts shows here, live:");
	canvas_text(c, r, 1, 0, LOOK_QUIET, "yours, the agent's and your colleagues'.");
}

void
view_tools_scroll(struct view_tools *v, const struct model *m, int lines)
{
	struct scroll_source src = view_tools_source(v, m);

	scroll_move(&v->scroll, &src, lines);
}

void
view_tools_filled(struct view_tools *v, const struct model *m)
{
	struct scroll_source src = view_tools_source(v, m);

	if (v->gap.below.unit == 0 || !v->scroll.away)
		return;
	v->scroll.top = v->gap.below;
	v->scroll.line = 0;
	scroll_move(&v->scroll, &src, -v->gap.below_row);
	v->seen = v->scroll.top;
}

void
view_tools_fini(struct view_tools *v)
{
	lines_fini(&v->lines);
}
