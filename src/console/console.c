/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop.  Three things wake it: keys, facts, and the few timers below.
 *
 * A key is painted at once.  Facts are painted at once after 16 ms of quiet, else
 * in frames; while they stream, frames come out of a budget of bytes a second, and
 * when that is used up a key repaints the prompt alone.  No frame is made while
 * the terminal still has not taken the one before: a slow line sees fewer frames,
 * never old ones.
 */
#include "console/console.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "console/action.h"
#include "console/input.h"
#include "console/layout.h"
#include "console/linear.h"
#include "console/link.h"
#include "console/pace.h"
#include "console/prompt.h"
#include "console/shell.h"
#include "console/tty.h"
#include "console/typing.h"
#include "console/view_prompt.h"
#include "wire/messages.h"

#define FIRST_MS 40  /* the first picture waits so long for an engine that answers */
#define GREETED_MS 4 /* and so long for all of what it tells, once it has begun */
#define TICK_IDLE_MS 20000 /* ages grow in steps of 20 s */
#define TICK_BUSY_MS 1000  /* elapsed seconds of what runs */
#define STALL_MS 25000	   /* a terminal that takes nothing for so long is lost */
#define SHELL_DEAF_MS \
	250	  /* after a shell: answers that its programs asked the terminal for */
#define TAIL 2000 /* records that an attach is told */
#define READ_MAX 4096

struct console {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t frame, tick, esc, stall;
	uv_signal_t sigwinch, sigterm, sighup, sigint, sigtstp, sigcont;
	struct tty *tty;
	struct link *link;
	struct screen screen;
	struct canvas canvas;
	struct input_reader input;
	struct action_context ctx;
	struct shell shell;
	struct pace pace;
	struct typing typing;
	int64_t shell_left;
	bool key_waits; /* a key came while the terminal was taking a frame */
	bool greeted;	/* the engine has said something */
	bool shown;	/* there was a first picture */
	bool dirty;	/* facts that are not painted yet */
	bool writing;	/* the terminal has not taken all */
	bool lost;	/* the terminal is gone */
	int code;
};

static void paint(struct console *c);
static void on_frame(uv_timer_t *timer);

static void
stop(struct console *c, int code)
{
	c->code = code;
	uv_stop(&c->loop);
}

/* --- painting --- */

static void watch(struct console *c);

static void
on_stall(uv_timer_t *timer)
{
	struct console *c = timer->data;

	c->lost = true;
	stop(c, 1);
}

static void
flush(struct console *c)
{
	long left = tty_flush(c->tty);
	bool was = c->writing;

	if (left < 0) {
		c->lost = true;
		stop(c, 1);
		return;
	}
	c->writing = left > 0;
	shell_flushed(&c->shell);
	if (c->writing && !was)
		uv_timer_start(&c->stall, on_stall, STALL_MS, 0);
	else if (!c->writing && was)
		uv_timer_stop(&c->stall);
	if (c->writing != was)
		watch(c);
}

static void
look(struct console *c)
{
	struct screen *s = &c->screen;

	s->now = clock_mono_ms();
	s->line = prompt_text();
	s->cursor = prompt_cursor();
	s->prompt = prompt_label();
	s->hint = prompt_matches();
	pace_refill(&c->pace, c->canvas.cols * c->canvas.rows, s->now);
}

static void
send_frame(struct console *c)
{
	pace_spend(&c->pace, tty_draw(c->tty, &c->canvas));
	flush(c);
}

static void
paint(struct console *c)
{
	look(c);
	if (c->writing || c->shell.on) {
		c->dirty = c->key_waits = true;
		return;
	}
	c->key_waits = false;
	layout_draw(&c->screen, &c->canvas);
	c->shown = true;
	c->dirty = false;
	c->pace.painted = c->screen.now;
	send_frame(c);
}

/* After a key: the whole picture, or while the budget is used up the prompt alone. */
static void
paint_key(struct console *c)
{
	look(c);
	if (c->shell.on || c->pace.budget > 0 || !c->dirty || c->screen.confirm.open ||
	    c->screen.ask.open || c->screen.page != PAGE_NONE) {
		paint(c);
		return;
	}
	c->key_waits = c->writing;
	if (c->writing)
		return;
	layout_draw_prompt(&c->screen, &c->canvas);
	send_frame(c);
}

static void
arm_frame(struct console *c)
{
	c->screen.now = clock_mono_ms();
	pace_refill(&c->pace, c->canvas.cols * c->canvas.rows, c->screen.now);
	if (!uv_is_active((uv_handle_t *)&c->frame))
		uv_timer_start(
		    &c->frame, on_frame, (uint64_t)pace_wait(&c->pace, c->screen.now), 0);
}

