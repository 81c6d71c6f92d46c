/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "paint.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <limits.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/draw/theme.h"

/* DejaVu Sans Mono at 20 pixels: its characters are 12.04 wide, its lines 23.3 tall. */
#define PIXELS 20
#define CELL_W 12
#define CELL_H 23
#define BASELINE 18
#define MARGIN 12
#define SHADES 15 /* between paper and ink: so few that all colours have an index */

struct paint {
	FT_Library library;
	FT_Face plain, bold;
	unsigned char *pixels; /* an index each */
	unsigned char map[256][3];
	int colours_used, width, height;
	const struct paint_colours *colours;
};

/* --- colours, as xterm has them --- */

static void
palette(int n, unsigned char out[3])
{
	static const unsigned char base[16][3] = {{0, 0, 0}, {205, 49, 49},
	    {13, 188, 121}, {229, 192, 16}, {36, 114, 200}, {188, 63, 188},
	    {17, 168, 205}, {229, 229, 229}, {118, 118, 118}, {241, 76, 76},
	    {35, 209, 139}, {245, 245, 67}, {59, 142, 234}, {214, 112, 214},
	    {41, 184, 219}, {255, 255, 255}};
	int cube;

	if (n < 16) {
		memcpy(out, base[n], 3);
	} else if (n >= 232) {
		memset(out, 8 + 10 * (n - 232), 3);
	} else {
		cube = n - 16;
		for (int i = 2; i >= 0; i--, cube /= 6)
			out[i] =
			    (unsigned char)(cube % 6 == 0 ? 0 : 55 + 40 * (cube % 6));
	}
}

static void
pick(const struct paint *p, uint32_t style, unsigned char ink[3], unsigned char paper[3])
{
	int fg = STYLE_GET_FG(style), bg = STYLE_GET_BG(style);
	unsigned char swap[3];

	memcpy(ink, p->colours->ink, 3);
	memcpy(paper, p->colours->paper, 3);
	if (fg >= 0)
		palette(fg, ink);
	if (bg >= 0)
		palette(bg, paper);
	for (int i = 0; i < 3 && (style & STYLE_DIM); i++)
		ink[i] = (unsigned char)((ink[i] * 6 + paper[i] * 4) / 10);
	if (style & (STYLE_REVERSE | STYLE_MARK)) {
		memcpy(swap, ink, 3);
		memcpy(ink, paper, 3);
		memcpy(paper, swap, 3);
	}
}

/* --- pixels --- */

/* The index of a colour; of one too many: the nearest of those that are there. */
static unsigned char
index_of(struct paint *p, const unsigned char rgb[3])
{
	int best = 0, least = INT_MAX;

	for (int i = 0; i < p->colours_used; i++) {
		int far = 0;

		for (int k = 0; k < 3; k++)
			far += (p->map[i][k] - rgb[k]) * (p->map[i][k] - rgb[k]);
		if (far < least) {
			least = far;
			best = i;
		}
	}
	if (least > 0 && p->colours_used < 256) {
		best = p->colours_used++;
		memcpy(p->map[best], rgb, 3);
	}
	return (unsigned char)best;
}

static void
blend(struct paint *p, int x, int y, const unsigned char ink[3], int alpha)
{
	int shade = (alpha * SHADES + 127) / 255;
	unsigned char *at, rgb[3];

	if (x < 0 || y < 0 || x >= p->width || y >= p->height || shade == 0)
		return;
	at = p->pixels + (size_t)y * (size_t)p->width + (size_t)x;
	for (int i = 0; i < 3; i++)
		rgb[i] =
		    (unsigned char)((ink[i] * shade + p->map[*at][i] * (SHADES - shade)) /
			SHADES);
	*at = index_of(p, rgb);
}

static void
fill(struct paint *p, int x, int y, int w, int h, const unsigned char colour[3])
{
	for (int row = y; row < y + h; row++)
		for (int col = x; col < x + w; col++)
			blend(p, col, row, colour, 255);
}

