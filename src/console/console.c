/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop.  Three things wake it: keys (here), facts (here), and the timers of
 * console_paint.c and of an Esc.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "console/again.h"
#include "console/console_int.h"
#include "console/linear/linear.h"
#include "console/prompt/prompt.h"
#include "console/action/run_text.h"
#include "wire/messages.h"

#define GREETED_MS                                                                 \
	4 /* the first picture waits so long for all that an engine tells, once it \
	     speaks */
#define SHELL_DEAF_MS \
	250 /* after a shell: answers that its programs asked the terminal for */
#define DENIED_EXIT 77
#define TAIL 500 /* records that an attach is told */
#define READ_MAX 4096

void
console_stop(struct console *c, int code)
{
	c->code = code;
	uv_stop(&c->loop);
}

void
console_lost(struct console *c)
{
	c->lost = true;
	console_stop(c, 1);
}

/* --- facts --- */

/* A run that went by too fast has ended: its last lines are what matters. */
static void
fetch_end(struct console *c, const struct js *fact)
{
	static const char *const streams[] = {"out", "err"};
	const struct tail_run *r = js_str(fact, "id")
	    ? tail_by_id(&c->screen.model.tools, js_str(fact, "id"))
	    : NULL;
	struct err err;

	for (int s = 0; r && s < TAIL_STREAMS && c->screen.model.incident.caught_up;
	     s++) {
		struct js *m;

		if (r->next[s] >= r->total[s])
			continue;
		m = message_new("fetch");
		js_set_str(m, "id", r->id);
		js_set_str(m, "stream", streams[s]);
		js_set_int(m, "from", r->next[s]);
		js_set_int(m, "to", r->total[s]);
		if (r->seq > 0)
			js_set_int(m, "after", r->seq);
		if (source_send(c->source, m, &err) < 0)
			LOG("console", "fetch: %s", err.words);
	}
}

void
console_back(struct console *c)
{
	c->dirty = true;
	pace_full(&c->pace);
	c->shell_left = clock_mono_ms();
	console_watch(c);
	console_flush(c);
	console_paint(c);
	console_clip(c); /* what had to wait for the terminal */
}

static void
after_shell(struct console *c)
{
	if (c->shell.why[0])
		model_local(&c->screen.model, TONE_PLAIN, c->shell.why);
	console_back(c);
}

void
console_shell_tick(struct console *c)
{
	if (shell_late(&c->shell))
		after_shell(c);
}

/* What was asked for by a part of the screen is no news for the model. */
static bool
answers(struct console *c, const struct js *fact)
{
	if (run_text_fact(&c->ctx, fact))
		console_clip(c);
	else if (!gaps_fact(&c->gaps, fact))
		return false;
	c->dirty = true;
	console_arm(c);
	return true;
}

/* Nothing else will come before there is a password. */
static void
show_gate(struct console *c)
{
	c->dirty = c->greeted = true;
	if (!c->shown)
		console_arm_first(c, 0);
	else
		console_arm(c);
}

static void
on_fact(void *arg, const struct js *fact)
{
	struct console *c = arg;
	bool ticking = layout_is_ticking(&c->screen);
	bool past = history_fact(&c->history, fact),
	     far = history_is_far(&c->history, fact);
	unsigned what = past || answers(c, fact)
	    ? 0
	    : model_apply(&c->screen.model, fact, clock_mono_ms());

	if (shell_fact(&c->shell, fact))
		after_shell(c);
	else if (c->shell.on)
		console_flush(c);
	if (past && js_is(fact, "t", "history")) {
		what = MODEL_ALL;
		console_browse(c);
	}
	if (far || (what & MODEL_RESET)) {
		if (shell_lost(&c->shell))
			after_shell(c);
		gaps_lost(&c->gaps);
		run_text_lost(&c->ctx);
		screen_reset(&c->screen);
		history_reset(&c->history);
		source_restart(c->source);
		return;
	}
	source_since(c->source, c->screen.model.incident.last);
	if (js_is(fact, "t", "welcome")) {
		c->screen.reader = js_bool(fact, "read_only", false);
		c->screen.read_only = c->wants_read || c->screen.reader;
	}
	action_gate_fact(&c->ctx, fact);
	if (js_is(fact, "t", "gate"))
		show_gate(c);
	if (!what)
		return;
	c->screen.now = clock_mono_ms();
	action_people_news(&c->ctx);
	if (js_is(fact, "t", "tool_end"))
		fetch_end(c, fact);
	if (js_is(fact, "t", "caught_up"))
		history_look(&c->history);
	c->dirty = true;
	if (!c->shown && (c->screen.model.incident.caught_up || !c->greeted))
		console_arm_first(c, c->screen.model.incident.caught_up ? 0 : GREETED_MS);
	c->greeted = true;
	console_arm(c);
	if (c->shown && js_is(fact, "t", "result"))
		console_hurry(c);
	if (!ticking && layout_is_ticking(&c->screen))
		console_ticking(c);
}

