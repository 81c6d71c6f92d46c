/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * canvas.h: a grid of cells that views draw on.
 *
 * Nothing here knows a terminal: tty.c sends the difference of two canvases,
 * tests read one as text.  canvas_put is also the last gate: a code point that
 * scrub_is_plain refuses is drawn as '?', whoever handed it over.
 */
#ifndef CONSOLE_CANVAS_H
#define CONSOLE_CANVAS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/scrub.h"

#define CANVAS_COLS_MAX 512
#define CANVAS_ROWS_MAX 256
#define CELL_CHARS 3 /* a character and at most two that join it */

/* What our own words look like; never colour alone, the words say it too. */
#define LOOK_PLAIN 0u
#define LOOK_STRONG STYLE_BOLD
#define LOOK_QUIET STYLE_DIM
#define LOOK_GOOD STYLE_FG(2)
#define LOOK_BUSY STYLE_FG(3)
#define LOOK_BAD (STYLE_FG(1) | STYLE_BOLD)
#define LOOK_DANGER (STYLE_FG(15) | STYLE_BG(1) | STYLE_BOLD)
#define LOOK_NAME (STYLE_FG(6) | STYLE_BOLD)
#define LOOK_CODE STYLE_FG(6)
#define LOOK_BAR STYLE_REVERSE
#define LOOK_KEY (STYLE_REVERSE | STYLE_BOLD)

struct cell {
	uint32_t ch[CELL_CHARS]; /* ch[0] 0: the right half of a wide character */
	uint32_t style;
};

struct rect {
	int row, col, rows, cols;
};

struct canvas {
	int rows, cols;
	int cursor_row, cursor_col; /* row -1: hidden */
	struct cell *cells;
};

void canvas_init(struct canvas *c, int cols, int rows); /* blank; sizes are clamped */
void canvas_fini(struct canvas *c);
void canvas_clear(struct canvas *c);

struct rect canvas_rect(const struct canvas *c);
struct cell *canvas_cell(const struct canvas *c, int row, int col); /* must be inside */

void canvas_fill(struct canvas *c, struct rect r, uint32_t style);

/*
 * Draws text at row, col of r (relative to it), cut at its right edge.
 * Returns the column behind it.  Outside r nothing is drawn.
 */
int canvas_put(struct canvas *c, struct rect r, int row, int col, uint32_t style,
    const char *text, size_t len);
int canvas_text(
    struct canvas *c, struct rect r, int row, int col, uint32_t style, const char *text);
int canvas_printf(struct canvas *c, struct rect r, int row, int col, uint32_t style,
    const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* A frame on the edge of r, with a title in its top line; clears what is inside. */
void canvas_frame(struct canvas *c, struct rect r, uint32_t style, const char *title);

/* Cells that len bytes of text take. */
int canvas_width(const char *text, size_t len);

/* The picture as text: one line a row, no blanks at line ends.  For tests and linear
 * output. */
int canvas_print(const struct canvas *c, struct buf *out);

#endif
