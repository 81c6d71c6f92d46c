/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Colours and weights: the one sequence that the sanitiser understands. */
#include <string.h>

#include "base/scrub.h"
#include "base/scrub_int.h"

#define NUMBERS_MAX 32	 /* numbers of one SGR that are looked at */
#define COLOURS_APART 60 /* red, green and blue together: less looks the same */

struct sgr {
	unsigned value[NUMBERS_MAX];
	bool joined[NUMBERS_MAX]; /* a colon stood before it */
	size_t count;
};

static bool
sgr_read(const char *p, size_t len, struct sgr *n)
{
	memset(n, 0, sizeof *n);
	n->count = 1;
	for (size_t i = 0; i < len; i++) {
		unsigned *v = &n->value[n->count - 1];

		if (p[i] >= '0' && p[i] <= '9')
			*v = *v > 9999 ? *v : *v * 10 + (unsigned)(p[i] - '0');
		else if (p[i] != ';' && p[i] != ':')
			return false;
		else if (n->count == NUMBERS_MAX)
			return true; /* the rest changes nothing that matters */
		else
			n->joined[n->count++] = p[i] == ':';
	}
	return true;
}

static unsigned
cube(unsigned v)
{
	return v < 48 ? 0 : v < 115 ? 1 : (v > 255 ? 255 - 35 : v - 35) / 40;
}

/* The colour behind a 38 or 48 at i: sets *i to the last number used; -1: none. */
static int
sgr_colour(const struct sgr *n, size_t *i)
{
	size_t at = *i + 1, end = at;
	unsigned kind = at < n->count ? n->value[at] : 0;
	bool joined = at < n->count && n->joined[at];
	int colour = -1;

	if (joined)
		while (end < n->count && n->joined[end])
			end++;
	else
		end = at + (kind == 5 ? 2 : kind == 2 ? 4 : 1);
	if (end > n->count)
		end = n->count;
	if (kind == 5 && at + 1 < end && n->value[at + 1] < 256)
		colour = (int)n->value[at + 1];
	else if (kind == 2 && end - at >= 4)
		colour = 16 + 36 * (int)cube(n->value[end - 3]) +
		    6 * (int)cube(n->value[end - 2]) + (int)cube(n->value[end - 1]);
	*i = end - 1;
	return colour;
}

static uint32_t
with_fg(uint32_t style, int colour)
{
	return (style & ~0x1ffu) | (colour < 0 ? 0 : STYLE_FG(colour));
}

static uint32_t
with_bg(uint32_t style, int colour)
{
	return (style & ~(0x1ffu << 9)) | (colour < 0 ? 0 : STYLE_BG(colour));
}

static uint32_t
sgr_one(const struct sgr *n, size_t *i, uint32_t style)
{
	unsigned v = n->value[*i];

	if (v == 0)
		return 0;
	if (v == 1 || v == 22)
		return v == 1 ? style | STYLE_BOLD : style & ~STYLE_BOLD;
	if (v == 3 || v == 23)
		return v == 3 ? style | STYLE_ITALIC : style & ~STYLE_ITALIC;
	if (v == 4 && *i + 1 < n->count && n->joined[*i + 1])
		v = n->value[++*i] == 0 ? 24 : 4;
	if (v == 4 || v == 24)
		return v == 4 ? style | STYLE_UNDERLINE : style & ~STYLE_UNDERLINE;
	if (v >= 30 && v <= 37)
		return with_fg(style, (int)v - 30);
	if (v >= 90 && v <= 97)
		return with_fg(style, (int)v - 82);
	if (v >= 40 && v <= 47)
		return with_bg(style, (int)v - 40);
	if (v >= 100 && v <= 107)
		return with_bg(style, (int)v - 92);
	if (v == 38)
		return with_fg(style, sgr_colour(n, i));
	if (v == 48)
		return with_bg(style, sgr_colour(n, i));
	if (v == 58)
		sgr_colour(n, i);
	else if (v == 39)
		return with_fg(style, -1);
	else if (v == 49)
		return with_bg(style, -1);
	return style;
}

/* What a colour is about, as xterm has it. */
static void
about(int colour, int rgb[3])
{
	static const unsigned char first[16][3] = {{0, 0, 0}, {205, 0, 0}, {0, 205, 0},
	    {205, 205, 0}, {0, 0, 238}, {205, 0, 205}, {0, 205, 205}, {229, 229, 229},
	    {127, 127, 127}, {255, 0, 0}, {0, 255, 0}, {255, 255, 0}, {92, 92, 255},
	    {255, 0, 255}, {0, 255, 255}, {255, 255, 255}};
	static const unsigned char step[6] = {0, 95, 135, 175, 215, 255};

	for (int i = 0; i < 3; i++) {
		int in_cube = colour - 16, part = i == 0 ? 36 : i == 1 ? 6 : 1;

		rgb[i] = colour < 16 ? first[colour][i]
		    : colour < 232   ? step[in_cube / part % 6]
				     : 8 + 10 * (colour - 232);
	}
}

static bool
look_the_same(int a, int b)
{
	int x[3], y[3], apart = 0;

	about(a, x);
	about(b, y);
	for (int i = 0; i < 3; i++)
		apart += x[i] > y[i] ? x[i] - y[i] : y[i] - x[i];
	return apart < COLOURS_APART;
}

static bool
is_black(int colour)
{
	return colour == 0 || colour == 16 || (colour >= 232 && colour <= 236);
}

static bool
is_white(int colour)
{
	return colour == 7 || colour == 15 || colour == 231 || colour >= 252;
}

/*
 * Text that cannot be seen is text that deceives: such colours become the default.
 * What the default is, is not known: black and white alone are never left to it.
 */
static uint32_t
visible(uint32_t style)
{
	int fg = STYLE_GET_FG(style), bg = STYLE_GET_BG(style);

	if (fg >= 0 && bg >= 0)
		return look_the_same(fg, bg) ? style & ~STYLE_COLOURS : style;
	if (bg >= 0)
		return is_black(bg) || is_white(bg) ? with_bg(style, -1) : style;
	if (fg >= 0 && is_black(fg))
		return with_fg(style, 8);
	if (fg >= 0 && is_white(fg))
		return with_fg(style, -1);
	return style;
}

bool
scrub_sgr(const char *params, size_t len, uint32_t *style)
{
	struct sgr n;

	if (!sgr_read(params, len, &n))
		return false;
	for (size_t i = 0; i < n.count; i++)
		*style = sgr_one(&n, &i, *style);
	*style = visible(*style);
	return true;
}
