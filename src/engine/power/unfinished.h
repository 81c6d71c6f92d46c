/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unfinished.h: mutating verbs whose end nobody here has seen.
 *
 *   confirmed, and no end in the journal    (an engine that was killed)
 *   unknown                                 (a connection that was lost)
 *   the host's own job or last run, not ours  (somebody else, or no journal)
 *          |
 *          v   each status of the host
 *   state "unfinished": what happened, what is true now, the one next key
 *          |
 *          v   once the host says how it ended
 *   verb fact "finished" (or "refused": it never ran; or "unknown" for good)
 *
 * While one runs at the host the slot is held for it and the host is asked every
 * 2 s.  Nothing is ever sent again by itself.
 */
#ifndef ENGINE_UNFINISHED_H
#define ENGINE_UNFINISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/power/power.h"
#include "engine/power/vmfacts.h"

struct unfinished;

struct unfinished_config {
	struct incident *incident;
	/* It runs at the host (since mono_ms), or does not any more (verb NULL). */
	void (*hold)(const char *by, const char *verb, int64_t since_ms, void *arg);
	/* Ask every 2 s from now on, or no longer. */
	void (*follow)(bool on, void *arg);
	/* It has ended by this verb and the VM should run: prove it. */
	void (*prove)(const char *verb, void *arg);
	/* A mutating verb of our own holds the slot. */
	bool (*is_busy)(void *arg);
	void *arg;
};

struct unfinished *unfinished_new(const struct unfinished_config *cfg);
void unfinished_free(struct unfinished *u);

/* Records of an incident that is continued, then their end. */
void unfinished_found(struct unfinished *u, const struct js *record);
void unfinished_found_end(struct unfinished *u);

/* A mutating verb of this engine has ended, as power says. */
void unfinished_after(
    struct unfinished *u, const struct power_what *what, enum power_end how, int exit);

void unfinished_status(struct unfinished *u, const struct vmfacts *vm);
void unfinished_silent(struct unfinished *u); /* the host does not answer now */

/* Something is still to be learnt, and soon: no time to leave. */
bool unfinished_is_open(const struct unfinished *u);

#endif
