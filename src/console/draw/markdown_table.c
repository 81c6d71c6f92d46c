/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * markdown_table.c: a table in the width that there is.
 *
 * Columns have the width of their text as long as all fit.  Else the widest give, and
 * their cells wrap between words; where words would be broken or less than COLUMN_MIN be
 * left, each row is a list of "name: value" lines.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/draw/markdown_int.h"

#define COLUMN_MIN 8
#define WORD_KEPT 20	  /* columns of a word that is not broken */
#define SEPARATOR 3	  /* " │ " */
#define CELL_WIDTH 100000 /* a cell is wrapped when its column is known */

void
table_init(struct table *t)
{
	memset(t, 0, sizeof *t);
}

void
table_fini(struct table *t)
{
	for (size_t i = 0; i < t->cells; i++)
		lines_fini(&t->cell[i].text);
	free(t->cell);
	table_init(t);
}

struct table_cell *
table_add(struct table *t, enum table_align align)
{
	struct table_cell *c;

	if (t->cells == t->size) {
		t->size = t->size ? t->size * 2 : 16;
		t->cell = mem_resize(t->cell, t->size * sizeof *t->cell);
	}
	c = &t->cell[t->cells++];
	lines_init(&c->text, CELL_WIDTH);
	c->align = align;
	return c;
}

static int
cell_width(const struct table_cell *c)
{
	int width = 0;

	for (size_t i = 0; i < c->text.count; i++)
		if (c->text.line[i].cols > width)
			width = c->text.line[i].cols;
	return width;
}

static int
longest_word(const struct lines_line *n)
{
	int longest = 0;

	for (size_t at = 0; at < n->len;) {
		size_t end = at;
		int w;

		while (end < n->len && n->text[end] != ' ')
			end++;
		w = canvas_width(n->text + at, end - at);
		longest = w > longest ? w : longest;
		at = end + 1;
	}
	return longest;
}

static void
natural_widths(const struct table *t, int width[TABLE_COLS_MAX])
{
	for (int col = 0; col < t->cols; col++)
		width[col] = 1;
	for (size_t i = 0; i < t->cells; i++) {
		int w = cell_width(&t->cell[i]);

		if (w > width[i % (size_t)t->cols])
			width[i % (size_t)t->cols] = w;
	}
}

/* The longest word of each column, as far as it should not be broken. */
static void
least_widths(const struct table *t, int least[TABLE_COLS_MAX])
{
	for (int col = 0; col < t->cols; col++)
		least[col] = 1;
	for (size_t i = 0; i < t->cells; i++) {
		const struct lines *text = &t->cell[i].text;
		int *least_of = &least[i % (size_t)t->cols];

		for (size_t line = 0; line < text->count; line++) {
			int w = longest_word(&text->line[line]);

			w = w > WORD_KEPT ? WORD_KEPT : w;
			*least_of = w > *least_of ? w : *least_of;
		}
	}
}

/*
 * Widths that fill room: each column has its longest word, and what is left goes to the
 * narrowest that want more.  false: too narrow for that.
 */
static bool
fit(const struct table *t, int *width, int room)
{
	int natural[TABLE_COLS_MAX], left = room;

	memcpy(natural, width, sizeof natural);
	least_widths(t, width);
	for (int i = 0; i < t->cols; i++)
		left -= width[i];
	if (left < 0)
		return false;
	while (left > 0) {
		int least = -1;

		for (int i = 0; i < t->cols; i++)
			if (width[i] < natural[i] &&
			    (least < 0 || width[i] < width[least]))
				least = i;
		if (least < 0)
			break;
		width[least]++;
		left--;
	}
	for (int i = 0; i < t->cols; i++)
		if (width[i] < natural[i] && width[i] < COLUMN_MIN)
			return false;
	return true;
}

/* --- drawing --- */

static void
put_times(struct lines *l, uint32_t look, const char *text, int n)
{
	while (n-- > 0)
		lines_str(l, look, text);
}

static void
wrap_cell(struct lines *l, const struct table_cell *c, int width)
{
	lines_init(l, width);
	for (size_t i = 0; i < c->text.count; i++) {
		lines_copy(l, &c->text.line[i]);
		lines_break(l);
	}
}

static void
put_cell(struct lines *to, const struct lines *cell, size_t i, int width,
    enum table_align align, bool last)
{
	const struct lines_line *line = i < cell->count ? &cell->line[i] : NULL;
	int blanks = width - (line ? line->cols : 0), left;

