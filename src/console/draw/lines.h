/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lines.h: styled text, wrapped to a width: what a view scrolls through.
 *
 * Text goes in with a style, in pieces; lines come out, broken at blanks (or
 * anywhere where there is none), continued under an indent.  What goes in must be
 * clean; outside text that is not yet comes in through lines_scrub.
 */
#ifndef CONSOLE_LINES_H
#define CONSOLE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console/draw/canvas.h"

#define LINES_MAX 20000 /* of one item; the rest is cut, visibly */

struct lines_span {
	uint32_t style, len;
};

struct lines_line {
	char *text;
	struct lines_span *span;
	uint32_t len, spans;
	int cols;
	bool cont;	/* goes on with the line before: that one was wrapped */
	uint8_t blanks; /* with cont: blanks that the break took */
	uint8_t lead;	/* bytes at its front that are our sign or indent, not its text */
	uint8_t mark;  /* the same with a bullet or number behind it: no place to break */
	uint16_t code; /* the number of its code block in the item, from 1; 0: none */
};

struct lines {
	struct lines_line *line;
	size_t count, size;
	int width;
	char indent[32]; /* clean text in front of each continued line */
	bool open;	 /* the last line can still grow */
	bool at_edge;	 /* it is full and a blank followed: break before the next word */
	bool keep_blanks; /* break anywhere, keep every blank (code, output) */
	uint16_t code;	  /* of the lines that come */
	uint32_t indent_look;
};

void lines_init(struct lines *l, int width);
void lines_fini(struct lines *l);

void lines_put(struct lines *l, uint32_t style, const char *text, size_t len);
void lines_str(struct lines *l, uint32_t style, const char *text);
/* A line of another with its looks; it is not ended here. */
void lines_copy(struct lines *l, const struct lines_line *from);
/* The same at a line's front, as ours: it is drawn, and no part of what is copied. */
void lines_sign(struct lines *l, uint32_t style, const char *text);
void lines_mark(struct lines *l); /* what the open line has so far is bullet or number */
/* As much of text as fits on the open line, with "…" where it was cut. */
void lines_cut(struct lines *l, uint32_t style, const char *text);
void lines_break(struct lines *l); /* ends the line; a blank one when none is open */
void lines_scrub(struct lines *l, uint32_t style, const char *text, size_t len);
void lines_shorten(
    struct lines *l, size_t count); /* forgets those behind; none is open */

/* Draws line i at row of r; the rest of the row is left as it is. */
void lines_draw(
    const struct lines *l, size_t i, struct canvas *c, struct rect r, int row);

#endif
