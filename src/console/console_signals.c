/* SPDX-License-Identifier: GPL-3.0-or-later */
/* console_signals.c: size, suspend, interrupt and end of a console. */
#include <signal.h>

#include "console/console_int.h"

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
	console_paint(c);
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
	console_paint(c);
}

static void
on_end(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	c->lost = signum == SIGHUP;
	console_stop(c, 128 + signum);
}

static void
on_int(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	action_run(&c->ctx, ACTION_CANCEL, "");
	console_paint(c);
}

static void
on_tstp(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	if (c->shell.on)
		return; /* the shell has the terminal: Ctrl-Z is a byte for it */
	console_suspend(c);
	console_paint(c);
}

static void
watch_signal(struct console *c, uv_signal_t *sig, int signum, uv_signal_cb cb)
{
	uv_signal_init(&c->loop, sig);
	sig->data = c;
	uv_signal_start(sig, cb, signum);
}

void
console_signals(struct console *c)
{
	watch_signal(c, &c->sigwinch, SIGWINCH, on_winch);
	watch_signal(c, &c->sigterm, SIGTERM, on_end);
	watch_signal(c, &c->sighup, SIGHUP, on_end);
	watch_signal(c, &c->sigint, SIGINT, on_int);
	watch_signal(c, &c->sigtstp, SIGTSTP, on_tstp);
	watch_signal(c, &c->sigcont, SIGCONT, on_cont);
	signal(SIGPIPE, SIG_IGN);
}
