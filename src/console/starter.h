/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * starter.h: an engine is gone: this console has another one started, in the background.
 *
 * "PROGRAM engine --ensure" does it, and does nothing where an engine listens: several
 * consoles may wish for one at the same time.  At most three times in a minute.
 */
#ifndef CONSOLE_STARTER_H
#define CONSOLE_STARTER_H

#include <stdbool.h>
#include <uv.h>

#define STARTER_TRIES 3
#define STARTER_SPAN_MS 60000
#define STARTER_WAIT_MS 20000 /* a start that takes longer is ended */

struct starter;

/* It has ended; why is NULL when an engine listens now.  Lent. */
typedef void starter_done_fn(void *arg, const char *why);

/* program: breakglass, copied. */
struct starter *starter_new(
    uv_loop_t *loop, const char *program, starter_done_fn *done, void *arg);

/* No callback comes after this; freed by the loop later. NULL is fine. */
void starter_free(struct starter *s);

/* False: not now, it was tried too often; else done comes once, later. */
bool starter_start(struct starter *s);

bool starter_is_busy(const struct starter *s);

#endif
