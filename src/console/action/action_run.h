/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_run.h: what an operator wants of a run, by a letter or by a slash command. */
#ifndef CONSOLE_ACTION_RUN_H
#define CONSOLE_ACTION_RUN_H

#include "console/action/action.h"

/*
 * A key of browse mode in the tool pane, with the unit under the cursor, which e and E
 * move: f F o e E w v y, and '\r' for Enter.  False: none of these, or no run is there.
 */
bool action_run_key(struct action_context *a, int key, struct scroll_pos *at);

/* /open /save /view /failed /fold with what followed; false: none of these. */
bool action_run_slash(struct action_context *a, enum action action, const char *args);

/*
 * /copy, /save and /view of a run: by its number, or because the tool pane has the focus
 * and nothing is selected.  False: they mean something else.
 */
bool action_run_clip(struct action_context *a, enum action action, const char *args);

#endif
