/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action/action_chat.h"

#include <stdio.h>
#include <stdlib.h>

#include "console/action/action_int.h"

static void
open_run(struct screen *s, struct scroll_pos at)
{
	const char *run = view_chat_run(&s->model, at);

	if (!run)
		browse_say(s, LOOK_QUIET, "Enter opens the line of a run: its output");
	else if (!view_tools_open(s, run))
		browse_say(s, LOOK_QUIET,
		    "that run is not kept here any more: the journal has it");
}

bool
action_chat_key(struct action_context *a, int key, struct scroll_pos *at)
{
	struct screen *s = a->screen;

	if (key == '\r')
		open_run(s, *at);
	else if (key != 'e' && key != 'E')
		return false;
	else if (!view_chat_failure(&s->model, key == 'e' ? -1 : 1, at))
		browse_say(s, LOOK_QUIET,
		    key == 'e' ? "nothing that failed is above"
			       : "nothing that failed is below");
	return true;
}

/* --- the queue --- */

static int64_t
youngest_queued(const struct transcript *t)
{
	for (size_t i = t->count; i-- > 0;) {
		const struct item *it = transcript_at(t, i);

		if (it->kind == ITEM_PROMPT && it->tone == TONE_BUSY)
			return it->turn;
	}
	return 0;
}

void
action_drop(struct action_context *a, const char *args)
{
	int64_t turn =
	    args[0] ? strtoll(args, NULL, 10) : youngest_queued(&a->screen->model.chat);
	struct js *m;

	if (turn <= 0) {
		action_say(a, args[0] ? TONE_BAD : TONE_PLAIN,
		    args[0] ? "Which prompt? /drop 5 (its number stands behind it)"
			    : "No prompt waits.");
		return;
	}
	m = message_new("cancel");
	js_set_int(m, "turn", turn);
	action_send(a, m);
}
