/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/layout.h"

#include <string.h>

#include "console/view/layout_int.h"
#include "console/action/run_text.h"
#include "console/view/progress.h"
#include "console/view/view_banner.h"
#include "console/view/view_detail.h"
#include "console/view/tour.h"
#include "console/view/view_help.h"
#include "console/view/view_keys.h"
#include "console/view/view_palette.h"
#include "console/view/view_prompt.h"
#include "console/view/view_replay.h"
#include "console/view/view_screen.h"
#include "console/view/view_status.h"
#include "console/view/view_who.h"

void
screen_init(struct screen *s)
{
	memset(s, 0, sizeof *s);
	model_init(&s->model);
	palette_init(&s->palette);
}

void
screen_fini(struct screen *s)
{
	view_chat_fini(&s->chat);
	view_tools_fini(&s->tools);
	run_text_free(s->run_text);
	s->run_text = NULL;
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

static int
banner_rows(int rows)
{
	return rows >= 22 ? 4 : rows >= 12 ? 2 : 1;
}

/* So many rows as the picture has for it: a longer prompt scrolls until the next one. */
static struct rect
prompt_rect(const struct screen *s, const struct canvas *c)
{
	int rows = s->prompt_rows > 0 ? s->prompt_rows : 1;

	return (struct rect){c->rows - rows - (c->rows >= KEYS_ROWS), 0, rows, c->cols};
}

static void
draw_prompt(const struct screen *s, struct canvas *c)
{
	char text[96];

	if (s->shell_asked)
		canvas_text(c, prompt_rect(s, c), 0, 0, LOOK_BUSY,
		    progress_shell(s->shell_asked, s->now, text, sizeof text));
	else if (s->browse.on)
		browse_draw_row(s, c, prompt_rect(s, c));
	else if (s->replay.on && !(s->line && s->line[0]))
		view_replay_bar(s, c, prompt_rect(s, c));
	else
		view_prompt_draw(s, c, prompt_rect(s, c));
}

void
layout_draw_prompt(const struct screen *s, struct canvas *c)
{
	canvas_fill(c, prompt_rect(s, c), 0);
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
	r.rows = view_status_rows(c->cols, c->rows);
	view_status_draw(s, c, r);
	return r.row + r.rows;
}

/* What lies over the panes; the row of browse mode stays below it. */
static void
draw_page(struct screen *s, struct canvas *c, struct rect r)
{
	r.rows -= s->browse.on;
	if (s->page == PAGE_HELP && s->replay.on)
		view_replay_help(c, r, &s->page_at);
	else if (s->page == PAGE_HELP)
		view_help_draw(s, c, r);
	else if (s->page == PAGE_TOUR)
		tour_draw_page(s, c, r);
	else if (s->page == PAGE_VERDICT)
		view_detail_draw(
		    c, r, &s->model, model_now(&s->model, s->now), &s->page_at);
	else if (s->page == PAGE_SCREEN)
		view_screen_draw(
		    c, r, &s->model.screen, model_now(&s->model, s->now), &s->page_at);
	else if (s->page == PAGE_WHO)
		view_who_draw(c, r, &s->model.incident, &s->page_at);
	else if (s->page == PAGE_BANNERS)
		view_banner_page(s, c, r);
	if (!s->browse.on || s->page == PAGE_NONE)
		return;
	browse_draw_page(s, c);
	draw_prompt(s, c); /* its cursor was hidden */
}

void
layout_draw(struct screen *s, struct canvas *c)
{
	struct rect all = canvas_rect(c), mid = all;
	int keys = all.rows >= KEYS_ROWS, top;

	canvas_clear(c);
	s->prompt_rows = view_prompt_rows(s, all.cols, view_prompt_max(all.rows));
	s->palette.room = view_palette_fits(all.rows);
	s->palette.later = false;
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
	mid.rows = all.rows - mid.row - s->prompt_rows - keys;
	if (mid.rows > 0)
		layout_draw_panes(s, c, mid);
	view_palette_draw(
	    s, c, (struct rect){1, 0, all.rows - 1 - s->prompt_rows - keys, all.cols});
	draw_prompt(s, c);
	mid = (struct rect){all.rows - 1, 0, 1, all.cols};
	if (keys && s->replay.on)
		view_replay_keys(c, mid);
	else if (keys)
		view_keys_draw(s, c, mid);
	mid = (struct rect){1, 0, all.rows - 1 - keys, all.cols};
	draw_page(s, c, mid);
	ask_box_news(&s->ask, &s->model.asks);
	if (s->ask.open)
		view_ask_draw(&s->ask, c, mid, &s->model, model_now(&s->model, s->now));
	if (s->confirm.open)
		view_confirm_draw(
		    &s->confirm, c, mid, &s->model, model_now(&s->model, s->now));
	if (s->gate.open)
		view_gate_draw(&s->gate, c, mid);
}
