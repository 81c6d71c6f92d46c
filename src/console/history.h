/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * history.h: what is older than what an attach told, when it is wanted.
 *
 * A console is told the end of an incident, paints it, and asks for the part before
 * that when the panes are not full, when somebody scrolls to the top of one, looks for
 * a text that is not there, or says /older.  One part at a time goes in front of the
 * model; what stands in a pane stays where it is.  When there is no room for more,
 * words say so: `breakglass replay` shows everything.
 */
#ifndef CONSOLE_HISTORY_H
#define CONSOLE_HISTORY_H

#include "console/action/action.h"

#define HISTORY_PART 1000 /* records that are asked for at once */
#define HISTORY_FAR 5000  /* records missed from which an attach begins anew */

struct history {
	struct screen *screen;
	int (*send)(void *arg, struct js *request, struct err *err); /* as an action's */
	void *arg;
	struct model *older; /* what is being told, NULL: nothing was asked for */
	int64_t oldest;	     /* seq of the oldest record that the panes know; 0: none */
	bool first;	     /* there is none before it */
	int fills;	     /* parts that nobody wished for */
	bool wanted;	     /* by /older: it is told when there is none */
	char find[128];	     /* looked for further up */
	enum focus pane;
};

void history_init(struct history *h, struct screen *s,
    int (*send)(void *arg, struct js *request, struct err *err), void *arg);
void history_fini(struct history *h);

/* Another incident, or the connection is gone: what was asked for does not come. */
void history_reset(struct history *h);
void history_lost(struct history *h);

/* Every fact, before the model has it.  True: it was told from the past, not for now. */
bool history_fact(struct history *h, const struct js *fact);

/* So much was missed that the end alone is wanted: begin anew, with a tail. */
bool history_is_far(const struct history *h, const struct js *fact);

/* After keys and frames: does somebody stand at the top, is a pane not full? */
void history_look(struct history *h);

/* What an action has asked for: /older, or a text that is not in the pane. */
void history_asked(struct history *h, struct action_context *a);

#endif
