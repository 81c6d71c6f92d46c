/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown_int.h: what the files of Markdown share; none but markdown.c knows md4c. */
#ifndef CONSOLE_MARKDOWN_INT_H
#define CONSOLE_MARKDOWN_INT_H

#include "base/buf.h"
#include "console/draw/markdown.h"

#define BOXES_MAX 12 /* quotes and items around a block that are drawn */
#define TABLE_COLS_MAX 32

enum table_align { TABLE_LEFT, TABLE_CENTER, TABLE_RIGHT };

struct table_cell {
	struct lines text; /* one line for each of its own */
	enum table_align align;
};

/* Cells by rows, the heading first. */
struct table {
	struct table_cell *cell;
	size_t cells, size;
	int cols;
};

void table_init(struct table *t);
void table_fini(struct table *t);

/* The next cell, empty; lent until the next call. */
struct table_cell *table_add(struct table *t, enum table_align align);

/*
 * Draws it on lines: begin is called before each line, puts what stands in front of it,
 * and width columns are left for the table.
 */
struct table_out {
	struct lines *lines;
	void (*begin)(void *arg);
	void *arg;
	int width;
};
void table_draw(const struct table *t, const struct table_out *out);

/* What a line stands in: a quote, or an item of a list. */
struct box {
	bool quote, ordered, marked; /* marked: the item's marker is drawn */
	unsigned number;
	char task; /* 0: none, else what is between its brackets */
	int width; /* of the item's marker */
};

struct render {
	struct lines *lines;	/* of the item */
	struct lines *out;	/* the same, or those of a table's cell */
	struct markdown *state; /* of the outermost level */
	struct box box[BOXES_MAX];
	int depth; /* may pass BOXES_MAX */
	int quotes;
	uint32_t style;
	unsigned strong, emphasis, code, link, heading;
	bool code_block;
	bool began; /* the line is begun: what stands in front of it is drawn */
	bool fresh; /* nothing stands in this quote or item yet */
	struct table table;
	struct buf said; /* a link's text */
};

void render_style(struct render *r); /* after a change of what the words are in */

/* A line: what stands in front of it is drawn by the first, once. */
void render_begin(struct render *r);
void render_end(struct render *r);
void render_gap(struct render *r); /* air between two blocks */

void render_enter_box(struct render *r, bool quote, bool ordered, unsigned number);
void render_leave_box(struct render *r, bool quote);
void render_enter_item(struct render *r, char task);
void render_leave_item(struct render *r);
void render_table(struct render *r); /* draws and forgets what was collected */

void render_code(struct render *r, const char *language, size_t len);
void render_code_text(struct render *r, const char *text, size_t len);
void render_code_end(struct render *r);

/* Words as they came; entity: "&...;"; a cell has "<br>". */
void render_text(struct render *r, const char *text, size_t len);
void render_entity(struct render *r, const char *text, size_t len);
void render_cell_text(struct render *r, const char *text, size_t len);

/* markdown.c: Markdown without a fence on its outermost level, to the above. */
void markdown_parse(struct render *r, const char *text, size_t len);

/*
 * Stands in front of a "[" that would define a link, in code as in words, and is taken
 * out of all that md4c gives back.  No UTF-8 has it.
 */
#define MARKDOWN_MARK ((char)0xff)

/*
 * A piece as md4c is to see it: the definitions of links are words, and what is
 * emphasised at an open end is so already.
 */
void markdown_prepare(struct buf *out, const char *text, size_t len, bool open);

/* For tests: the whole text as one piece, fences and all, as md4c sees it. */
void markdown_render_unsplit(struct lines *lines, const char *text, size_t len);

#endif
