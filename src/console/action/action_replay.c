/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_replay.c: what an operator can wish of a replay, and what he cannot. */
#include <stdio.h>
#include <string.h>

#include "console/action/action_int.h"
#include "console/prompt/prompt.h"

#define NOTICE_MS 6000

void
action_replay_say(struct action_context *a, enum item_tone tone, const char *text)
{
	struct replay *r = &a->screen->replay;

	snprintf(r->notice, sizeof r->notice, "%s", text);
	r->notice_look = tone == TONE_BAD ? LOOK_BAD : LOOK_STRONG;
	r->notice_until = a->screen->now + NOTICE_MS;
}

bool
action_replay_refuse(struct action_context *a, enum action action)
{
	const struct keymap_row *row = keymap_row(action);
	char text[160];

	if (!a->screen->replay.on || replay_keys_may(action))
		return false;
	snprintf(text, sizeof text,
	    "REPLAY, nothing is sent: %s%s is of the past. q leaves.",
	    row && row->slash ? "/" : "", row && row->slash ? row->slash : "that");
	action_replay_say(a, TONE_BAD, text);
	return true;
}

bool
action_replay_line(struct action_context *a, const char *line)
{
	const char *text = "";
	enum play play;

	if (!a->screen->replay.on)
		return false;
	play = replay_keys_line(line, &text);
	if (play != PLAY_NONE)
		a->play(a->arg, play, text);
	else if (line[0] != '/')
		action_replay_say(a, TONE_BAD,
		    "REPLAY, nothing is sent: nobody reads this. /find TEXT looks for it.");
	return play != PLAY_NONE || line[0] != '/';
}

/* Letters are keys while nothing is typed; "/" begins a line. */
bool
action_replay_key(struct action_context *a, const struct input *in)
{
	enum play play = replay_keys_play(in);

	if (!a->screen->replay.on)
		return false;
	if (prompt_text()[0]) {
		if (in->kind == INPUT_ESC)
			prompt_clear();
		return in->kind == INPUT_ESC;
	}
	a->screen->replay.notice[0] = '\0';
	if (play == PLAY_LEAVE)
		a->quit = true;
	else if (play == PLAY_VERDICT)
		action_run(a, ACTION_VERDICT, "");
	else if (play == PLAY_FIND && strcmp(in->text, "/") == 0)
		prompt_set("/find ");
	else if (play != PLAY_NONE)
		a->play(a->arg, play, "");
	else
		return in->kind != INPUT_ESC && keymap_key(in) == ACTION_NONE;
	return true;
}
