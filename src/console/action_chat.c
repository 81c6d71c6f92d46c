/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action_chat.h"

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
