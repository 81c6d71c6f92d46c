/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shell.h: a shell on the devvm that has the whole terminal, as a job has it.
 *
 * There is no terminal emulator here: what the devvm says goes to the terminal as
 * it is, what is typed goes to the devvm.  One key is ours, Ctrl-], and it works
 * whatever the devvm and the engine do.  Who owns the loop tells what has come;
 * this says when it is over.
 *
 *   off --start--> asking --granted--> on --exit, Ctrl-], lost--> off
 *                    |
 *                    +--refused, given up by a key or after SHELL_ASK_MS--> off
 *
 * The terminal is handed over when the devvm has granted a shell, not before: one
 * that does not answer is waited for on the screen, which counts and says so.
 */
#ifndef CONSOLE_SHELL_H
#define CONSOLE_SHELL_H

#include <stdbool.h>

#include "base/err.h"
#include "console/link.h"
#include "console/term/tty.h"

#define SHELL_WAITING_HIGH 65536 /* bytes for the terminal: read the engine no more */
#define SHELL_WAITING_LOW 16384
#define SHELL_ASK_MS 15000 /* a devvm that starts none in that time is given up */

struct shell {
	bool on;	  /* it has the terminal */
	int64_t asked_ms; /* asking since then; 0: not */
	struct tty *tty;  /* borrowed, as is link */
	struct link *link;
	int count; /* shells so far: each has a req of its own */
	char req[24];
	char why[320]; /* once it is over: a sentence for the operator */
};

/* Asks for one; -1: it could not be asked for, with words. */
int shell_start(struct shell *s, struct err *err) MUST_CHECK;

/* Each returns true when the shell is over by that: the terminal has been taken back. */
bool shell_typed(struct shell *s, const char *data, size_t len);
bool shell_fact(struct shell *s, const struct js *fact);
bool shell_lost(struct shell *s); /* the engine */
bool shell_late(struct shell *s); /* time has passed: it may be given up by that */

void shell_flushed(struct shell *s); /* the terminal took something */
void shell_resized(struct shell *s);

#endif