static void
draw_glyph(
    struct paint *p, FT_Face face, uint32_t ch, int x, int y, const unsigned char ink[3])
{
	const FT_GlyphSlot slot = face->glyph;

	if (FT_Load_Char(face, ch, FT_LOAD_RENDER | FT_LOAD_TARGET_LIGHT))
		return;
	for (unsigned row = 0; row < slot->bitmap.rows; row++)
		for (unsigned col = 0; col < slot->bitmap.width; col++)
			blend(p, x + slot->bitmap_left + (int)col,
			    y + BASELINE - slot->bitmap_top + (int)row, ink,
			    slot->bitmap
				.buffer[(int)row * slot->bitmap.pitch + (int)col]);
}

static void
draw_cell(struct paint *p, const struct canvas *c, int row, int col)
{
	const struct cell *cell = canvas_cell(c, row, col);
	bool wide = col + 1 < c->cols && cell[1].ch[0] == 0;
	int x = MARGIN + col * CELL_W, y = MARGIN + row * CELL_H;
	uint32_t style = theme_style(cell->style);
	unsigned char ink[3], paper[3];

	if (cell->ch[0] == 0)
		return;
	pick(p, style, ink, paper);
	if (row == c->cursor_row && col == c->cursor_col) {
		memcpy(paper, p->colours->ink, 3);
		memcpy(ink, p->colours->paper, 3);
	}
	fill(p, x, y, wide ? 2 * CELL_W : CELL_W, CELL_H, paper);
	for (int i = 0; i < CELL_CHARS && cell->ch[i]; i++)
		draw_glyph(
		    p, style & STYLE_BOLD ? p->bold : p->plain, cell->ch[i], x, y, ink);
	if (style & STYLE_UNDERLINE)
		fill(p, x, y + BASELINE + 2, wide ? 2 * CELL_W : CELL_W, 1, ink);
}

/* --- files --- */

static int
open_font(
    struct paint *p, const char *fonts, const char *name, FT_Face *face, struct err *err)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", fonts, name);
	if (FT_New_Face(p->library, path, 0, face))
		return err_set(err, ERR_SYSTEM,
		    "no font %s: install fonts-dejavu-core, or say --fonts DIR", path);
	FT_Set_Pixel_Sizes(*face, 0, PIXELS);
	return 0;
}

static int
write_png(const struct paint *p, const char *path, struct err *err)
{
	png_image image = {.version = PNG_IMAGE_VERSION,
	    .width = (png_uint_32)p->width,
	    .height = (png_uint_32)p->height,
	    .format = PNG_FORMAT_RGB_COLORMAP,
	    .colormap_entries = (png_uint_32)p->colours_used};

	if (png_image_write_to_file(&image, path, 0, p->pixels, 0, p->map))
		return 0;
	return err_set(err, ERR_SYSTEM, "%s: %s", path, image.message);
}

int
paint_png(const struct canvas *c, const struct paint_colours *colours, const char *fonts,
    const char *path, struct err *err)
{
	struct paint p = {.width = c->cols * CELL_W + 2 * MARGIN,
	    .height = c->rows * CELL_H + 2 * MARGIN,
	    .colours = colours};
	int rc = -1;

	if (FT_Init_FreeType(&p.library))
		return err_set(err, ERR_SYSTEM, "FreeType does not start");
	if (open_font(&p, fonts, "DejaVuSansMono.ttf", &p.plain, err) < 0 ||
	    open_font(&p, fonts, "DejaVuSansMono-Bold.ttf", &p.bold, err) < 0)
		goto out;
	p.pixels = mem_alloc((size_t)p.width * (size_t)p.height);
	fill(&p, 0, 0, p.width, p.height, colours->paper);
	for (int row = 0; row < c->rows; row++)
		for (int col = 0; col < c->cols; col++)
			draw_cell(&p, c, row, col);
	rc = write_png(&p, path, err);
out:
	free(p.pixels);
	FT_Done_FreeType(p.library);
	return rc;
}
