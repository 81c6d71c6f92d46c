/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linear.h: the console without a screen: for screen readers, dumb terminals,
 * and where input or output is no terminal.
 *
 * Lines come out as things happen and are never changed afterwards; lines go in.
 * The same model, the same commands, the same sanitiser.
 */
#ifndef CONSOLE_LINEAR_H
#define CONSOLE_LINEAR_H

#include <stdbool.h>

#include "console/console.h"

/* Does the environment ask for it?  ACCESSIBLE=1, as other programs read it. */
bool linear_is_wanted(void);

/* why: the sentence that says why there is no screen, "" when it was asked for. */
int linear_main(const struct console_opts *opts, const char *why);

/* A journal's file, with times; speed as for a player.  Exit code: 0, 1. */
int linear_replay(const char *path, int speed);

#endif
