/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_tools.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "console/words.h"

#define PART_END VIEW_TOOLS_END

/* --- drawing of one unit --- */

static void
render_head(struct view_tools *v, const struct tail_run *r)
{
	struct lines *l = &v->lines;

	lines_str(l, LOOK_STRONG, "$ ");
	snprintf(l->indent, sizeof l->indent, "  ");
	lines_str(l, LOOK_NAME, r->host);
	lines_str(l, LOOK_STRONG, " ");
	lines_str(l, LOOK_STRONG, r->what[0] ? r->what : r->verb);
	lines_str(l, LOOK_QUIET, "  ");
	lines_str(l, LOOK_QUIET, r->id);
	lines_str(l, LOOK_QUIET, r->by[0] ? " by " : "");
	lines_str(l, LOOK_QUIET, r->by);
	lines_break(l);
}

static void
render_end(struct view_tools *v, const struct tail_run *r)
{
	char age[32], size[32], line[320];
	int64_t bytes = r->total[TAIL_OUT] + r->total[TAIL_ERR];

	snprintf(v->lines.indent, sizeof v->lines.indent, "  ");
	if (!r->ended) {
		words_span(v->now - r->began, age, sizeof age);
		words_bytes(r->next[TAIL_OUT] + r->next[TAIL_ERR], size, sizeof size);
		snprintf(line, sizeof line, "  running for %s, %s so far", age, size);
		lines_str(&v->lines, LOOK_BUSY, line);
	} else {
		clock_age(r->ms, age, sizeof age);
		words_bytes(bytes, size, sizeof size);
		snprintf(line, sizeof line, "  %s%s%s, %s", r->end,
		    r->ms > 0 || r->exit >= 0 ? ", " : "",
		    r->ms > 0 || r->exit >= 0 ? age : "", size);
		lines_str(&v->lines, r->exit == 0 ? LOOK_GOOD : LOOK_BAD, line);
		bytes -= r->next[TAIL_OUT] + r->next[TAIL_ERR];
		if (bytes > 0) {
			words_bytes(bytes, size, sizeof size);
			snprintf(line, sizeof line, " (its last %s are not here)", size);
			lines_str(&v->lines, LOOK_QUIET, line);
		}
		if (r->wraps_others)
			lines_str(&v->lines, LOOK_QUIET, " (shown with its commands)");
		if (r->cut > 0) {
			words_bytes(r->cut, size, sizeof size);
			snprintf(line, sizeof line, " (%s not in the journal)", size);
			lines_str(&v->lines, LOOK_QUIET, line);
		}
	}
	lines_break(&v->lines);
	lines_break(&v->lines);
}

/* Lines of our own words, and the guest's screen in its frame. */
static void
render_ours(struct lines *l, const struct tail_line *n)
{
	if (n->kind == TAIL_FRAME)
		lines_str(l, LOOK_QUIET, "┌─ ");
	else if (n->kind == TAIL_FRAME_END)
		lines_str(l, LOOK_QUIET, "└──");
	else if (n->kind == TAIL_SCREEN)
		lines_str(l, LOOK_QUIET, n->len > 0 ? "│ " : "│");
	if (n->kind == TAIL_SCREEN)
		snprintf(l->indent, sizeof l->indent, "│ ");
	lines_put(l,
	    n->kind == TAIL_SCREEN     ? LOOK_PLAIN
		: n->kind == TAIL_NOTE ? LOOK_BUSY
				       : LOOK_QUIET,
	    n->text ? n->text : "", n->len);
	if (n->kind == TAIL_FRAME)
		lines_str(l, LOOK_QUIET, " ─");
	l->indent[0] = '\0';
}

static void
render_line(struct view_tools *v, const struct tail_line *n)
{
	const char *text = n->text;

	v->lines.keep_blanks = true;
	if (n->stream == TAIL_ERR && n->kind != TAIL_GAP)
		lines_sign(&v->lines, LOOK_BAD, "! ");
	if (n->kind != TAIL_TEXT) {
		render_ours(&v->lines, n);
		lines_break(&v->lines);
		return;
	}
	for (int i = 0; i < n->spans; i++) {
		lines_put(&v->lines, n->span[i].style, text, n->span[i].len);
		text += n->span[i].len;
	}
	lines_break(&v->lines);
}