static void
on_frame(uv_timer_t *timer)
{
	struct console *c = timer->data;

	if (!c->dirty || c->writing || c->shell.on)
		return;
	look(c);
	if (c->pace.budget <= 0)
		arm_frame(c);
	else
		paint(c);
}

static void
on_tick(uv_timer_t *timer)
{
	struct console *c = timer->data;

	c->dirty = true;
	arm_frame(c);
	uv_timer_start(timer, on_tick,
	    layout_is_ticking(&c->screen) ? TICK_BUSY_MS : TICK_IDLE_MS, 0);
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
		if (link_send(c->link, m, &err) < 0)
			LOG("console", "fetch: %s", err.words);
	}
}

static void
after_shell(struct console *c)
{
	c->dirty = true;
	if (c->shell.why[0])
		model_local(&c->screen.model, TONE_PLAIN, c->shell.why);
	pace_full(&c->pace);
	c->shell_left = clock_mono_ms();
	flush(c);
	paint(c);
}

static void
on_fact(void *arg, const struct js *fact)
{
	struct console *c = arg;
	bool ticking = layout_is_ticking(&c->screen);
	unsigned what = model_apply(&c->screen.model, fact, clock_mono_ms());

	if (c->shell.on && shell_fact(&c->shell, fact))
		after_shell(c);
	else if (c->shell.on)
		flush(c);
	if (what & MODEL_RESET) {
		if (shell_lost(&c->shell))
			after_shell(c);
		screen_reset(&c->screen);
		link_since(c->link, 0);
		link_restart(c->link);
		return;
	}
	link_since(c->link, c->screen.model.incident.last);
	if (!what)
		return;
	if (js_is(fact, "t", "tool_end"))
		fetch_end(c, fact);
	c->dirty = true;
	if (!c->shown && (c->screen.model.incident.caught_up || !c->greeted))
		uv_timer_start(&c->frame, on_frame,
		    c->screen.model.incident.caught_up ? 0 : GREETED_MS, 0);
	c->greeted = true;
	arm_frame(c);
	if (!ticking && layout_is_ticking(&c->screen))
		uv_timer_start(&c->tick, on_tick, TICK_BUSY_MS, 0);
}

static void
on_state(void *arg, enum link_state state, const char *words)
{
	struct console *c = arg;

	if (state == LINK_UP)
		model_attach(&c->screen.model);
	c->screen.link_up = state == LINK_UP;
	if (shell_lost(&c->shell))
		after_shell(c);
	snprintf(c->screen.link_words, sizeof c->screen.link_words, "%s", words);
	c->dirty = true;
	arm_frame(c);
}

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct console *c = arg;

	return link_send(c->link, request, err);
}

/* --- keys --- */

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
		flush(c);
		return;
	}
	snprintf(text, sizeof text, "No shell: %s.", err.words);
	model_local(&c->screen.model, TONE_BAD, text);
}

static void
suspend(struct console *c)
{
	c->ctx.suspend = false;
	tty_leave(c->tty);
	raise(SIGSTOP); /* SIGTSTP is ours, to leave the terminal first */
	tty_enter(c->tty);
}

static void
after_keys(struct console *c)
{
	if (c->ctx.opened)
		input_flush(&c->input);
	c->ctx.opened = false;
	if (c->ctx.redraw)
		tty_forget(c->tty);
	c->ctx.redraw = false;
	if (c->ctx.quit) {
		stop(c, 0);
		return;
	}
	if (c->ctx.suspend)
		suspend(c);
	if (c->ctx.shell)
		open_shell(c);
	paint_key(c);
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
		c->lost = true;
		stop(c, 1);
		return;
	}
	if (c->shell.on) {
		if (shell_typed(&c->shell, bytes, (size_t)n))
			after_shell(c);
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
		c->lost = true;
		stop(c, 1);
		return;
	}
	if (events & UV_WRITABLE) {
		flush(c);
		if (!c->writing && c->key_waits)
			paint_key(c);
		if (!c->writing && c->dirty)
			arm_frame(c);
	}
	if (events & UV_READABLE)
		read_keys(c);
}

static void
watch(struct console *c)
{
	uv_poll_start(
	    &c->poll, UV_READABLE | (c->writing ? UV_WRITABLE : 0), on_terminal);
}

/* --- signals --- */

static void
on_winch(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;
	int cols, rows;

	tty_size(c->tty, &cols, &rows);
	if (c->shell.on)
		shell_resized(&c->shell);
	if (cols == c->canvas.cols && rows == c->canvas.rows)
		return;
	canvas_fini(&c->canvas);
	canvas_init(&c->canvas, cols, rows);
	tty_forget(c->tty);
	paint(c);
}

