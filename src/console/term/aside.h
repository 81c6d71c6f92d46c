/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * aside.h: work on files in a child: it may hang with their disk, we do not
 *
 * A disk that does not answer holds whoever asks it, and no signal ends that.  So a
 * child asks, with nothing of ours open but a pipe for its answer, and is waited for at
 * most as long as an operator takes for a moment.  What it does after that it does to
 * the end, or not at all; it is no child of ours any more, and holds no terminal.
 */
#ifndef CONSOLE_ASIDE_H
#define CONSOLE_ASIDE_H

#include "base/buf.h"

/* In the child: does it, and writes the answer to out.  Whatever it changes is lost. */
typedef void aside_fn(void *arg, int out);

enum aside_end { ASIDE_DONE, ASIDE_LATE, ASIDE_FAILED };

/* answer: all that was written until out was closed; its maximum bounds it. */
enum aside_end aside_run(aside_fn *fn, void *arg, int limit_ms, struct buf *answer);

#endif
