/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/layout.h"

#include <stdio.h>
#include <string.h>

#include "console/view_banner.h"
#include "console/view_detail.h"
#include "console/view_help.h"
#include "console/view_keys.h"
#include "console/view_prompt.h"
#include "console/view_replay.h"
#include "console/view_status.h"
#include "console/view_who.h"

#define WIDE_COLS 120	/* from here the panes stand side by side */
#define STACKED_ROWS 18 /* from here two panes fit above each other */
#define KEYS_ROWS 8	/* from here there is a key bar, and pane titles */

void
screen_init(struct screen *s)
{
	memset(s, 0, sizeof *s);
	model_init(&s->model);
}

void
screen_fini(struct screen *s)
{
	view_chat_fini(&s->chat);
	view_tools_fini(&s->tools);
	view_page_fini(&s->page_at);
	model_fini(&s->model);
}

void
screen_reset(struct screen *s)
{
	screen_fini(s);
	memset(&s->chat, 0, sizeof s->chat);
	memset(&s->tools, 0, sizeof s->tools);
	model_init(&s->model);
}

/* --- panes --- */

static void
draw_title(
    const struct screen *s, struct canvas *c, struct rect r, enum focus which, bool alone)
{
	bool focused = s->focus == which;
	uint32_t look = focused ? LOOK_STRONG : LOOK_QUIET;
	uint32_t rule = s->replay.on ? LOOK_REPLAY_LINE : LOOK_QUIET;
	const struct scroll *scroll =
	    which == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll;
	int col;

	for (int x = 0; x < r.cols; x++)
		canvas_text(c, r, 0, x, rule, "─");
	col = canvas_text(c, r, 0, 1, look, focused ? "▸" : " ");
	col = canvas_text(c, r, 0, col, look, which == FOCUS_CHAT ? "chat " : "tools ");
	if (s->replay.on)
		col = canvas_text(c, r, 0, col, LOOK_REPLAY_LINE, "REPLAY ");
	if (alone)
		canvas_printf(c, r, 0, col, LOOK_QUIET, "(Tab: %s) ",
		    which == FOCUS_CHAT ? "tools" : "chat");
	if (s->older[0] && focused && scroll->away && r.cols > 66)
		canvas_printf(c, r, 0, r.cols - 22 - (int)strlen(s->older), LOOK_QUIET,
		    " %s ", s->older);
	if (scroll->below > 0 && r.cols > 34)
		canvas_printf(c, r, 0, r.cols - 19, LOOK_BUSY, " %3d%s new below ",
		    scroll->below, scroll->below >= SCROLL_BELOW_MAX ? "+" : "");
	else if (which == FOCUS_CHAT && s->link_up && !s->model.incident.caught_up &&
	    r.cols > 34)
		canvas_text(c, r, 0, r.cols - 15, LOOK_BUSY, " catching up ");
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
	if (which == FOCUS_CHAT)
		view_chat_draw(&s->chat, c, in, &s->model, model_now(&s->model, s->now));
	else
		view_tools_draw(
		    &s->tools, c, in, &s->model, model_now(&s->model, s->now));
	browse_draw(s, c, in, which);
	if (c->rows >= KEYS_ROWS)
		draw_title(s, c, (struct rect){r.row, r.col, 1, r.cols}, which, alone);
}

static void
draw_panes(struct screen *s, struct canvas *c, struct rect r)
{
	struct rect a = r, b = r;

	if (s->zoom || (r.cols < WIDE_COLS && c->rows < STACKED_ROWS)) {
		draw_pane(s, c, r, s->focus, true);
		return;
	}
	if (r.cols >= WIDE_COLS) {
		a.cols = r.cols / 2;
		b.col += a.cols + 1;
		b.cols -= a.cols + 1;
		for (int row = 0; row < r.rows; row++)
			canvas_text(c, r, row, a.cols, LOOK_QUIET, row == 0 ? "┬" : "│");
	} else {
		a.rows = (r.rows * 11 + 10) / 20;
		b.row += a.rows;
		b.rows -= a.rows;
	}
	draw_pane(s, c, a, FOCUS_CHAT, false);
	draw_pane(s, c, b, FOCUS_TOOLS, false);
}

static int
banner_rows(int rows)
{
	return rows >= 22 ? 4 : rows >= 12 ? 2 : 1;
}