	left = align == TABLE_RIGHT ? blanks : align == TABLE_CENTER ? blanks / 2 : 0;
	put_times(to, 0, " ", left);
	if (line)
		lines_copy(to, line);
	if (!last)
		put_times(to, 0, " ", blanks - left);
}

static void
draw_rule(const struct table_out *o, const int *width, int cols)
{
	o->begin(o->arg);
	for (int i = 0; i < cols; i++) {
		put_times(o->lines, LOOK_QUIET, "─", width[i]);
		if (i + 1 < cols)
			lines_str(o->lines, LOOK_QUIET, "─┼─");
	}
	lines_break(o->lines);
}

static void
draw_row(const struct table *t, size_t first, const struct table_out *o, const int *width)
{
	struct lines cell[TABLE_COLS_MAX];
	size_t rows = 1;

	for (int i = 0; i < t->cols; i++) {
		wrap_cell(&cell[i], &t->cell[first + (size_t)i], width[i]);
		if (cell[i].count > rows)
			rows = cell[i].count;
	}
	for (size_t row = 0; row < rows; row++) {
		o->begin(o->arg);
		for (int i = 0; i < t->cols; i++) {
			put_cell(o->lines, &cell[i], row, width[i],
			    t->cell[first + (size_t)i].align, i + 1 == t->cols);
			if (i + 1 < t->cols)
				lines_str(o->lines, LOOK_QUIET, " │ ");
		}
		lines_break(o->lines);
	}
	for (int i = 0; i < t->cols; i++)
		lines_fini(&cell[i]);
}

/* Are there rows whose cells cannot be told from those of the next without a rule? */
static bool
wants_rules(const struct table *t, const int *width)
{
	for (size_t i = (size_t)t->cols; i < t->cells; i += (size_t)t->cols) {
		int wrapped = 0;

		for (int col = 0; col < t->cols; col++)
			wrapped += t->cell[i + (size_t)col].text.count > 1 ||
			    cell_width(&t->cell[i + (size_t)col]) > width[col];
		if (wrapped > 1)
			return true;
	}
	return false;
}

static void
draw_grid(const struct table *t, const struct table_out *o, const int *width)
{
	bool rules = wants_rules(t, width);

	for (size_t i = 0; i < t->cells; i += (size_t)t->cols) {
		if (i == (size_t)t->cols || (rules && i > 0))
			draw_rule(o, width, t->cols);
		draw_row(t, i, o, width);
	}
}

static void
draw_record(const struct table *t, size_t first, const struct table_out *o)
{
	for (int col = 0; col < t->cols; col++) {
		const struct lines *name = &t->cell[col].text;
		const struct lines *value = &t->cell[first + (size_t)col].text;

		if (value->count == 0)
			continue;
		o->begin(o->arg);
		if (strlen(o->lines->indent) + 3 < sizeof o->lines->indent)
			strcat(o->lines->indent, "  ");
		for (size_t i = 0; i < name->count; i++) {
			lines_copy(o->lines, &name->line[i]);
			lines_str(o->lines, 0, i + 1 < name->count ? " " : ": ");
		}
		for (size_t i = 0; i < value->count; i++) {
			lines_str(o->lines, 0, i ? " " : "");
			lines_copy(o->lines, &value->line[i]);
		}
		lines_break(o->lines);
	}
}

static void
draw_records(const struct table *t, const struct table_out *o)
{
	for (size_t i = (size_t)t->cols; i < t->cells; i += (size_t)t->cols) {
		if (i > (size_t)t->cols) {
			o->begin(o->arg);
			lines_break(o->lines);
		}
		draw_record(t, i, o);
	}
	if (t->cells > (size_t)t->cols)
		return;
	o->begin(o->arg); /* no row yet: its names */
	for (int col = 0; col < t->cols; col++) {
		lines_str(o->lines, 0, col ? ", " : "");
		for (size_t i = 0; i < t->cell[col].text.count; i++)
			lines_copy(o->lines, &t->cell[col].text.line[i]);
	}
	lines_break(o->lines);
}

void
table_draw(const struct table *t, const struct table_out *o)
{
	int width[TABLE_COLS_MAX], all = 0;

	if (t->cols == 0 || t->cells < (size_t)t->cols)
		return;
	if (t->cols > TABLE_COLS_MAX) {
		draw_records(t, o);
		return;
	}
	natural_widths(t, width);
	for (int i = 0; i < t->cols; i++)
		all += width[i] + (i ? SEPARATOR : 0);
	if (all <= o->width || fit(t, width, o->width - SEPARATOR * (t->cols - 1)))
		draw_grid(t, o, width);
	else
		draw_records(t, o);
}
