/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * init.h: the duties of a process that is PID 1 of a container.
 *
 *   PID 1 --fork--> the engine
 *     |  TERM INT HUP QUIT USR1 go on to it
 *     |  whatever dies in the container is reaped
 *     +- exits as the engine did (128 + n for signal n), and the kernel ends the rest
 *
 * The engine itself must not be PID 1: it would have to reap children that are not its
 * own, and signals without a handler would not reach it.
 */
#ifndef INIT_H
#define INIT_H

#include <stdbool.h>

#include "base/err.h"

bool init_is_needed(void);

/*
 * Returns -1 in the child, which then becomes the engine; in PID 1 only after its end,
 * with the code to exit with.
 */
int init_fork(void);

#endif
