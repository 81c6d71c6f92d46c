/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/replay/replay_keys.h"

#include <string.h>

/* In the order of the help page. */
const struct replay_key replay_keys[] = {
    {PLAY_PAUSE, INPUT_CHAR, ' ', "Space", "Space", "pause", 1, "pause, and go on"},
    {PLAY_BACK, INPUT_LEFT, ',', "Left", "←→", "10 s", 4, "10 seconds back"},
    {PLAY_ON, INPUT_RIGHT, '.', "Right", NULL, NULL, 0, "10 seconds on"},
    {PLAY_NEXT, INPUT_CHAR, 'n', "n", "n p", "action", 3,
	"to the next action: a verb, its end, a prompt, a verdict"},
    {PLAY_PREVIOUS, INPUT_CHAR, 'p', "p", NULL, NULL, 0, "to the previous one"},
    {PLAY_FIND, INPUT_CHAR, '/', "/", "/", "find", 5,
	"look for text in the whole journal, from here on; /rfind TEXT looks back"},
    {PLAY_FIND, INPUT_CHAR, 'f', "f", NULL, NULL, 0, "the same text, further on"},
    {PLAY_FIND_BACK, INPUT_CHAR, 'b', "b", NULL, NULL, 0, "the same text, before here"},
    {PLAY_FASTER, INPUT_CHAR, '+', "+", "+-", "speed", 7,
	"twice as fast: 1, 2, 4 up to 64 times, then all at once"},
    {PLAY_SLOWER, INPUT_CHAR, '-', "-", NULL, NULL, 0, "half as fast"},
    {PLAY_START, INPUT_HOME, 'g', "Home", NULL, NULL, 0, "to the first record"},
    {PLAY_END, INPUT_END, 'G', "End", NULL, NULL, 0,
	"to the last record; while an engine writes, what comes is shown"},
    {PLAY_VERDICT, INPUT_CHAR, 'v', "v", NULL, NULL, 0,
	"all of the verdict that held then; the last proof"},
    {PLAY_LEAVE, INPUT_CHAR, 'q', "q", "q", "leave", 2,
	"leave the replay; F10 does, too"},
};
const size_t replay_key_count = sizeof replay_keys / sizeof replay_keys[0];

enum play
replay_keys_play(const struct input *in)
{
	for (size_t i = 0; i < replay_key_count; i++) {
		const struct replay_key *k = &replay_keys[i];

		if (k->kind != INPUT_CHAR && k->kind == in->kind)
			return k->play;
		if (in->kind == INPUT_CHAR && in->text[0] == k->also && !in->text[1])
			return k->play;
	}
	if (in->kind == INPUT_CHAR && strcmp(in->text, "=") == 0)
		return PLAY_FASTER; /* the plus without its shift */
	return PLAY_NONE;
}

bool
replay_keys_may(enum action action)
{
	switch (action) {
	case ACTION_NONE:
	case ACTION_HELP:
	case ACTION_VERDICT:
	case ACTION_SCREEN:
	case ACTION_DETACH:
	case ACTION_DETACH_IF_EMPTY:
	case ACTION_SUSPEND:
	case ACTION_REDRAW:
	case ACTION_FOCUS:
	case ACTION_ZOOM:
	case ACTION_FOLD:
	case ACTION_BROWSE:
	case ACTION_COPY:
	case ACTION_SAVE:
	case ACTION_VIEW:
	case ACTION_SPLIT:
	case ACTION_THEME:
	case ACTION_PAGE_UP:
	case ACTION_PAGE_DOWN:
	case ACTION_TO_START:
	case ACTION_TO_END:
		return true;
	default:
		return false;
	}
}

enum play
replay_keys_line(const char *line, const char **text)
{
	size_t word = strcspn(line, " ");

	*text = line + word + strspn(line + word, " ");
	if (word == 5 && memcmp(line, "/find", word) == 0)
		return PLAY_FIND;
	if (word == 6 && memcmp(line, "/rfind", word) == 0)
		return PLAY_FIND_BACK;
	return PLAY_NONE;
}
