/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console_paint.c: when a picture is made, and what keeps it from being made.
 *
 * The first picture has the words alone; the lines between the panes are a quarter
 * of its bytes, and come right behind it.
 *
 * A key is painted at once.  Facts are painted at once after 16 ms of quiet, else
 * in frames; while they stream, frames come out of a budget of bytes a second, and
 * when that is used up a key repaints the prompt alone.  No frame is made while
 * the terminal still has not taken the one before: a slow line sees fewer frames,
 * never old ones.
 */
#include "base/clock.h"
#include "console/console_int.h"
#include "console/prompt/prompt.h"

#define FIRST_MS 40 /* the first picture waits so long for an engine that answers */
#define RULES_MS 30 /* behind it: the lines, and what the attach has changed */
#define TICK_IDLE_MS 19000  /* ages grow in steps of 20 s; a byte goes out in each */
#define KEEP_ALIVE_MS 20000 /* so long no line is silent */
#define LIST_MS 40	    /* the palette's list waits so long behind a typed key */
#define TICK_BUSY_MS 1000   /* elapsed seconds of what runs */
#define STALL_MS 20000	    /* a terminal that takes nothing for so long is lost */

static void on_frame(uv_timer_t *timer);

static void
on_stall(uv_timer_t *timer)
{
	struct console *c = timer->data;

	console_lost(c);
}

void
console_flush(struct console *c)
{
	size_t before = tty_waiting(c->tty);
	long left = tty_flush(c->tty);
	bool was = c->writing;

	if (left < 0) {
		console_lost(c);
		return;
	}
	c->writing = left > 0;
	shell_flushed(&c->shell);
	if (c->writing && (!was || (size_t)left < before))
		uv_timer_start(&c->stall, on_stall, STALL_MS, 0);
	else if (!c->writing && was)
		uv_timer_stop(&c->stall);
	if (c->writing != was)
		console_watch(c);
}

static void
look(struct console *c)
{
	struct screen *s = &c->screen;

	s->now = clock_mono_ms();
	s->line = prompt_text();
	s->cursor = prompt_cursor();
	s->prompt = prompt_label();
	s->shell_asked = c->shell.asked_ms;
	source_look(c->source, s);
	pace_refill(&c->pace, c->canvas.cols * c->canvas.rows, s->now);
}

static void
send_frame(struct console *c)
{
	size_t bytes = tty_draw(c->tty, &c->canvas);

	pace_spend(&c->pace, bytes);
	if (bytes > 0)
		c->sent_ms = clock_mono_ms();
	console_flush(c);
}

/* What lies between us and the terminal ends a line that is silent for a minute. */
static void
keep_alive(struct console *c, int tick_ms)
{
	if (c->writing || console_is_away(c) ||
	    clock_mono_ms() + tick_ms - c->sent_ms < KEEP_ALIVE_MS)
		return;
	tty_keep_alive(c->tty);
	c->sent_ms = clock_mono_ms();
	console_flush(c);
}

void
console_paint(struct console *c)
{
	look(c);
	if (c->writing || console_is_away(c)) {
		c->dirty = c->key_waits = true;
		return;
	}
	c->key_waits = false;
	c->screen.spare = !c->shown;
	layout_draw(&c->screen, &c->canvas);
	if (gaps_look(&c->gaps)) {
		layout_draw(&c->screen, &c->canvas);
		gaps_look(&c->gaps);
	}
	c->dirty = c->screen.spare;
	c->shown = true;
	c->pace.painted = c->screen.now;
	send_frame(c);
	if (c->dirty)
		console_arm_first(c, RULES_MS);
}

/* Is what a key changes beside the prompt painted with the next frame? */
static bool
key_is_alone(const struct console *c)
{
	const struct screen *s = &c->screen;

	if (console_is_away(c) || s->browse.on || s->confirm.open || s->ask.open ||
	    s->page != PAGE_NONE)
		return false;
	return s->palette.later || (c->dirty && c->pace.budget <= 0);
}

/* The whole picture, or the prompt alone: what is typed never waits for a list. */
void
console_paint_key(struct console *c)
{
	look(c);
	if (!key_is_alone(c)) {
		console_paint(c);
		return;
	}
	if (c->screen.palette.later && !c->dirty)
		uv_timer_start(&c->frame, on_frame, LIST_MS, 0);
	else if (c->screen.palette.later)
		console_arm(c);
	c->dirty = c->dirty || c->screen.palette.later;
	c->key_waits = c->writing;
	if (c->writing)
		return;
	layout_draw_prompt(&c->screen, &c->canvas);
	send_frame(c);
}

void
console_arm(struct console *c)
{
	c->screen.now = clock_mono_ms();
	pace_refill(&c->pace, c->canvas.cols * c->canvas.rows, c->screen.now);
	if (!uv_is_active((uv_handle_t *)&c->frame))
		uv_timer_start(
		    &c->frame, on_frame, (uint64_t)pace_wait(&c->pace, c->screen.now), 0);
}

/* A turn is over: its last words are waited for, and no flood stands behind them. */
void
console_hurry(struct console *c)
{
	pace_full(&c->pace);
	uv_timer_stop(&c->frame);
	console_arm(c);
}

static void
on_frame(uv_timer_t *timer)
{
	struct console *c = timer->data;

	if (!c->dirty || c->writing || console_is_away(c))
		return;
	look(c);
	if (c->pace.budget <= 0)
		console_arm(c);
	else
		console_paint(c);
}

static void
on_tick(uv_timer_t *timer)
{
	struct console *c = timer->data;

	int ms = layout_is_ticking(&c->screen) ? TICK_BUSY_MS : TICK_IDLE_MS;

	keep_alive(c, ms);
	console_shell_tick(c);
	c->dirty = true;
	console_arm(c);
	uv_timer_start(timer, on_tick, (uint64_t)ms, 0);
}

void
console_ticking(struct console *c)
{
	uv_timer_start(&c->tick, on_tick, TICK_BUSY_MS, 0);
}

void
console_arm_first(struct console *c, int ms)
{
	uv_timer_start(&c->frame, on_frame, (uint64_t)ms, 0);
}

static void
watch_timer(struct console *c, uv_timer_t *timer)
{
	uv_timer_init(&c->loop, timer);
	timer->data = c;
}

/* One picture with what the engine knows, rather than two. */
void
console_paint_start(struct console *c)
{
	pace_start(&c->pace, clock_mono_ms());
	watch_timer(c, &c->frame);
	watch_timer(c, &c->tick);
	watch_timer(c, &c->stall);
	uv_timer_start(&c->tick, on_tick, TICK_IDLE_MS, 0);
	c->dirty = true;
	console_arm_first(c, FIRST_MS);
}
