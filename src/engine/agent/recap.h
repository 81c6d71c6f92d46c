/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recap.h: what an incident has said so far, for a driver that was not there.
 *
 * The prompts, the last text of each turn and the notices, oldest first, at most
 * RECAP_MAX bytes: the oldest go.  It sees facts, live ones and those of a journal
 * that is continued alike.  Pure.
 */
#ifndef ENGINE_RECAP_H
#define ENGINE_RECAP_H

#include <stdbool.h>

#include "wire/json.h"

#define RECAP_MAX (32 * 1024)
#define RECAP_ENTRY_MAX (8 * 1024) /* of one of them; its middle is left out */

struct recap;

struct recap *recap_new(void);
void recap_free(struct recap *r); /* NULL is fine */

/* Another incident begins with nothing. */
void recap_see(struct recap *r, const struct js *fact);
void recap_notice(struct recap *r, const char *text);

/* Of the newest entry: what comes later has a larger one. */
unsigned recap_mark(const struct recap *r);

/*
 * What was said after since, without the prompt that was started last; a new string
 * for the caller to free.  NULL when there was neither prompt nor answer.
 */
char *recap_text(const struct recap *r, unsigned since);

#endif