static void
on_cont(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	if (c->shell.on)
		tty_hand_over(c->tty);
	else
		tty_enter(c->tty);
	on_winch(sig, signum);
	paint(c);
}

static void
on_end(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	c->lost = signum == SIGHUP;
	stop(c, 128 + signum);
}

static void
on_int(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	action_run(&c->ctx, ACTION_CANCEL, "");
	paint(c);
}

static void
on_tstp(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	if (c->shell.on)
		return; /* the shell has the terminal: Ctrl-Z is a byte for it */
	suspend(c);
	paint(c);
}

/* --- start and end --- */

static void
watch_signal(struct console *c, uv_signal_t *sig, int signum, uv_signal_cb cb)
{
	uv_signal_init(&c->loop, sig);
	sig->data = c;
	uv_signal_start(sig, cb, signum);
}

static void
watch_timer(struct console *c, uv_timer_t *timer)
{
	uv_timer_init(&c->loop, timer);
	timer->data = c;
}

static struct link *
make_link(struct console *c, const struct console_opts *opts)
{
	struct link_opts lo = {.socket_path = opts->socket_path,
	    .name = opts->name,
	    .role = "console",
	    .tty = ttyname(STDIN_FILENO),
	    .cols = c->canvas.cols,
	    .rows = c->canvas.rows,
	    .read_only = opts->read_only,
	    .tail = TAIL,
	    .on_fact = on_fact,
	    .on_state = on_state,
	    .arg = c};

	return link_new(&c->loop, &lo);
}

static int
start(struct console *c, const struct console_opts *opts, struct err *err)
{
	int cols, rows, rc;

	uv_loop_init(&c->loop);
	tty_size(c->tty, &cols, &rows);
	canvas_init(&c->canvas, cols, rows);
	screen_init(&c->screen);
	c->screen.read_only = opts->read_only;
	c->screen.few_keys = tty_few_keys(c->tty);
	c->ctx = (struct action_context){.screen = &c->screen, .send = on_send, .arg = c};
	c->typing = (struct typing){.screen = &c->screen, .ctx = &c->ctx, .vi = opts->vi};
	pace_start(&c->pace, clock_mono_ms());
	input_init(&c->input, on_key, c);
	prompt_start(opts->vi, on_prompt_line, c);
	watch_timer(c, &c->frame);
	watch_timer(c, &c->tick);
	watch_timer(c, &c->esc);
	watch_timer(c, &c->stall);
	watch_signal(c, &c->sigwinch, SIGWINCH, on_winch);
	watch_signal(c, &c->sigterm, SIGTERM, on_end);
	watch_signal(c, &c->sighup, SIGHUP, on_end);
	watch_signal(c, &c->sigint, SIGINT, on_int);
	watch_signal(c, &c->sigtstp, SIGTSTP, on_tstp);
	watch_signal(c, &c->sigcont, SIGCONT, on_cont);
	signal(SIGPIPE, SIG_IGN);
	rc = uv_poll_init(&c->loop, &c->poll, tty_fd(c->tty));
	if (rc < 0)
		return err_set(err, ERR_SYSTEM, "terminal: %s", uv_strerror(rc));
	c->poll.data = c;
	watch(c);
	c->link = make_link(c, opts);
	c->shell.tty = c->tty;
	c->shell.link = c->link;
	uv_timer_start(&c->tick, on_tick, TICK_IDLE_MS, 0);
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
	link_free(c->link);
	uv_walk(&c->loop, close_one, NULL);
	uv_run(&c->loop, UV_RUN_DEFAULT);
	uv_loop_close(&c->loop);
	prompt_stop();
	input_fini(&c->input);
	canvas_fini(&c->canvas);
	screen_fini(&c->screen);
}

int
console_main(const struct console_opts *opts)
{
	struct console *c;
	struct err err = {0};
	int code;

	if (opts->linear)
		return linear_main(opts, "");
	c = mem_alloc(sizeof *c);
	c->tty = tty_open(&err);
	if (!c->tty) {
		free(c);
		return linear_main(opts, err.words);
	}
	if (start(c, opts, &err) == 0) {
		/* One picture with what the engine knows, rather than two. */
		c->dirty = true;
		uv_timer_start(&c->frame, on_frame, FIRST_MS, 0);
		uv_run(&c->loop, UV_RUN_DEFAULT);
	} else {
		c->code = 1;
	}
	finish(c);
	tty_close(c->tty, c->lost);
	if (err.words[0])
		fprintf(stderr, "breakglass: %s\n", err.words);
	else if (c->code == 0)
		printf("Detached. The engine goes on; \"breakglass\" brings you back.\n");
	code = c->code;
	free(c);
	return code;
}
