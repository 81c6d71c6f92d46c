/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markdown.h: Markdown to styled lines.  The one file that knows md4c.
 *
 * A text that grows is rendered as it grows: lines of pieces that are whole stand, what
 * is behind them is parsed anew (markdown_split.h).  The lines are always those that the
 * same text would have at once.
 *
 * md4c lets control characters and entities through, so what it hands out is cleaned
 * here, after it.  Nothing of the text is hidden: HTML and the definitions of links are
 * text, a link shows where it leads and its title, and nothing can be clicked.
 */
#ifndef CONSOLE_MARKDOWN_H
#define CONSOLE_MARKDOWN_H

#include "console/draw/lines.h"
#include "console/draw/markdown_split.h"

/* How far a growing text is rendered for good. */
struct markdown {
	size_t done;  /* bytes */
	size_t lines; /* lines that they are, with those that were there before */
	struct split split;
	uint16_t codes; /* code blocks so far */
	bool any;	/* there is a block above: the next one wants air */
	bool ruled;	/* that one ended with a rule: air enough */
};

/* What stands in lines already stays above. */
void markdown_start(struct markdown *m, const struct lines *lines);

/*
 * Renders text, which begins with what was rendered before; open: more will come, so what
 * its end will be is not shown yet.
 */
void markdown_grow(
    struct markdown *m, struct lines *lines, const char *text, size_t len, bool open);

/* Appends text (as it came from the model) to lines, wrapped to their width. */
void markdown_render(struct lines *lines, const char *text, size_t len);

#endif
