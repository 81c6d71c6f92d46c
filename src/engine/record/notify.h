/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notify.h: the operator's own command, told what should wake somebody up.
 *
 * It runs when an operator attaches or takes over ("attached", "driving"), when a
 * mutating verb was confirmed and when it ended ("confirmed", "finished", "unknown"),
 * and when the verdict has another word ("verdict"): the fact as a JSON line on its
 * standard input, BREAKGLASS_EVENT, BREAKGLASS_INCIDENT and BREAKGLASS_BY beside PATH
 * in its environment, nothing else.  One runs at a time, for at most NOTIFY_MS; what
 * it prints is thrown away.  That it fails is one error fact, until it works again.
 * Nothing waits for it: no verb, no fact, not the engine's end, which ends it.
 */
#ifndef ENGINE_NOTIFY_H
#define ENGINE_NOTIFY_H

#include <stdbool.h>
#include <uv.h>

#include "engine/record/incident.h"

#define NOTIFY_MS 10000
#define NOTIFY_WAIT 32 /* events that wait; further ones are lost */

struct notify;

/* command: a program and its arguments, by blanks, no shell; "": NULL is returned, which
 * the others take.  All strings are copied. */
struct notify *notify_new(
    uv_loop_t *loop, struct incident *incident, const char *libexec, const char *command);
void notify_free(struct notify *n); /* handles close on the loop */

/* A fact that may be told now; those that are no event are passed over.  Lent. */
void notify_see(struct notify *n, const struct line *line);

bool notify_is_busy(const struct notify *n); /* one runs, or waits */

/*
 * The event that a fact is, or NULL.  word: the verdict's before ("" at first), which
 * becomes this one's.
 */
#define NOTIFY_WORD_MAX 64
const char *notify_event(const struct js *fact, char word[NOTIFY_WORD_MAX]);

#endif
