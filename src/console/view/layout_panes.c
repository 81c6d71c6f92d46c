/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout_panes.c: where the two panes are, and how much each one gets. */
#include "console/browse/browse.h"
#include "console/view/layout_int.h"
#include "console/view/tour.h"

#define LEAST_COLS 24 /* of a pane, however the border is moved */
#define LEAST_ROWS 3
#define WIDE_SPLIT 50
#define STACKED_SPLIT 55

/* Until there is something to read, its place is the tour's. */
static void
draw_chat(struct screen *s, struct canvas *c, struct rect r)
{
	view_chat_draw(&s->chat, c, r, &s->model, model_now(&s->model, s->now));
	if (!tour_shows(s) || s->browse.on || s->chat.scroll.away)
		return;
	canvas_fill(c, r, LOOK_PLAIN);
	tour_draw(s, c, r);
}

static void
draw_pane(struct screen *s, struct canvas *c, struct rect r, enum focus which, bool alone)
{
	struct rect in = r;

	if (c->rows >= KEYS_ROWS) {
		in.row++;
		in.rows--;
	}
	if (in.rows <= 0)
		return;
	if (s->wide && !alone) { /* a blank on either side of the border */
		in.cols--;
		in.col += which == FOCUS_TOOLS;
	}
	s->tools.replay = s->replay.on;
	if (which == FOCUS_CHAT)
		draw_chat(s, c, in);
	else
		view_tools_draw(
		    &s->tools, c, in, &s->model, model_now(&s->model, s->now));
	layout_seen(s, which);
	browse_draw(s, c, in, which);
	if (c->rows >= KEYS_ROWS)
		layout_draw_title(
		    s, c, (struct rect){r.row, r.col, 1, r.cols}, which, alone);
}

/* So many of all, in percent, and never less than least for either side. */
static int
share(int all, int percent, int least)
{
	int n = (all * percent + 50) / 100;

	if (n > all - least)
		n = all - least;
	return n < least ? least : n;
}

void
layout_draw_panes(struct screen *s, struct canvas *c, struct rect r)
{
	struct rect a = r, b = r;

	s->wide = r.cols >= WIDE_COLS;
	s->alone = s->zoom ||
	    (!s->wide &&
		(c->rows < STACKED_ROWS || r.cols < STACKED_COLS ||
		    r.rows < 2 * LEAST_ROWS));
	if (s->alone) {
		draw_pane(s, c, r, s->focus, true);
		return;
	}
	if (s->wide) {
		a.cols = share(r.cols, layout_split_now(s), LEAST_COLS);
		b.col += a.cols + 1;
		b.cols -= a.cols + 1;
		for (int row = 1; row < r.rows && !s->spare; row++)
			canvas_text(c, r, row, a.cols, LOOK_RULE, "│");
	} else {
		a.rows = share(r.rows, layout_split_now(s), LEAST_ROWS);
		b.row += a.rows;
		b.rows -= a.rows;
	}
	draw_pane(s, c, a, FOCUS_CHAT, false);
	draw_pane(s, c, b, FOCUS_TOOLS, false);
	if (s->wide && !s->spare)
		canvas_text(c, r, 0, a.cols, LOOK_RULE, "┬");
}

/* --- the border --- */

int
layout_split_now(const struct screen *s)
{
	return s->split > 0 ? s->split : s->wide ? WIDE_SPLIT : STACKED_SPLIT;
}

void
layout_split_to(struct screen *s, int percent)
{
	s->split = percent < LAYOUT_SPLIT_MIN ? LAYOUT_SPLIT_MIN
	    : percent > LAYOUT_SPLIT_MAX      ? LAYOUT_SPLIT_MAX
					      : percent;
}

void
layout_split(struct screen *s, int points)
{
	s->zoom = false;
	layout_split_to(s, layout_split_now(s) + points);
}

void
layout_split_reset(struct screen *s)
{
	s->split = 0;
}
