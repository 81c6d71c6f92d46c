/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay_keys.h: what keys do in a replay; bar, help page and man page follow the table.
 *
 * There is no line to type on but for what is looked for, so letters are keys.
 */
#ifndef CONSOLE_REPLAY_KEYS_H
#define CONSOLE_REPLAY_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "console/term/input.h"
#include "console/action/keymap.h"

enum play {
	PLAY_NONE,
	PLAY_PAUSE,
	PLAY_FASTER,
	PLAY_SLOWER,
	PLAY_BACK,
	PLAY_ON,
	PLAY_NEXT,
	PLAY_PREVIOUS,
	PLAY_START,
	PLAY_END,
	PLAY_FIND,
	PLAY_FIND_BACK,
	PLAY_VERDICT,
	PLAY_LEAVE,
};

struct replay_key {
	enum play play;
	enum input_kind kind;
	char also;		    /* a letter that does the same, 0: none */
	const char *keys;	    /* how they are called */
	const char *bar_keys, *bar; /* in the key bar, for others too; NULL: not there */
	int rank;		    /* in the bar: 1 is kept longest */
	const char *help;
};

extern const struct replay_key replay_keys[];
extern const size_t replay_key_count;

enum play replay_keys_play(const struct input *in);

/* Does this action change the screen alone?  Nothing else is done in a replay. */
bool replay_keys_may(enum action action);

/* "/find TEXT" forward, "/rfind TEXT" back; *text is lent from line. */
enum play replay_keys_line(const char *line, const char **text);

#endif