static struct rect
prompt_rect(const struct canvas *c)
{
	return (struct rect){c->rows - 1 - (c->rows >= KEYS_ROWS), 0, 1, c->cols};
}

static void
draw_prompt(const struct screen *s, struct canvas *c)
{
	if (s->browse.on)
		browse_draw_row(s, c, prompt_rect(c));
	else if (s->replay.on && !(s->line && s->line[0]))
		view_replay_bar(s, c, prompt_rect(c));
	else
		view_prompt_draw(s, c, prompt_rect(c));
}

void
layout_draw_prompt(const struct screen *s, struct canvas *c)
{
	canvas_fill(c, prompt_rect(c), 0);
	draw_prompt(s, c);
}

/* The lines above the banners; returns how many. */
static int
draw_head(const struct screen *s, struct canvas *c)
{
	struct rect r = {0, 0, 1, c->cols};

	if (s->replay.on) {
		view_replay_head(&s->replay, c, r);
		r.row++;
	}
	view_status_draw(s, c, r);
	return r.row + 1;
}

void
layout_draw(struct screen *s, struct canvas *c)
{
	struct rect all = canvas_rect(c), mid = all;
	int keys = all.rows >= KEYS_ROWS, top;

	canvas_clear(c);
	if (all.rows < 3) {
		draw_prompt(s, c);
		if (s->replay.on)
			view_replay_head(&s->replay, c, (struct rect){0, 0, 1, all.cols});
		return;
	}
	top = draw_head(s, c);
	mid.row = top +
	    view_banner_draw(
		s, c, (struct rect){top, 0, banner_rows(all.rows), all.cols});
	mid.rows = all.rows - mid.row - 1 - keys;
	if (mid.rows > 0)
		draw_panes(s, c, mid);
	draw_prompt(s, c);
	mid = (struct rect){all.rows - 1, 0, 1, all.cols};
	if (keys && s->replay.on)
		view_replay_keys(c, mid);
	else if (keys)
		view_keys_draw(s, c, mid);
	mid = (struct rect){1, 0, all.rows - 1 - keys, all.cols};
	if (s->page == PAGE_HELP && s->replay.on)
		view_replay_help(c, mid, &s->page_at);
	else if (s->page == PAGE_HELP)
		view_help_draw(c, mid, &s->page_at);
	else if (s->page == PAGE_VERDICT)
		view_detail_draw(
		    c, mid, &s->model, model_now(&s->model, s->now), &s->page_at);
	else if (s->page == PAGE_WHO)
		view_who_draw(c, mid, &s->model.incident, &s->page_at);
	browse_draw_page(s, c);
	if (s->ask.open && !asks_by_id(&s->model.asks, s->ask.id))
		s->ask.open = false; /* somebody else answered, or its time is over */
	if (s->ask.open)
		view_ask_draw(&s->ask, c, mid, &s->model, model_now(&s->model, s->now));
	if (s->confirm.open)
		view_confirm_draw(
		    &s->confirm, c, mid, &s->model, model_now(&s->model, s->now));
}

/* --- scrolling --- */

int
layout_page(const struct screen *s)
{
	int rows = s->focus == FOCUS_CHAT ? s->chat.scroll.rows : s->tools.scroll.rows;

	return rows > 3 ? rows - 2 : 1;
}

void
layout_scroll(struct screen *s, int lines)
{
	if (s->page != PAGE_NONE)
		s->page_at.top += lines;
	else if (s->focus == FOCUS_CHAT)
		view_chat_scroll(&s->chat, &s->model, lines);
	else
		view_tools_scroll(&s->tools, &s->model, lines);
}

void
layout_to_end(struct screen *s)
{
	scroll_to_end(s->focus == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll);
}

void
layout_to_start(struct screen *s)
{
	scroll_to_start(s->focus == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll);
}

bool
layout_is_ticking(const struct screen *s)
{
	const struct tail *t = &s->model.tools;

	if (s->model.asks.count > 0 || s->model.vm.slot.holder[0] ||
	    proof_is_climbing(&s->model.vm.proof))
		return true;
	for (size_t i = 0; i < t->count; i++)
		if (!t->runs[i]->ended)
			return true;
	return false;
}
