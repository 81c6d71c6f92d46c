/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_past.c: an earlier incident is looked at, from within this one. */
#include <stdio.h>
#include <string.h>

#include "console/action/action_int.h"

bool
action_past(struct action_context *a, enum action action, const char *args)
{
	struct earlier *e = &a->screen->earlier;
	const char *id;
	char text[160];

	if (action != ACTION_REPLAY)
		return false;
	e->read_ms = 0; /* what is there now */
	earlier_look(e, a->screen->now);
	id = earlier_find(e, args);
	if (id) {
		snprintf(a->replay, sizeof a->replay, "%s", id);
		return true;
	}
	if (e->count == 0)
		snprintf(text, sizeof text, "No incident is on record here.");
	else
		snprintf(text, sizeof text,
		    "No one incident has an id that begins with %.40s: Tab behind "
		    "/replay lists them.",
		    args);
	action_say(a, TONE_BAD, text);
	return true;
}
