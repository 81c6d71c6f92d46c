/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/canvas.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/text.h"

#define BOX_FIRST 0x2500 /* lines and corners */
#define BOX_LAST 0x257f

static int
clamp(int n, int max)
{
	return n < 1 ? 1 : n > max ? max : n;
}

void
canvas_init(struct canvas *c, int cols, int rows)
{
	c->cols = clamp(cols, CANVAS_COLS_MAX);
	c->rows = clamp(rows, CANVAS_ROWS_MAX);
	c->cells = mem_alloc((size_t)c->cols * (size_t)c->rows * sizeof *c->cells);
	canvas_clear(c);
}

void
canvas_fini(struct canvas *c)
{
	free(c->cells);
	c->cells = NULL;
}

struct rect
canvas_rect(const struct canvas *c)
{
	return (struct rect){0, 0, c->rows, c->cols};
}

struct cell *
canvas_cell(const struct canvas *c, int row, int col)
{
	return &c->cells[row * c->cols + col];
}

void
canvas_clear(struct canvas *c)
{
	canvas_fill(c, canvas_rect(c), 0);
	c->cursor_row = -1;
	c->cursor_col = 0;
}

void
canvas_fill(struct canvas *c, struct rect r, uint32_t style)
{
	for (int row = r.row; row < r.row + r.rows && row < c->rows; row++)
		for (int col = r.col; col < r.col + r.cols && col < c->cols; col++)
			*canvas_cell(c, row, col) = (struct cell){{' '}, style};
}

void
canvas_look(struct canvas *c, struct rect r, uint32_t look)
{
	const uint32_t stays = STYLE_BOLD | STYLE_ITALIC | STYLE_UNDERLINE;

	for (int row = r.row; row < r.row + r.rows && row < c->rows; row++)
		for (int col = r.col; col < r.col + r.cols && col < c->cols; col++) {
			struct cell *cell = canvas_cell(c, row, col);

			cell->style = (cell->style & stays) | look;
		}
}

/* Half a wide character may not stay behind when its other half is drawn over. */
static void
blank_halves(struct canvas *c, int row, int col, int width)
{
	if (col > 0 && canvas_cell(c, row, col)->ch[0] == 0)
		*canvas_cell(c, row, col - 1) = (struct cell){{' '}, 0};
	if (col + width < c->cols && canvas_cell(c, row, col + width)->ch[0] == 0)
		*canvas_cell(c, row, col + width) = (struct cell){{' '}, 0};
}

static void
join(struct canvas *c, int row, int col, int left, uint32_t cp)
{
	struct cell *cell;

	while (col > left && canvas_cell(c, row, col - 1)->ch[0] == 0)
		col--;
	if (col <= left)
		return;
	cell = canvas_cell(c, row, col - 1);
	for (int i = 1; i < CELL_CHARS; i++)
		if (cell->ch[i] == 0) {
			cell->ch[i] = cp;
			return;
		}
}

/* Cells of a code point, -1: it may not be drawn.  Most are ASCII or our rules. */
static int
width_of(uint32_t cp)
{
	if ((cp >= ' ' && cp < 0x7f) || (cp >= 0x2500 && cp < 0x2580))
		return 1;
	return scrub_is_plain(cp) ? wcwidth((wchar_t)cp) : -1;
}

/* Words that do not fit are cut visibly; blanks and lines are not missed. */
static void
mark_cut(struct canvas *c, int row, int left, int right, uint32_t style, const char *text,
    size_t len)
{
	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);

		if (cp != ' ' && !(cp >= BOX_FIRST && cp <= BOX_LAST))
			break;
		text += n;
		len -= n;
	}
	if (len == 0 || right <= left)
		return;
	blank_halves(c, row, right - 1, 1);
	*canvas_cell(c, row, right - 1) = (struct cell){{0x2026}, style};
}

int
canvas_put(struct canvas *c, struct rect r, int row, int col, uint32_t style,
    const char *text, size_t len)
{
	int y = r.row + row, right = r.col + r.cols;

	if (row < 0 || row >= r.rows || y < 0 || y >= c->rows || col < 0)
		return col;
	if (right > c->cols)
		right = c->cols;
	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);
		int width, x = r.col + col;

		width = width_of(cp);
		if (width < 0) {
			cp = '?';
			width = 1;
		}
		if (width > 0 && x + width > right) {
			mark_cut(c, y, r.col, right, style, text, len);
			break;
		}
		text += n;
		len -= n;
		if (width == 0) {
			join(c, y, x, r.col, cp);
			continue;
		}
		blank_halves(c, y, x, width);
		*canvas_cell(c, y, x) = (struct cell){{cp}, style};
		if (width == 2)
			*canvas_cell(c, y, x + 1) = (struct cell){{0}, style};
		col += width;
	}
	return col;
}

int
canvas_text(
    struct canvas *c, struct rect r, int row, int col, uint32_t style, const char *text)
{
	return canvas_put(c, r, row, col, style, text, strlen(text));
}

int
canvas_printf(struct canvas *c, struct rect r, int row, int col, uint32_t style,
    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return canvas_text(c, r, row, col, style, text);
}

static void
rule(struct canvas *c, struct rect r, int row, uint32_t style, const char *left,
    const char *right)
{
	canvas_text(c, r, row, 0, style, left);
	for (int col = 1; col < r.cols - 1; col++)
		canvas_text(c, r, row, col, style, "─");
	canvas_text(c, r, row, r.cols - 1, style, right);
}

void
canvas_frame(struct canvas *c, struct rect r, uint32_t style, const char *title)
{
	canvas_fill(c, r, 0);
	rule(c, r, 0, style, "┌", "┐");
	for (int row = 1; row < r.rows - 1; row++) {
		canvas_text(c, r, row, 0, style, "│");
		canvas_text(c, r, row, r.cols - 1, style, "│");
	}
	rule(c, r, r.rows - 1, style, "└", "┘");
	if (r.cols > 4)
		canvas_printf(c, (struct rect){r.row, r.col, 1, r.cols - 2}, 0, 2, style,
		    " %s ", title);
}

int
canvas_width(const char *text, size_t len)
{
	int cols = 0;

	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);
		int width = width_of(cp);

		cols += width < 0 ? 1 : width;
		text += n;
		len -= n;
	}
	return cols;
}

int
canvas_print(const struct canvas *c, struct buf *out)
{
	for (int row = 0; row < c->rows; row++) {
		int end = c->cols;
		char utf8[4];

		while (end > 0 && canvas_cell(c, row, end - 1)->ch[0] == ' ')
			end--;
		for (int col = 0; col < end; col++)
			for (int i = 0; i < CELL_CHARS && canvas_cell(c, row, col)->ch[i];
			     i++)
				if (buf_add(out, utf8,
					text_encode(
					    canvas_cell(c, row, col)->ch[i], utf8)) < 0)
					return -1;
		if (buf_add(out, "\n", 1) < 0)
			return -1;
	}
	return 0;
}
