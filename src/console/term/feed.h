/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * feed.h: a program of the operator's that reads a text of ours.
 *
 * No shell is between: words are arguments.  The text is in memory that nobody else
 * can open, and is the program's standard input.  Its environment is ours, without
 * what makes a pager run other programs.
 */
#ifndef CONSOLE_FEED_H
#define CONSOLE_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct feed;

struct feed_opts {
	char **argv;	  /* argv[0] is looked up in PATH */
	const char *term; /* TERM for it, or NULL: as it is */
	const char *text; /* copied; NULL: its input is ours, the terminal */
	size_t len;
	bool screen;  /* it has the terminal; else what it says goes nowhere */
	int limit_ms; /* ended after so long; 0: it takes as long as it likes */
};

/* exit: its status, -1 when a signal ended it; ms: how long it ran. */
typedef void feed_done_fn(void *arg, int exit, int64_t ms);

/* NULL: it could not be started; then done is not called. */
struct feed *feed_start(
    uv_loop_t *loop, const struct feed_opts *opts, feed_done_fn *done, void *arg);

/* Ends it and waits for that, half a second at most; done is not called any more. */
void feed_cancel(struct feed *f);

#endif
