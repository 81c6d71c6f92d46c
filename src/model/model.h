/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * model.h: all that the screen knows, made of facts and of nothing else.
 *
 * Facts go in through one door, views read.  No clock, no file, no socket: time
 * is what the facts carry, and `skew` leads from the reader's monotonic clock
 * to the engine's.  Memory is bounded: a window of the incident, not all of it.
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "model/asks.h"
#include "model/incident.h"
#include "model/lock.h"
#include "model/older.h"
#include "model/runbooks.h"
#include "model/screen.h"
#include "model/tail.h"
#include "model/transcript.h"
#include "model/verdict.h"
#include "model/vm.h"

enum model_dirty {
	MODEL_CHAT = 1,
	MODEL_TOOLS = 2,
	MODEL_STATUS = 4,
	MODEL_RESET = 8, /* another incident: ask again with a tail, from nothing */
	MODEL_ALL = 7,
};

struct model {
	struct incident incident;
	struct transcript chat;
	struct tail tools;
	struct orphans orphans; /* what would belong to something older */
	struct vm vm;
	struct asks asks; /* what an operator is asked now */
	struct lock lock; /* of this console's keys */
	struct left left; /* what a stopped turn has left on the hosts */
	struct runbooks runbooks;
	struct guest_screen screen; /* of the last capture */
	struct verdict verdict;	    /* the latest */
	bool verdict_present; /* it was told as the present: the past does not undo it */
	int64_t skew;	      /* engine's mono_ms minus the reader's, see model_now */
};

void model_init(struct model *m);
void model_fini(struct model *m);

/*
 * Folds one fact in.  mono_ms: the reader's clock when it came.  Returns what
 * became dirty (enum model_dirty), 0 for what was seen before or is unknown.
 */
unsigned model_apply(struct model *m, const struct js *fact, int64_t mono_ms);

/* What was true before is not known any more: another engine on another boot. */
void model_forget(struct model *m);

/* A new connection: what comes is the present, then the past, until caught_up. */
void model_attach(struct model *m);

/* The engine's monotonic clock at the reader's mono_ms. */
int64_t model_now(const struct model *m, int64_t mono_ms);

/* A line of this console's own. */
void model_local(struct model *m, enum item_tone tone, const char *text);

#endif
