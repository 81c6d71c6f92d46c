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
	enum outside_state outside = outside_state(c->outside);

	if (outside == OUTSIDE_PAGER)
		return; /* it went on, too, and has the terminal */
	if (c->shell.on || outside == OUTSIDE_PRINT)
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

	if (console_is_away(c))
		return; /* it was meant for who has the terminal */
	action_run(&c->ctx, ACTION_CANCEL, "");
	console_paint(c);
}

/*
 * SIGTSTP is ours, to leave the terminal first; from here it is the kernel's again.
 * Where nobody could wake us up (kubectl exec: no shell with jobs above us) it does
 * nothing, as SIGSTOP would not.
 */
void
console_stop_job(bool all)
{
	struct sigaction stop = {.sa_handler = SIG_DFL}, ours;

	sigaction(SIGTSTP, &stop, &ours);
	if (all)
		kill(0, SIGTSTP);
	else
		raise(SIGTSTP);
	sigaction(SIGTSTP, &ours, NULL);
}

static void
on_tstp(uv_signal_t *sig, int signum)
{
	struct console *c = sig->data;

	if (outside_state(c->outside) == OUTSIDE_PAGER)
		console_stop_job(false); /* it gives the terminal back by itself */
	if (console_is_away(c))
		return; /* a shell has the terminal: Ctrl-Z is a byte for it */
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
