/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tty.h: the terminal.  The one file that knows curses, and the one that writes.
 *
 * Curses computes the difference of two pictures and writes it into memory; from
 * there it goes to the terminal without ever blocking.  So a slow or frozen
 * terminal delays frames and nothing else, and every byte can be counted.
 *
 * However the process ends (return, signal, crash), the terminal is set back.
 */
#ifndef CONSOLE_TTY_H
#define CONSOLE_TTY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "console/draw/canvas.h"

struct tty;

/*
 * Takes the terminal over.  NULL with words: there is none, or it cannot move its
 * cursor; then linear mode is what works.  Sets LC_CTYPE to UTF-8 if it is not.
 */
struct tty *tty_open(struct err *err);

/* Sets LC_CTYPE to one that is UTF-8, whatever the environment says. */
void tty_utf8(void);

/* Sets the terminal back and frees t.  gone: it does not take bytes any more. */
void tty_close(struct tty *t, bool gone);

/* Forgets what was typed and has not been read. */
void tty_deaf(struct tty *t);

/* The name that it goes by here when that is not TERM's, or NULL. */
const char *tty_term(const struct tty *t);

int tty_fd(const struct tty *t); /* for polling and reading; not blocking */
void tty_size(const struct tty *t, int *cols, int *rows);

/* Is it doubtful that this terminal's F-keys arrive? */
bool tty_few_keys(const struct tty *t);

/* Makes c the picture; returns the bytes that this takes. Call only when none are
 * pending. */
size_t tty_draw(struct tty *t, const struct canvas *c);

/* All that is on the screen is unknown: the next tty_draw sends everything. */
void tty_forget(struct tty *t);

/* Writes what the terminal takes; returns what is left, -1: the terminal is gone. */
long tty_flush(struct tty *t);

/*
 * Hands the terminal to somebody else, raw: what he says goes to it by tty_pass as it
 * is (bounded by the caller: see tty_waiting).  Again after a stop: raw once more.
 */
void tty_hand_over(struct tty *t);
void tty_pass(struct tty *t, const char *data, size_t len);
size_t tty_waiting(const struct tty *t); /* bytes that the terminal has not taken */

/* Takes it back: what waited is dropped, every mode he may have left on is undone. */
void tty_take_back(struct tty *t);

/* Says again what holds already, so that the line is not idle. */
void tty_keep_alive(struct tty *t);

/* Gives the terminal back for a while (suspend), takes it again. */
void tty_leave(struct tty *t);
void tty_enter(struct tty *t);

#endif
