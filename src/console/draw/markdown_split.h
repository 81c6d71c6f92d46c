/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markdown_split.h: where a growing Markdown text can be cut for good.
 *
 * A text is rendered piece by piece, each by itself, and a piece whose end is certain
 * is never looked at again: what a word costs does not depend on how much came before
 * it.  An end is certain where no more text could change what is above: in front of a
 * fence, and behind a blank line when what follows cannot belong to the list or the
 * indented code above it.  What never comes to such a place (a paragraph of 100 KB) is
 * cut all the same, at a place that only depends on what is in front of it.
 *
 * The pieces of a text are pieces of every text that begins with it.
 */
#ifndef CONSOLE_MARKDOWN_SPLIT_H
#define CONSOLE_MARKDOWN_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

#define PIECE_LIST_MAX 2048  /* from here a list is cut in front of its next item */
#define PIECE_LINES_MAX 4096 /* anything in front of its next line, but a table ... */
#define PIECE_TABLE_MAX 32768
#define PIECE_WORDS_MAX 6144 /* and a line in front of its next word */

enum piece_kind {
	PIECE_TEXT,  /* Markdown without a fence on its outermost level */
	PIECE_OPEN,  /* the line that opens a fence */
	PIECE_CODE,  /* a line in it */
	PIECE_CLOSE, /* the line that closes it */
};

struct piece {
	enum piece_kind kind;
	size_t from, to;
	bool whole;  /* its end is certain */
	bool forced; /* cut for its size: the next one goes on where it ended */
};

/* Between two pieces. */
struct split {
	char fence;  /* '`' or '~' in a fenced block, else 0 */
	int length;  /* of its fence */
	int indent;  /* blanks in front of it */
	bool forced; /* the piece before was cut for its size */
};

/*
 * The piece that begins at from < len; moves split behind it.  The last line of text may
 * be unfinished.
 */
struct piece split_next(struct split *s, const char *text, size_t len, size_t from);

/* A line (to its LF or len) that opens a fence: its length, 0: none. */
int split_fence(const char *line, size_t len, char *fence, int *indent);

/*
 * How much of an unfinished piece is worth showing while more comes: not the marks at
 * its end that could yet become something else, and of a table only whole rows.
 */
size_t split_calm(const struct piece *p, const struct split *s, const char *text);

#endif
