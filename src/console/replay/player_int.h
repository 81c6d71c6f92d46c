/* SPDX-License-Identifier: GPL-3.0-or-later */
/* player_int.h: what player.c and player_find.c share, and nobody else. */
#ifndef CONSOLE_PLAYER_INT_H
#define CONSOLE_PLAYER_INT_H

#include "console/replay/player.h"

#define PLAYER_FIND_MAX 128 /* bytes of what is looked for */

struct player_find {
	int dir;     /* 0: nothing is looked for */
	size_t next; /* behind: the next mark; before: one more than it */
	char text[PLAYER_FIND_MAX];
};

struct player {
	struct reel *reel;
	struct player_calls calls;
	bool paused, reading, begun;
	int speed;
	size_t next;	/* the mark that is told next */
	double played;	/* ms of the replay */
	int64_t now;	/* of the last advance; -1: none */
	int64_t wall;	/* of the record that was told last; -1 */
	int64_t polled; /* when the file was looked at last */
	struct player_find find;
	char said[200];
};

void player_say(struct player *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Everything up to this mark, and it, is told; in_output: what for it is. */
void player_show(struct player *p, size_t mark, bool in_output);

/* Looks on for some milliseconds. */
void player_find_on(struct player *p);

#endif
