/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_palette.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/prompt/complete.h"
#include "console/draw/lines.h"
#include "console/prompt/palette.h"

#define SMALL_ROWS 8 /* below: no list */
#define WIDE_COLS 60 /* below: words alone */
#define LIST_ROWS_MAX 20
#define LOW_ROWS 18    /* a screen lower than this keeps two rows of its panes in sight */
#define FOOT_ROWS 2    /* on a narrow screen: all about the chosen one */
#define ROOMY_COLS 100 /* from here: a key and its twin */
#define KEYS_COLS 8
#define GROUP_COLS 10

/* A list of count things in rows rows, so many in a row. */
struct window {
	int rows, per_row, top; /* top: the first row shown */
	int all;		/* rows that all of them take */
};

bool
view_palette_fits(int screen_rows)
{
	return screen_rows >= SMALL_ROWS;
}

/* The chosen one is in it, and not at its edge where more follows. */
static struct window
make_window(int count, int per_row, int most, int chosen)
{
	struct window w = {.per_row = per_row, .all = (count + per_row - 1) / per_row};
	int at = chosen < 0 ? 0 : chosen / per_row;

	w.rows = w.all < most ? w.all : most;
	w.top = at - w.rows + 2;
	if (w.top > w.all - w.rows)
		w.top = w.all - w.rows;
	if (w.top < 0)
		w.top = 0;
	if (at < w.top)
		w.top = at;
	return w;
}

/* --- a line of its own for each --- */

static int
word_cols(const struct complete *l)
{
	int cols = 0;

	for (int i = 0; i < l->count; i++) {
		int n = (int)strlen(l->row[i].word) +
		    (l->row[i].args[0] ? 1 + (int)strlen(l->row[i].args) : 0);

		if (n > cols && n <= 24)
			cols = n;
	}
	return cols;
}

static void
draw_wide(const struct complete *l, int i, bool first, bool chosen, bool few,
    struct canvas *c, struct rect r, int row)
{
	const struct complete_row *it = &l->row[i];
	int left = l->command ? GROUP_COLS : 0, col = 2 + left, word = word_cols(l);
	uint32_t quiet = it->why[0] && !chosen ? LOOK_QUIET : LOOK_PLAIN;

	if (chosen)
		canvas_fill(c, (struct rect){r.row + row, r.col, 1, r.cols}, LOOK_PICKED);
	canvas_text(c, r, row, 0, chosen ? LOOK_PICKED : LOOK_PLAIN, chosen ? "▸" : " ");
	if (l->command && first)
		canvas_text(c, r, row, 2, chosen ? LOOK_PICKED : LOOK_QUIET,
		    complete_group_names[it->group]);
	col = canvas_text(c, r, row, col,
	    chosen ? it->danger ? LOOK_DANGER : LOOK_PICKED | STYLE_BOLD
		   : quiet | (it->why[0] ? 0 : STYLE_BOLD),
	    it->word);
	if (it->args[0])
		canvas_text(
		    c, r, row, col + 1, chosen ? LOOK_PICKED : LOOK_HINT, it->args);
	col = 2 + left + word + 2;
	if (l->command) { /* one of both where the row is short */
		bool roomy = r.cols >= ROOMY_COLS;
		uint32_t look = chosen ? LOOK_PICKED : LOOK_HINT;

		if (roomy || !few)
			canvas_text(c, r, row, col, look, it->keys);
		col += roomy ? KEYS_COLS : 0;
		if (roomy || few)
			canvas_text(c, r, row, col, look, it->twin);
		col += KEYS_COLS;
	}
	if (it->why[0]) {
		col = canvas_text(
		    c, r, row, col, chosen ? LOOK_PICKED : LOOK_QUIET, it->why);
		col = canvas_text(c, r, row, col, chosen ? LOOK_PICKED : quiet, ": ");
	}
	canvas_text(c, r, row, col, chosen ? LOOK_PICKED : quiet, it->help);
}

/* --- words alone --- */

static void
draw_cell(const struct complete *l, int i, bool chosen, struct canvas *c, struct rect r,
    int row, int col, int cols)
{
	const struct complete_row *it = &l->row[i];
	struct rect cell = {r.row + row, r.col + col, 1, cols};
	uint32_t look = it->why[0] ? LOOK_QUIET : LOOK_PLAIN | STYLE_BOLD;

	if (chosen) {
		look = it->danger ? LOOK_DANGER : LOOK_PICKED;
		canvas_fill(c, cell, look);
	}
	canvas_text(c, cell, 0, 0, look, chosen ? "▸" : " ");
	cell.cols--;
	canvas_text(c, cell, 0, 1, look, it->word);
}

