/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_screen.c: how the screen is divided, and what it looks like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/action/action_int.h"
#include "console/draw/theme.h"

static void
split(struct action_context *a, const char *args)
{
	char *end, text[120];
	long n = strtol(args, &end, 10);

	if (args[0] == '\0')
		layout_split_reset(a->screen);
	else if (end == args || *end != '\0' || n < LAYOUT_SPLIT_MIN ||
	    n > LAYOUT_SPLIT_MAX) {
		snprintf(text, sizeof text,
		    "/split takes %d to %d: so many percent for the chat pane.",
		    LAYOUT_SPLIT_MIN, LAYOUT_SPLIT_MAX);
		action_say(a, TONE_BAD, text);
	} else {
		layout_split_to(a->screen, (int)n);
	}
}

static void
theme(struct action_context *a, const char *args)
{
	char text[160];

	if (args[0] && theme_use_name(args)) {
		a->redraw = true;
		return;
	}
	snprintf(text, sizeof text,
	    "%s%.40s%sThe theme is %s; there are dark, light, mono, contrast, and auto.",
	    args[0] ? "There is no theme " : "", args, args[0] ? ". " : "",
	    theme_names[theme_now()]);
	action_say(a, args[0] ? TONE_BAD : TONE_PLAIN, text);
}

bool
action_arrange(struct action_context *a, enum action action, const char *args)
{
	if (action == ACTION_SPLIT)
		split(a, args);
	else if (action == ACTION_THEME)
		theme(a, args);
	else
		return false;
	return true;
}
