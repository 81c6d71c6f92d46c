/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * progress.h: what takes longer than a second, in words that count by themselves.
 *
 * One fact says when something began, what it is usually and when it is given up; from
 * there the clock of the screen counts.  Nothing here turns or blinks: what changes is
 * a number, and a word when it is late.
 */
#ifndef CONSOLE_PROGRESS_H
#define CONSOLE_PROGRESS_H

#include "console/draw/lines.h"
#include "model/model.h"

/* Is this item of the chat the one that the verb in hand stands in now? */
bool progress_is_of(const struct model *m, const struct item *it);

/*
 * Where the verb in hand is: "forensics ✓ 3 s · stop 12 s (usually 8 s, killed at 20 s)
 * · start · boot · ssh", and below it how long all of it takes, and what is late.
 */
void progress_strip(struct lines *l, const struct vm *vm, int64_t now);

/* The same for the status line; "" when no verb is in hand.  tight: the stage alone. */
char *progress_verb(const struct vm *vm, int64_t now, bool tight, char *out, size_t size);

/* A stage that takes clearly longer than usual, as a sentence; "" it does not. */
char *progress_late(const struct vm *vm, int64_t now, char *out, size_t size);

/* What the model is waited for, and until when; "" it is not. */
char *progress_agent(const struct vm *vm, int64_t now, char *out, size_t size);

/* Takes the last part off such words; false: there is no less. */
bool progress_shorter(char *text);

/* What a link that connects waits for, "greeting 4 s"; "" it does not connect. */
char *progress_link(const struct vm_link *l, int64_t now, char *out, size_t size);

/* A shell that is asked for on the devvm, since then. */
char *progress_shell(int64_t asked, int64_t now, char *out, size_t size);

/* Do any of these words change by themselves each second? */
bool progress_ticks(const struct model *m, int64_t now);

#endif
