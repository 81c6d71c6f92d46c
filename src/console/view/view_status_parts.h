/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_status_parts.h: the pieces of a status row, and how they share it.
 *
 * Pieces are added in the order of their rank: where not all fit, the last ones are
 * shortened first and go first.  Where they stand is another number, so that what
 * comes and goes can stand behind what is always there.
 */
#ifndef CONSOLE_VIEW_STATUS_PARTS_H
#define CONSOLE_VIEW_STATUS_PARTS_H

#include <stdbool.h>

#include "console/draw/canvas.h"

#define PARTS_MAX 16

struct part {
	char text[2][160]; /* long, short */
	uint32_t look;
	int place; /* from the left */
	int least; /* cells it takes while there is room, so that the next keeps its place
		    */
	bool elastic; /* instead of its short form: its long one, cut at the row's end */
	bool shorter, gone, padded;
};

struct parts {
	struct part part[PARTS_MAX];
	int count;
	int essential; /* so many are shortened before any of them is left out */
	bool by_rank;  /* they stand in the order of their rank */
};

struct part *parts_add(struct parts *p, int place, uint32_t look);

void parts_draw(struct parts *p, struct canvas *c, struct rect r);

#endif
