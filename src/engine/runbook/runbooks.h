/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbooks.h: the two folders, the shipped one and the operator's.
 *
 * Read in the thread pool, since a folder may be on a disk that hangs: then what was
 * read last stays, and the state fact "runbooks" says so.  A file of the operator
 * with the name of a shipped one takes its place; a broken one is refused, and then
 * the shipped one is there, with a word about it.
 */
#ifndef ENGINE_RUNBOOKS_H
#define ENGINE_RUNBOOKS_H

#include <uv.h>

#include "engine/runbook/runbook_folder.h"

#define RUNBOOKS_READ_MS 500 /* a folder that has not answered by then is left out */

struct incident;
struct runbooks;

struct runbooks_config {
	uv_loop_t *loop;
	struct incident *incident; /* gets the state fact "runbooks", when it changed */
	const char *shipped;	   /* folder; copied */
	const char *own;	   /* the operator's, or "" */
	/* After each reading that changed something; NULL: not wanted. */
	void (*changed)(void *arg);
	void *arg;
};

struct runbooks *runbooks_new(const struct runbooks_config *cfg);
void runbooks_free(struct runbooks *rs); /* no callback comes after it */

/* Reads both folders; fn comes once, from the loop, at most RUNBOOKS_READ_MS later. */
typedef void runbooks_fn(void *arg);
void runbooks_read(struct runbooks *rs, runbooks_fn *fn, void *arg);
void runbooks_forget(struct runbooks *rs, void *arg); /* fn does not come for this arg */

/* Of the last reading; lent until the next one ends: runbook_ref keeps it. */
struct runbook *runbooks_find(
    const struct runbooks *rs, const char *name, struct err *err);
/* Why a file of that name was refused, or NULL. */
const char *runbooks_bad(const struct runbooks *rs, const char *name);
bool runbooks_is_preset(const char *name); /* it has a slash command of its own */
size_t runbooks_count(const struct runbooks *rs);
struct runbook *runbooks_at(const struct runbooks *rs, size_t i); /* the presets first */

#endif
