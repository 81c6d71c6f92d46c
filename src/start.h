/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * start.h: a connection to the engine, which is started where none runs.
 *
 * The engine is a program of its own in libexecdir, so that a console or a
 * one-shot verb does not pay for loading the libraries of the hosts.
 */
#ifndef START_H
#define START_H

#include <stdbool.h>

#include "base/err.h"
#include "base/options.h"

enum start_mode {
	START_NEVER,	  /* only a running engine */
	START_BACKGROUND, /* it outlives us */
	START_ONE_SHOT	  /* it leaves when its work is done and nobody is attached */
};

#define START_WAIT_MS 10000 /* for a new engine to listen */

/* Path of the operators' socket; new string. */
char *start_socket_path(const struct options *o);

/* Connected descriptor, or -1: ERR_UNREACHABLE (none runs, or it did not come
 * up: the words are the engine's own), ERR_DENIED (not ours). */
int start_connect(const struct options *o, enum start_mode mode, int verbose,
    struct err *err) MUST_CHECK;

/* Becomes a program of libexecdir, "console" or "engine"; returns only when that fails.
 */
int start_become(
    const struct options *o, const char *program, char *const argv[], struct err *err);

#endif
