/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * links.h: what a connection's state means to an operator, as a state fact.
 *
 * Each try is told, so that a screen shows life; only what an operator would call
 * a change is recorded: not that a host which is down was tried again and still is.
 */
#ifndef ENGINE_LINKS_H
#define ENGINE_LINKS_H

#include <stdbool.h>

#include "engine/record/incident.h"
#include "engine/remote/remote.h"

/* What was recorded last of one host. */
struct links_told {
	const char *state; /* NULL: nothing yet */
	enum hostkey_state key;
	char why[256];
};

/* Tells the link's state; told NULL: nothing changed, ages are told anew. */
void links_tell(struct incident *i, struct links_told *told, const struct remote *r,
    const char *host);

/*
 * A disk that refuses the learnt host keys is an error fact, once for each reason;
 * said keeps the last one.
 */
void links_tell_hostkeys(struct incident *i, const struct hostkeys *keys, char said[256]);

#endif
