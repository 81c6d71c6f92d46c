/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pen.h: the looks in what curses writes, said in as few bytes as they take.
 *
 * Curses ends a look and begins the next one in two or three sequences, with a change
 * of character set that we never leave; between two cells only the difference counts.
 * This reads its output, holds SGR back until something is drawn with it, and says the
 * difference.  Everything else passes as it is; at the end of each picture the terminal
 * has the pen that curses believes it has.
 */
#ifndef CONSOLE_PEN_H
#define CONSOLE_PEN_H

#include <stdbool.h>
#include <stddef.h>

#define PEN_SEQUENCE_MAX 64 /* bytes; what is longer passes as it is */

enum pen_flag { PEN_BOLD, PEN_DIM, PEN_ITALIC, PEN_UNDERLINE, PEN_REVERSE, PEN_FLAGS };

struct pen_look {
	int fg, bg; /* -1 default, 0-255 of the palette, from 256 on: 30-37, 40-47, 90-97,
		       100-107 as they are */
	bool flags[PEN_FLAGS];
};

typedef void pen_out_fn(void *arg, const char *data, size_t len);

struct pen {
	struct pen_look has, wants; /* the terminal; curses */
	bool known;		    /* has is true */
	bool loose;		    /* a look that we do not know, until it is reset */
	bool charset;		    /* the first character set has been chosen */
	char seq[PEN_SEQUENCE_MAX];
	size_t len;
	pen_out_fn *out;
	void *arg;
};

void pen_init(struct pen *p, pen_out_fn *out, void *arg);

/* What the terminal's pen is cannot be known any more. */
void pen_forget(struct pen *p);

/* A piece of curses' output, cut anywhere. */
void pen_feed(struct pen *p, const char *data, size_t len);

/* The end of a picture. */
void pen_sync(struct pen *p);

#endif
