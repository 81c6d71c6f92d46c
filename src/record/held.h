/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * held.h: the incident that the engine holds, where no file of it is ours to read.
 *
 * On a machine with one engine for all operators its journals are another uid's.  What
 * the engine holds it sends to whoever it lets in; of what it has closed only that uid
 * can tell, and the words say how it is asked.
 */
#ifndef RECORD_HELD_H
#define RECORD_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "record/ask.h"

#define HELD_MAX ((int64_t)512 * 1024 * 1024) /* bytes that an engine sends */

/* The last incident, or one by the beginning of its id: that which the engine holds? */
bool held_is_meant(const struct ask *a, const char *what);

/* What is looked for in files: the engine's incident is the last one, else as said. */
const char *held_name(const struct ask *a, const char *what);

/*
 * All its records, in memory; a says what the engine said with them.  A descriptor, which
 * a program that we become has, too.
 */
int held_fetch(const struct options *o, struct ask *a, struct err *err) MUST_CHECK;

/* The path by which we read such a descriptor; returns out. */
const char *held_path(int fd, char out[64]);

/* The engine of this machine is another uid's, as far as its directory tells. */
bool held_elsewhere(const struct options *o, uid_t *owner);

/* Adds to words about what was not found how that uid would look for it. */
void held_hint(const struct options *o, const char *command, struct err *err);

/*
 * As journal_find; where the engine is another uid's, what that one holds is fetched: a
 * path of ours for as long as we run, and a->there.  Else a->there is false.  New string,
 * or NULL: the words end as held_hint has it.
 */
char *held_find(const struct options *o, const char *what, const char *command,
    struct ask *a, struct err *err) MUST_CHECK;

#endif
