/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console_int.h: what console.c, console_paint.c and console_signals.c share, and
 * nobody else.
 */
#ifndef CONSOLE_CONSOLE_INT_H
#define CONSOLE_CONSOLE_INT_H

#include <uv.h>

#include "console/action/action.h"
#include "console/term/clip.h"
#include "console/console.h"
#include "console/action/gaps.h"
#include "console/history.h"
#include "console/term/input.h"
#include "console/view/layout.h"
#include "console/term/outside.h"
#include "console/term/pace.h"
#include "console/term/shell.h"
#include "console/source.h"
#include "console/term/tty.h"
#include "console/prompt/typing.h"

struct console {
	uv_loop_t loop;
	uv_poll_t poll;
	uv_timer_t frame, tick, esc, stall;
	uv_idle_t search;
	uv_signal_t sigwinch, sigterm, sighup, sigint, sigtstp, sigcont;
	struct tty *tty;
	struct source *source;
	struct screen screen;
	struct canvas canvas;
	struct input_reader input;
	struct action_context ctx;
	struct shell shell;
	struct pace pace;
	struct typing typing;
	struct history history;
	struct clip clip;
	char *clip_dir;
	char *program; /* breakglass, or NULL */
	struct outside *outside;
	struct feed *tmux; /* it is being told of a copy */
	int tmux_old;	   /* it does not know all that we ask of it */
	struct gaps gaps;
	int64_t shell_left;
	int64_t sent_ms; /* when the terminal was last sent something */
	bool key_waits;	 /* a key came while the terminal was taking a frame */
	bool greeted;	 /* the engine has said something */
	bool shown;	 /* there was a first picture */
	bool dirty;	 /* facts that are not painted yet */
	bool writing;	 /* the terminal has not taken all */
	bool lost;	 /* the terminal is gone */
	bool denied;	 /* the engine does not let us in */
	bool wants_read; /* by its own wish */
	int code;
};

/* console.c */
void console_stop(struct console *c, int code);
void console_lost(struct console *c); /* the terminal is gone */
void console_suspend(struct console *c);
void console_watch(struct console *c); /* the terminal: for keys, and for room */

void console_back(struct console *c); /* the screen is ours again */

/* console_outside.c */
void console_clip(struct console *c); /* after a key: what was copied or is viewed */
void console_outside_start(struct console *c, const struct console_opts *opts);
void console_outside_end(struct console *c);
bool console_is_away(const struct console *c); /* somebody else has the terminal */

/* console_paint.c */
/* A shell that is asked for may be given up by now. */
void console_shell_tick(struct console *c);

void console_paint(struct console *c); /* everything, as soon as the terminal takes it */
void console_paint_key(struct console *c); /* after a key */
void console_flush(struct console *c);
void console_hurry(struct console *c);
void console_arm(struct console *c);		   /* what is dirty is painted in time */
void console_arm_first(struct console *c, int ms); /* the first picture */
void console_ticking(struct console *c); /* elapsed seconds are shown from now on */
void console_paint_start(struct console *c);

/* console_browse.c */
void console_browse_start(struct console *c);
void console_browse(struct console *c); /* after keys: a search may go on, or miss */

/* console_signals.c; stops this process, or with all of its job */
void console_stop_job(bool all);
void console_signals(struct console *c);

#endif
