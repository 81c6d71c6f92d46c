/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * screen.h: the guest's screen of the last capture, as text, with the lines that
 * matter; every string is clean.
 */
#ifndef MODEL_SCREEN_H
#define MODEL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/json.h"

#define SCREEN_ROWS_MAX 112 /* 50 of a screen, 60 above it */
#define SCREEN_ROW_MAX 328  /* bytes; a row has at most 160 characters */

struct screen_row {
	char text[SCREEN_ROW_MAX];
	char says[20]; /* why it matters: "panic", "oom" …; "": it does not */
};

struct guest_screen {
	bool known;
	char id[16];		/* the verb whose capture it is of */
	char kind[12];		/* "text", "graphics", "none", "" not told */
	char says[20];		/* of the whole: the gravest of its rows */
	char at[9];		/* "03:12:07" UTC */
	char png[200];		/* where the picture was saved; "" nowhere */
	int64_t checked;	/* the engine's clock */
	int rows, above;	/* the first `above` rows have scrolled out of sight */
	struct screen_row *row; /* owned; NULL: none */
};

void screen_read(struct guest_screen *s, const struct js *fact);
void screen_forget(struct guest_screen *s); /* frees; NULL rows */

#endif
