/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * said.h: what linear output has said already, and what is new.
 *
 * The state of the screen in words, each once: a status line when its words change,
 * banners when they come, items of the chat when they will not change any more, the
 * output of runs as it comes.  To standard output, through a canvas like all else.
 */
#ifndef CONSOLE_SAID_H
#define CONSOLE_SAID_H

#include "console/layout.h"
#include "console/lines.h"
#include "console/view_banner.h"

#define SAID_COLS 400 /* the terminal wraps, not we */
#define SAID_MAX 256  /* items and runs that can still change */

struct seen {
	uint64_t serial;
	uint32_t version;
	size_t len; /* bytes of text that are out */
};

struct said { /* zeroed: nothing is said */
	struct seen chat[SAID_MAX];
	uint64_t run_line[SAID_MAX]; /* by serial: the next line to print */
	uint64_t run_serial[SAID_MAX];
	bool run_ended[SAID_MAX];
	char status[512];
	uint64_t banners[BANNERS_MAX]; /* hashes of those that are said */
	int climbed;		       /* rungs of the proof that are said */
};

void said_news(struct said *n, const struct screen *s);

/* Stands in front of each line from now on (a time); "" nothing. */
void said_stamp(const char *stamp);

void said_line(const char *prefix, const char *text, size_t len);
void said_lines(const struct lines *l);

#endif
