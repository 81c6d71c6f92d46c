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

/*
 * What our own words are; theme.h says how that looks on this terminal.  Never colour
 * alone: the words say it, too.  A look is a role or a flag of scrub.h; STYLE_BOLD and
 * its like may be added to any of them.  Outside text has none of these.
 */
#define LOOK_PLAIN 0u
#define LOOK_STRONG STYLE_BOLD
#define LOOK_QUIET STYLE_ROLE(1)       /* beside the matter: ages, borders, hints */
#define LOOK_GOOD STYLE_ROLE(2)	       /* as it should be */
#define LOOK_BUSY STYLE_ROLE(3)	       /* goes on, or wants a look */
#define LOOK_BAD STYLE_ROLE(4)	       /* failed, down, refused: never for a key */
#define LOOK_DANGER STYLE_ROLE(5)      /* a power action, and nothing else */
#define LOOK_NAME STYLE_ROLE(6)	       /* whose words these are */
#define LOOK_CODE STYLE_ROLE(7)	       /* to be read letter by letter */
#define LOOK_BAR STYLE_ROLE(8)	       /* a whole row of ours */
#define LOOK_KEY STYLE_ROLE(9)	       /* a key on such a row */
#define LOOK_CURSOR STYLE_ROLE(10)     /* the line that browse mode stands on */
#define LOOK_SELECTED STYLE_ROLE(11)   /* what would be copied */
#define LOOK_MATCH STYLE_ROLE(12)      /* what was looked for */
#define LOOK_MATCH_HERE STYLE_ROLE(13) /* the one of these that is shown */
#define LOOK_HEADING STYLE_ROLE(14)
#define LOOK_QUOTE STYLE_ROLE(15)
#define LOOK_LINK STYLE_ROLE(16)
#define LOOK_RULE STYLE_ROLE(17)	 /* lines between panes, frames */
#define LOOK_TITLE STYLE_ROLE(18)	 /* the title of the pane with the focus */
#define LOOK_NOTICE STYLE_ROLE(19)	 /* a row that wants an answer */
#define LOOK_STDERR STYLE_ROLE(20)	 /* the sign in front of such a line */
#define LOOK_HINT STYLE_ROLE(21)	 /* what could be typed */
#define LOOK_PICKED STYLE_ROLE(22)	 /* the line of a list that Enter takes */
#define LOOK_ADDED STYLE_ROLE(23)	 /* of a difference */
#define LOOK_REMOVED STYLE_ROLE(24)	 /* of a difference */
#define LOOK_REPLAY STYLE_ROLE(25)	 /* this is not now */
#define LOOK_REPLAY_QUIET STYLE_ROLE(26) /* the rest of such a row */
#define LOOK_REPLAY_LINE STYLE_ROLE(27)
#define LOOKS 28 /* one more than the last role */

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

/* Gives what is drawn in r already another look; bold, italic, underline stay. */
void canvas_look(struct canvas *c, struct rect r, uint32_t look);

/*
 * Draws text at row, col of r (relative to it), cut at its right edge, where "…" stands
 * then.
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