static void
on_state(void *arg, enum link_state state, const char *words)
{
	struct console *c = arg;

	if (state == LINK_UP)
		model_attach(&c->screen.model);
	c->screen.link_up = state == LINK_UP;
	history_lost(&c->history);
	gaps_lost(&c->gaps);
	run_text_lost(&c->ctx);
	if (state != LINK_GATE && state != LINK_UP)
		gate_box_close(&c->screen.gate);
	c->denied = state == LINK_DENIED;
	if (state == LINK_OTHER || state == LINK_DENIED)
		console_stop(c, state == LINK_OTHER ? AGAIN_EXIT : DENIED_EXIT);
	if (shell_lost(&c->shell))
		after_shell(c);
	snprintf(c->screen.link_words, sizeof c->screen.link_words, "%s", words);
	c->dirty = true;
	console_arm(c);
}

/* --- a replay --- */

static void
on_clear(void *arg, bool all)
{
	struct console *c = arg;
	enum tools_fold fold = c->screen.tools.fold;

	if (all)
		screen_reset(&c->screen);
	else
		model_forget(&c->screen.model);
	c->screen.tools.fold = fold;
}

static void
on_jump(void *arg, bool in_output)
{
	struct console *c = arg;

	if (in_output)
		c->screen.focus = FOCUS_TOOLS;
	scroll_to_end(&c->screen.chat.scroll);
	scroll_to_end(&c->screen.tools.scroll);
}

static void
on_time(void *arg)
{
	struct console *c = arg;

	c->dirty = true;
	console_arm(c);
}

static void
on_play(void *arg, enum play play, const char *text)
{
	struct console *c = arg;

	source_play(c->source, play, text);
	c->dirty = true;
	pace_full(&c->pace);
}

/* --- keys --- */

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct console *c = arg;

	return source_send(c->source, request, err);
}

static int
on_unlock(void *arg, const char *name, const char *password, size_t len, struct err *err)
{
	struct console *c = arg;

	return source_unlock(c->source, name, password, len, err);
}

static void
on_prompt_line(const char *line, void *arg)
{
	struct console *c = arg;

	action_line(&c->ctx, line);
}

static void
on_key(const struct input *in, void *arg)
{
	struct console *c = arg;

	if (source_link(c->source))
		link_active(source_link(c->source));
	typing_key(&c->typing, in);
}

static void
open_shell(struct console *c)
{
	struct err err = {0};
	char text[600];

	c->ctx.shell = false;
	c->screen.page = PAGE_NONE;
	if (shell_start(&c->shell, &err) == 0) {
		console_ticking(c);
		return;
	}
	snprintf(text, sizeof text, "No shell: %s.", err.words);
	model_local(&c->screen.model, TONE_BAD, text);
}

void
console_suspend(struct console *c)
{
	c->ctx.suspend = false;
	tty_leave(c->tty);
	console_stop_job(true);
	tty_enter(c->tty);
}

static void
after_keys(struct console *c)
{
	if (c->ctx.opened) { /* here, and what the kernel still has */
		input_flush(&c->input);
		tcflush(tty_fd(c->tty), TCIFLUSH);
	}
	c->ctx.opened = false;
	if (c->ctx.redraw)
		tty_forget(c->tty);
	c->ctx.redraw = false;
	if (c->ctx.quit) {
		console_stop(c, 0);
		return;
	}
	console_browse(c);
	history_asked(&c->history, &c->ctx);
	if (c->ctx.suspend)
		console_suspend(c);
	if (c->ctx.shell)
		open_shell(c);
	console_clip(c);
	console_paint_key(c);
}

static void on_esc(uv_timer_t *timer);

/* The loop's clock may be a little behind: it may take a second look. */
static void
arm_esc(struct console *c)
{
	int wait = input_wait_ms(&c->input, clock_mono_ms());

	if (wait >= 0)
		uv_timer_start(&c->esc, on_esc, (uint64_t)wait + 1, 0);
	else
		uv_timer_stop(&c->esc);
}

static void
on_esc(uv_timer_t *timer)
{
	struct console *c = timer->data;

	input_timeout(&c->input, clock_mono_ms());
	after_keys(c);
	arm_esc(c);
}

static void
read_keys(struct console *c)
{
	char bytes[READ_MAX];
	ssize_t n = read(tty_fd(c->tty), bytes, sizeof bytes);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		console_lost(c);
		return;
	}
	if (c->shell.on || c->shell.asked_ms) {
		if (shell_typed(&c->shell, bytes, (size_t)n))
			after_shell(c);
		return;
	}
	if (outside_state(c->outside) == OUTSIDE_PRINT) {
		outside_typed(c->outside, bytes, (size_t)n);
		return;
	}
	if (c->shell_left && clock_mono_ms() - c->shell_left < SHELL_DEAF_MS)
		return; /* else they would be text in the prompt */
	input_feed(&c->input, bytes, (size_t)n, clock_mono_ms());
	after_keys(c);
	arm_esc(c);
}