/* --- the whole --- */

/* What the chosen one does; none: how one is chosen. */
static void
draw_foot(const struct complete *l, int chosen, int rows, struct canvas *c, struct rect r,
    int row)
{
	const struct complete_row *it = chosen >= 0 ? &l->row[chosen] : NULL;
	struct rect in = {r.row, r.col + 2, r.rows, r.cols - 2};
	struct lines text;

	lines_init(&text, in.cols);
	if (!it) {
		lines_str(&text, LOOK_HINT, "↑↓ choose, Tab completes,");
		if (rows > 1)
			lines_break(&text);
		lines_str(&text, LOOK_HINT,
		    rows > 1 ? "Enter runs, Esc closes" : " Enter runs, Esc closes");
	} else {
		if (it->twin[0] && rows > 1) {
			lines_str(&text, LOOK_STRONG, it->twin);
			lines_str(&text, LOOK_HINT, "  ");
		}
		if (it->why[0]) {
			lines_str(&text, LOOK_BUSY, it->why);
			lines_str(&text, LOOK_HINT, ": ");
		}
		lines_str(&text, LOOK_HINT, it->help);
	}
	for (int i = 0; i < rows && i < (int)text.count; i++)
		lines_draw(&text, (size_t)i, c, in, row + i);
	lines_fini(&text);
}

/* "commands, more below", "/runbook" */
static void
put_title(const struct complete *l, const struct window *w, const char *line, char *out,
    size_t size)
{
	bool above = w->top > 0, below = w->top + w->rows < w->all;
	int len = l->command ? 8 : (int)strcspn(line, " ");

	snprintf(out, size, " %.*s%s%s%s%s ", len, l->command ? "commands" : line,
	    above || below ? ", more " : "", above ? "above" : "",
	    above && below ? " and " : "", below ? "below" : "");
}

static void
draw_head(const char *title, struct canvas *c, struct rect r)
{
	for (int x = 0; x < r.cols; x++)
		canvas_text(c, r, 0, x, LOOK_RULE, "─");
	canvas_text(c, r, 0, 1, LOOK_TITLE, title);
}

static void
draw_list(const struct screen *s, const struct complete *l, const char *line,
    struct canvas *c, struct rect r)
{
	bool wide = r.cols >= WIDE_COLS || !l->command;
	int foot = r.cols >= WIDE_COLS ? 1 : FOOT_ROWS;
	int most = (r.rows < LOW_ROWS ? r.rows - 2 : r.rows * 3 / 5) - 1 - foot;
	struct window w;
	struct rect in;
	char title[64];
	int chosen = s->palette.chosen < l->count ? s->palette.chosen : -1;

	if (most > LIST_ROWS_MAX)
		most = LIST_ROWS_MAX;
	if (most < 1)
		return;
	w = make_window(l->count, wide ? 1 : 2, most, chosen);
	in = (struct rect){
	    r.row + r.rows - w.rows - 1 - foot, r.col, w.rows + 1 + foot, r.cols};
	canvas_fill(c, in, 0);
	put_title(l, &w, line, title, sizeof title);
	draw_head(title, c, in);
	for (int row = 0; row < w.rows; row++)
		for (int k = 0; k < w.per_row; k++) {
			int i = (w.top + row) * w.per_row + k;

			if (i >= l->count)
				break;
			if (wide)
				draw_wide(l, i,
				    row == 0 || l->row[i].group != l->row[i - 1].group,
				    i == chosen, s->few_keys, c, in, row + 1);
			else
				draw_cell(l, i, i == chosen, c, in, row + 1,
				    k * (r.cols / 2), r.cols / 2);
		}
	draw_foot(l, chosen, foot, c, in, w.rows + 1);
}

void
view_palette_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	struct complete *l;
	const char *line;
	size_t len;

	if (!s->palette.open || !view_palette_fits(c->rows))
		return;
	l = mem_alloc(sizeof *l);
	line = palette_line(s, &len);
	complete_list(l, s, line, len);
	if (l->count > 0)
		draw_list(s, l, line, c, r);
	free(l);
}
