/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * descent.h: does who connected descend from the agent's host?
 *
 * What the agent runs may have the engine's own uid, and then nothing else tells it from
 * an operator.  agent-host takes in every orphan of what it started (subreaper), so a
 * process of the agent's stays below it, however it detaches itself.  What another
 * program of that uid starts at the agent's wish (a user's systemd, cron, a tmux that
 * was there before) does not: docs/operators.md says so.
 */
#ifndef ENGINE_DESCENT_H
#define ENGINE_DESCENT_H

#include <sys/types.h>

enum descent {
	DESCENT_NO,
	DESCENT_YES,
	DESCENT_UNKNOWN /* it ended, or its parents did not stand still: it may come again
			 */
};

/* fd: the connected socket; from: agent-host, 0: none runs.  Reads /proc, no disk. */
enum descent descent_of(int fd, pid_t from);

#endif
