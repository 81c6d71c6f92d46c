/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * context.h: what the engine knows, as the text that goes to a model with a prompt.
 *
 * VM, connections, the last verdict with its evidence, what must not be sent now,
 * unfinished verbs, autonomy, who is here, what is left of the budget, the time.
 * Plain text, one fact a line, at most CONTEXT_MAX bytes; drivers mark it as the
 * engine's.  What hosts said in it is data like all else that hosts say: a line of it
 * is never more than a line.  What has not changed since the last prompt is not said
 * again.
 */
#ifndef ENGINE_CONTEXT_H
#define ENGINE_CONTEXT_H

#include "engine/agent/budget.h"
#include "engine/record/incident.h"

#define CONTEXT_MAX (8 * 1024)

struct context;

struct context_now {
	const char *by; /* whose prompt */
	const struct budget *budget;
	int queued; /* prompts that wait behind it */
};

/* Borrows the incident: what is true now comes from its state facts. */
struct context *context_new(struct incident *incident);
void context_free(struct context *c); /* NULL is fine */

/* Every fact as it is emitted: of a verdict a reference is taken. */
void context_see(struct context *c, struct js *fact);

/* Lent until the next call. */
const char *context_text(struct context *c, const struct context_now *now);

/* The same as a whole, for a driver that has not heard the earlier ones; lent. */
const char *context_whole(struct context *c);

#endif