/* A line that was too long for one goes on in the next. */
static void
render_part(struct view_tools *v, const struct tail_run *r, uint64_t i)
{
	render_line(v, tail_line(r, i));
	if (i > 0 && v->lines.count > 0)
		v->lines.line[0].cont = tail_line(r, i - 1)->wraps;
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
	if (pos.part == 0)
		render_head(v, r);
	else if (pos.part == PART_END)
		render_end(v, r);
	else
		render_part(v, r, pos.part - 1 - r->first_line);
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

static bool
fix(void *arg, struct scroll_pos *pos)
{
	const struct view_tools *v = arg;
	const struct tail *t = &v->model->tools;
	size_t i = run_index(t, pos->unit);
	const struct tail_run *r;

	if (t->count == 0)
		return false;
	if (i == t->count) { /* beyond the last one: its end */
		*pos = (struct scroll_pos){t->runs[i - 1]->serial, PART_END};
		return true;
	}
	r = t->runs[i];
	if (r->serial != pos->unit)
		*pos = (struct scroll_pos){r->serial, 0};
	if (pos->part == 0 || pos->part == PART_END)
		return true;
	if (view_tools_is_folded(v, r))
		pos->part = 0;
	else if (pos->part < r->first_line + 1)
		pos->part = r->first_line + 1;
	if (pos->part > 0 && pos->part - 1 - r->first_line >= r->count)
		pos->part = r->count > 0 ? r->first_line + r->count : 0;
	return true;
}

static bool
step_run(const struct tail *t, struct scroll_pos *pos, int dir)
{
	size_t i = run_index(t, pos->unit);

	if ((dir < 0 && i == 0) || (dir > 0 && i + 1 >= t->count))
		return false;
	*pos = (struct scroll_pos){
	    t->runs[dir < 0 ? i - 1 : i + 1]->serial, dir < 0 ? PART_END : 0};
	return true;
}

static bool
step(void *arg, struct scroll_pos *pos, int dir)
{
	const struct view_tools *v = arg;
	const struct tail *t = &v->model->tools;
	const struct tail_run *r = tail_by_serial(t, pos->unit);
	uint64_t first, last, count;

	if (!r)
		return false;
	if (pos->part == (dir > 0 ? PART_END : 0))
		return step_run(t, pos, dir);
	count = view_tools_is_folded(v, r) ? 0 : r->count;
	first = r->first_line + 1;
	last = r->first_line + count;
	if (count == 0)
		pos->part = dir > 0 ? PART_END : 0;
	else if (dir > 0 && pos->part == 0)
		pos->part = first;
	else if (dir > 0)
		pos->part = pos->part >= last ? PART_END : pos->part + 1;
	else if (pos->part == PART_END)
		pos->part = last;
	else
		pos->part = pos->part <= first ? 0 : pos->part - 1;
	return true;
}

static const struct lines *
unit_lines(void *arg, struct scroll_pos pos)
{
	return unit(arg, pos);
}

static size_t
height(void *arg, struct scroll_pos pos)
{
	return unit(arg, pos)->count;
}

static void
draw(void *arg, struct scroll_pos pos, size_t line, struct canvas *c, struct rect r,
    int row)
{
	lines_draw(unit(arg, pos), line, c, r, row);
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
	    .lines = unit_lines};
}

void
view_tools_draw(struct view_tools *v, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	struct scroll_source src = view_tools_source(v, m);

	v->width = r.cols;
	v->now = now;
	view_tools_fold_by_itself(v, &m->tools);
	if (m->tools.count > 0) {
		scroll_draw(&v->scroll, &src, c, r);
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

static bool
holds(const struct tail_run *r, uint64_t part, const char *text)
{
	const struct tail_line *n;

	if (part == 0)
		return strstr(r->what, text) || strstr(r->verb, text);
	n = part == PART_END ? NULL : tail_line(r, part - 1 - r->first_line);
	return n && n->len > 0 && memmem(n->text, n->len, text, strlen(text));
}

bool
view_tools_find(struct view_tools *v, const struct model *m, const char *text)
{
	struct scroll_pos pos = v->scroll.top;

	v->fold = TOOLS_FOLD_NONE;
	v->choices = 0;
	view_tools_source(v, m);
	if (!v->scroll.away)
		pos = (struct scroll_pos){UINT64_MAX, UINT64_MAX};
	if (!fix(v, &pos))
		return false;
	while (step(v, &pos, -1)) {
		if (!holds(tail_by_serial(&m->tools, pos.unit), pos.part, text))
			continue;
		v->scroll.away = true;
		v->scroll.top = pos;
		v->scroll.line = 0;
		return true;
	}
	return false;
}

void
view_tools_fini(struct view_tools *v)
{
	lines_fini(&v->lines);
}
