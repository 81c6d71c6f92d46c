/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * older.h: what came before, put in front of a model that has the end.
 *
 *   older records --> a model of their own --+-- what the younger one could not place
 *                                            v
 *                                  in front of the younger one
 *
 * A window of an incident begins anywhere: with the output of a run whose beginning
 * is older, with the last stage of a verb.  Such a thing is shown as a stub, and its
 * facts are kept (orphans, bounded).  When older records come they are folded into a
 * model that begins with them, the orphans after them, and the thing that comes out
 * takes the stub's place: it is as if all had been told in order.
 */
#ifndef MODEL_OLDER_H
#define MODEL_OLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/json.h"

#define ORPHANS_MAX 2000
#define ORPHANS_BYTES_MAX (1024 * 1024) /* of output in them */

struct model;

struct orphans {
	struct js **fact; /* oldest first */
	size_t count, size, bytes;
};

void orphans_fini(struct orphans *o);

/* A fact was folded in: keeps it when what it is about is a stub. */
void model_keep_orphan(struct model *m, const struct js *fact);

/*
 * Puts all of older, whose facts are those right before m's, in front; older is
 * empty after it (and still to be fini'd).  Serials of what m has stay, but for the
 * youngest lines of a stub all lines of a run get new places.
 */
void model_prepend(struct model *m, struct model *older);

/* Is there room for more in front?  False for good once something had to go. */
bool model_has_room(const struct model *m, bool tools);

#endif
