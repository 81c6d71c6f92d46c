/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mutations.h: the mutating verbs of an incident whose end is not in its journal,
 * oldest first, and the host's names of those whose end is.
 */
#ifndef ENGINE_MUTATIONS_H
#define ENGINE_MUTATIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/power/outcome.h"
#include "wire/json.h"

#define MUTATIONS_MAX 64       /* the oldest is dropped then */
#define MUTATIONS_ENDED_MAX 32 /* names; the oldest is forgotten then */

struct mutations {
	struct mutation open[MUTATIONS_MAX];
	size_t count;
	char ended[MUTATIONS_ENDED_MAX][HOSTJOB_ID_MAX];
	size_t ended_count; /* ever */
};

struct mutation *mutations_add(struct mutations *ms, const char *id);
void mutations_remove(struct mutations *ms, struct mutation *m);

/* A run at the host whose end is known here; NULL and "" are none. */
void mutations_note_ended(struct mutations *ms, const char *host_run);
bool mutations_has_ended(const struct mutations *ms, const char *host_run);

/* For one that has no name yet: whatever has one is another verb's.  arg: mutations. */
bool mutations_is_others(const char *host_run, void *arg);

/* A record of a journal that is continued, in order. */
void mutations_found(struct mutations *ms, const struct js *record);

#endif