static void
on_terminal(uv_poll_t *poll, int status, int events)
{
	struct console *c = poll->data;

	if (status < 0) {
		console_lost(c);
		return;
	}
	if (events & UV_WRITABLE) {
		console_flush(c);
		if (!c->writing && c->key_waits)
			console_paint_key(c);
		if (!c->writing && c->dirty)
			console_arm(c);
	}
	if (events & UV_READABLE)
		read_keys(c);
}

void
console_watch(struct console *c)
{
	/* A pager's keys are the pager's. */
	int events = outside_state(c->outside) == OUTSIDE_PAGER ? 0 : UV_READABLE;

	events |= c->writing ? UV_WRITABLE : 0;
	if (events)
		uv_poll_start(&c->poll, events, on_terminal);
	else
		uv_poll_stop(&c->poll);
}

/* --- start and end --- */

static struct source *
make_source(struct console *c, const struct console_opts *opts, struct err *err)
{
	struct source_opts so = {.cols = c->canvas.cols,
	    .rows = c->canvas.rows,
	    .tail = TAIL,
	    .on_fact = on_fact,
	    .on_state = on_state,
	    .on_clear = on_clear,
	    .on_jump = on_jump,
	    .on_time = on_time,
	    .arg = c};

	return source_new(&c->loop, opts, &so, err);
}

static int
start(struct console *c, const struct console_opts *opts, struct err *err)
{
	int cols, rows, rc;

	uv_loop_init(&c->loop);
	tty_size(c->tty, &cols, &rows);
	canvas_init(&c->canvas, cols, rows);
	screen_init(&c->screen);
	c->screen.read_only = c->wants_read = opts->read_only;
	c->screen.replay.on = opts->replay != NULL;
	c->screen.few_keys = tty_few_keys(c->tty);
	c->ctx = (struct action_context){.screen = &c->screen,
	    .send = on_send,
	    .unlock = on_unlock,
	    .play = on_play,
	    .arg = c};
	c->typing = (struct typing){.screen = &c->screen, .ctx = &c->ctx, .vi = opts->vi};
	history_init(&c->history, &c->screen, on_send, c);
	gaps_init(&c->gaps, &c->screen, on_send, c);
	input_init(&c->input, on_key, c);
	prompt_start(opts->vi, opts->replay ? NULL : opts->history, on_prompt_line, c);
	uv_timer_init(&c->loop, &c->esc);
	c->esc.data = c;
	console_signals(c);
	rc = uv_poll_init(&c->loop, &c->poll, tty_fd(c->tty));
	if (rc < 0)
		return err_set(err, ERR_SYSTEM, "terminal: %s", uv_strerror(rc));
	c->poll.data = c;
	console_outside_start(c, opts);
	console_watch(c);
	c->source = make_source(c, opts, err);
	if (!c->source)
		return -1;
	c->shell.tty = c->tty;
	c->shell.link = source_link(c->source);
	console_browse_start(c);
	console_paint_start(c);
	return 0;
}

static void
close_one(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void
finish(struct console *c)
{
	source_free(c->source);
	console_outside_end(c);
	uv_walk(&c->loop, close_one, NULL);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	prompt_stop();
	input_fini(&c->input);
	canvas_fini(&c->canvas);
	history_fini(&c->history);
	gaps_fini(&c->gaps);
	screen_fini(&c->screen);
}

static int
line_by_line(const struct console_opts *opts, const char *why)
{
	if (opts->replay)
		return linear_replay(opts->replay, opts->speed < 0 ? 0 : opts->speed);
	return linear_main(opts, why);
}

int
console_main(const struct console_opts *opts)
{
	struct console *c;
	struct err err = {0};
	int code;

	if (opts->linear || linear_is_wanted())
		return line_by_line(opts, "");
	c = mem_alloc(sizeof *c);
	c->tty = tty_open(&err);
	if (!c->tty) {
		free(c);
		return line_by_line(opts, err.words);
	}
	if (start(c, opts, &err) == 0)
		uv_run(&c->loop, UV_RUN_DEFAULT);
	else
		c->code = 1;
	finish(c);
	tty_close(c->tty, c->lost);
	if (err.words[0])
		fprintf(stderr, "breakglass: %s\n", err.words);
	else if (c->denied)
		link_say_denied(c->screen.link_words);
	else if (c->code == 0 && !opts->replay)
		printf("Detached. The engine goes on; \"breakglass\" brings you back.\n");
	code = c->code == AGAIN_EXIT ? again(opts->argv, c->screen.link_words) : c->code;
	free(c);
	return code;
}
