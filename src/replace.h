/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replace.h: another engine in the place of the one that runs, for an upgrade.
 *
 *   who runs?  --> what has it in hand? --> SIGTERM --> its lock is free --> a new one
 *   (the socket's    (asked as a command,   (a verb at the host goes on by itself, the
 *    peer)            in its own version)    incident in the next engine)
 *
 * The new one runs as the old one did: in the background where that did; a supervisor's
 * is started by the supervisor; one in a terminal becomes this process.
 */
#ifndef REPLACE_H
#define REPLACE_H

#include <stdbool.h>

#include "base/options.h"

enum replace_next { REPLACE_DONE, REPLACE_BE_ENGINE };

struct replace_opts {
	const struct options *options;
	bool now;	 /* whatever is in hand */
	bool background; /* the new one, whatever the old one was */
	int verbose;
};

/* The exit code; next says whether this process is to become the engine instead. */
int replace_engine(const struct replace_opts *r, enum replace_next *next);

#endif
