/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * palette.h: the list over the prompt of what can be typed, and what Tab does.
 *
 *   "/" on an empty prompt opens it; it goes with the "/", with Esc (what is typed
 *   stays), and with Enter.
 *
 * It never stands between a typist and the prompt: a command that is typed out runs
 * with Enter whether the list is seen or not.  Nothing is chosen until an arrow or Tab
 * chooses it; Enter runs what is chosen.  A word that is not finished is not run:
 * Enter chooses the first that fits, and the next Enter runs it, seen.
 */
#ifndef CONSOLE_PALETTE_H
#define CONSOLE_PALETTE_H

#include <stdbool.h>
#include <stddef.h>

#include "console/term/input.h"

#define PALETTE_TYPED_MAX 256 /* bytes of a line that is completed */

struct palette {
	bool open;
	bool room;  /* the screen is large enough to show it (set by who draws) */
	bool later; /* what it lists has changed: a typed key is painted without it */
	bool picks; /* Tab has put the chosen word into the line; typed is what was */
	int chosen; /* row of the list, -1: none */
	char typed[PALETTE_TYPED_MAX];
	char hint[160]; /* what fits, in one row, where there is no room */
};

struct screen;

void palette_init(struct palette *p);

/* A key; true: it was the palette's, else the prompt takes it. */
bool palette_key(struct screen *s, const struct input *in);

/* After the prompt took a key; before: what was typed before it was empty. */
void palette_typed(struct screen *s, const struct input *in, bool was_empty);

void palette_close(struct screen *s);

/* What the list is made for: the line up to the cursor, or what was typed of it. */
const char *palette_line(const struct screen *s, size_t *len);

#endif
