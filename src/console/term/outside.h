/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outside.h: a while without curses: the operator's pager, or a plain print.
 *
 *   curses --page--> pager --it ends--> curses
 *     |                \--none starts--\
 *     \----print-----------------------> print --Enter--> curses
 *
 * The loop goes on in the while: facts are taken, nothing is drawn.  The pager has the
 * terminal as a job has it, with the modes from before us: we read no key, and a stop
 * (Ctrl-Z) stops both.
 */
#ifndef CONSOLE_OUTSIDE_H
#define CONSOLE_OUTSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#include "console/term/tty.h"

struct outside;

/* The screen is ours again; words: for the operator, or NULL. */
typedef void outside_back_fn(void *arg, const char *words);

/*
 * pager: the setting, words between blanks; "" is $PAGER, else less, else more.
 * Borrows tty.
 */
struct outside *outside_new(uv_loop_t *loop, struct tty *tty, const char *pager,
    outside_back_fn *back, void *arg);
void outside_free(struct outside *o); /* ends the pager, takes the terminal back */

enum outside_state { OUTSIDE_NOT, OUTSIDE_PAGER, OUTSIDE_PRINT };
enum outside_state outside_state(const struct outside *o);

/* Copies text.  Only while OUTSIDE_NOT. */
void outside_page(struct outside *o, const char *text, size_t len);
/* Short text alone; what does not fit on the screen goes to the pager. */
void outside_print(struct outside *o, const char *text, size_t len);

/* Another program of ours that has the terminal (argv[0]: a path). Only while
 * OUTSIDE_NOT. */
void outside_run(struct outside *o, char **argv);

/* While OUTSIDE_PRINT: what was typed. */
void outside_typed(struct outside *o, const char *data, size_t len);

#endif
