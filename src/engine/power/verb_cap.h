/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verb_cap.h: the agent's mutating verbs of the last hour.
 *
 * By the wall clock, because those of an earlier engine come from the journal.  A clock
 * that was set back makes an hour longer, never shorter.
 */
#ifndef ENGINE_VERB_CAP_H
#define ENGINE_VERB_CAP_H

#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

#define VERB_CAP_MAX 256 /* the oldest is forgotten then */
#define VERB_CAP_MS ((int64_t)3600 * 1000)

struct verb_cap {
	int64_t at[VERB_CAP_MAX]; /* wall clock */
	size_t count;		  /* ever */
};

void verb_cap_add(struct verb_cap *c, int64_t wall_ms);

/* A record of an incident that is continued. */
void verb_cap_found(struct verb_cap *c, const struct js *record);

int verb_cap_used(const struct verb_cap *c, int64_t wall_ms);

/* How long until one of them is older than an hour; 0: there is none. */
int64_t verb_cap_next_ms(const struct verb_cap *c, int64_t wall_ms);

#endif
