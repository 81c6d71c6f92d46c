/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * incident.h: which case this is, how far it was read, and who is here.
 *
 * The guard that makes "each fact exactly once" true on this side: a journaled
 * fact whose seq was seen is not applied again, whatever the engine resends.
 */
#ifndef MODEL_INCIDENT_H
#define MODEL_INCIDENT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/json.h"

#define INCIDENT_OPERATORS_MAX 64

struct operator_here {
	char name[33];
	char tty[33];
	char proof[192];
	char since[25], driving_since[25]; /* UTC; the second of the driver alone */
	bool driving, read_only;
};

struct incident {
	char id[65]; /* "" while none is open */
	bool open;
	bool caught_up;
	bool present; /* the present was told, what is replayed now is the past */
	int64_t last; /* seq of the last journaled fact that was applied */
	char you[33]; /* the name under which the engine knows us */
	char version[33];
	char started[25]; /* the engine, UTC */
	int operators;
	struct operator_here here[INCIDENT_OPERATORS_MAX];
	bool drove;	  /* we drive, or did until somebody else took over */
	char lost_to[33]; /* who took over from us, until we drive or watch; "" */
	char lost_at[25]; /* UTC */
};

/* May this fact be applied?  False: it was, already.  Counts it as applied. */
bool incident_take(struct incident *in, const struct js *fact);

/*
 * Each folds one fact in.  incident_welcome returns true when the engine speaks
 * of another incident than the one that was read so far: start over.
 */
bool incident_welcome(struct incident *in, const struct js *fact);
void incident_apply(struct incident *in, const struct js *fact);
void incident_here(struct incident *in, const struct js *fact);

/* Who drives, or NULL; we ourselves, or NULL (not told yet); lent. */
const struct operator_here *incident_driver(const struct incident *in);
const struct operator_here *incident_me(const struct incident *in);

/* Somebody else drives: what acts is refused to us. */
bool incident_is_watching(const struct incident *in);

/* Copies a string member as a clean one-line label; "" when it is missing. */
void incident_label(const struct js *obj, const char *key, char *out, size_t size);

#endif
