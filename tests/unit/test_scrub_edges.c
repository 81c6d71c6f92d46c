/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sanitiser's tables, each value of them, against rules that are written out here. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "base/scrub_int.h"
#include "base/text.h"

static void
begin(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

TestSuite(scrub_edges, .init = begin, .timeout = 60);

/* --- code points --- */

static bool
in(uint32_t cp, const uint32_t (*ranges)[2], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return false;
}

Test(scrub_edges, each_code_point_is_plain_or_is_not)
{
	static const uint32_t taken[][2] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad},
	    {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
	    {0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
	    {0x3164, 0x3164}, {0xd800, 0xdfff}, {0xfdd0, 0xfdef}, {0xfe00, 0xfe0f},
	    {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfffb}, {0x1bca0, 0x1bca3},
	    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

	for (uint32_t cp = 0; cp <= 0x10ffff; cp++) {
		bool plain = !in(cp, taken, ARRAY_LEN(taken)) && (cp & 0xffff) < 0xfffe;

		cr_assert_eq(scrub_is_plain(cp), plain, "U+%04X", (unsigned)cp);
		cr_assert_eq(scrub_may_leave(cp, 2), plain || cp == '\n' || cp == '\t',
		    "U+%04X", (unsigned)cp);
		cr_assert_eq(scrub_may_leave(cp, 1),
		    (plain && cp < 0x80) || cp == '\n' || cp == '\t', "U+%04X",
		    (unsigned)cp);
	}
}

/* --- colours and weights --- */

static uint32_t
sgr(const char *params, uint32_t style)
{
	cr_assert(scrub_sgr(params, strlen(params), &style), "%s", params);
	return style;
}

/* Two colours that do not look alike and are not black or white: nothing is changed. */
#define RED 1
#define BLUE 4
#define BOTH (STYLE_FG(RED) | STYLE_BG(BLUE))
#define ALL (STYLE_BOLD | STYLE_ITALIC | STYLE_UNDERLINE)

Test(scrub_edges, each_number_alone_means_one_thing)
{
	for (int v = 0; v <= 260; v++) {
		uint32_t want = BOTH | ALL, got;
		char text[16];
		int fg = v >= 30 && v <= 37 ? v - 30 : v >= 90 && v <= 97 ? v - 82 : -1;
		int bg = v >= 40 && v <= 47 ? v - 40 : v >= 100 && v <= 107 ? v - 92 : -1;

		snprintf(text, sizeof text, "%d", v);
		/* the other one is a grey in the middle, which looks like none of the 16
		 * but one */
		if (fg >= 0 && fg != 8) {
			got = sgr(text, STYLE_FG(200) | STYLE_BG(22));
			cr_assert_eq(STYLE_GET_FG(got), fg, "%d", v);
			continue;
		}
		if (bg >= 0 && bg != 8) {
			got = sgr(text, STYLE_FG(141) | STYLE_BG(200));
			cr_assert_eq(
			    STYLE_GET_BG(got), bg, "%d: %d", v, STYLE_GET_BG(got));
			continue;
		}
		if (fg == 8 || bg == 8) {
			got = sgr(text, BOTH);
			cr_assert_eq(fg == 8 ? STYLE_GET_FG(got) : STYLE_GET_BG(got), 8);
			continue;
		}
		if (v == 0)
			want = 0;
		else if (v == 22)
			want &= ~STYLE_BOLD;
		else if (v == 23)
			want &= ~STYLE_ITALIC;
		else if (v == 24)
			want &= ~STYLE_UNDERLINE;
		else if (v == 39 || v == 38)
			want &= ~0x1ffu;
		else if (v == 49 || v == 48)
			want &= ~(0x1ffu << 9);
		cr_assert_eq(
		    sgr(text, BOTH | ALL), want, "%d: %x", v, sgr(text, BOTH | ALL));
		want = BOTH |
		    (v == 1	     ? STYLE_BOLD
			    : v == 3 ? STYLE_ITALIC
			    : v == 4 ? STYLE_UNDERLINE
				     : 0);
		if (v == 0)
			want = 0;
		else if (v == 39 || v == 38)
			want &= ~0x1ffu;
		else if (v == 49 || v == 48)
			want &= ~(0x1ffu << 9);
		cr_assert_eq(sgr(text, BOTH), want, "%d", v);
	}
}

Test(scrub_edges, numbers_behind_each_other_are_taken_in_order)
{
	static const struct {
		const char *params;
		uint32_t want; /* from no style at all */
	} rows[] = {
	    {"", 0},
	    {"31;44", BOTH},
	    {"44;31", BOTH},
	    {"1;3;4;31;44", BOTH | ALL},
	    {"1;3;4;31;44;0", 0},
	    {"1;", 0}, /* nothing is 0 */
	    {";1", STYLE_BOLD},
	    {"4:0", 0},
	    {"4;4:0", 0},
	    {"4:3", STYLE_UNDERLINE},
	    {"4;0", 0},
	    {"4:0;1", STYLE_BOLD},
	    {"4:3;1", STYLE_UNDERLINE | STYLE_BOLD},
	    {"38;5;200", STYLE_FG(200)},
	    {"38;5;200;1", STYLE_FG(200) | STYLE_BOLD},
	    {"48;5;200;1", STYLE_BG(200) | STYLE_BOLD},
	    {"38:5:200", STYLE_FG(200)},
	    {"38:5:200;1", STYLE_FG(200) | STYLE_BOLD},
	    {"48:5:200;1", STYLE_BG(200) | STYLE_BOLD},
	    {"38;5;256", 0},
	    {"41;38;5;256", STYLE_BG(1)},
	    {"1;97", STYLE_BOLD}, /* white alone is the default, and still bold */
	    {"1;30", STYLE_FG(8) | STYLE_BOLD},
	    {"38;5;255", 0}, /* white */
	    {"38;5;254", 0},
	    {"38;5;251", STYLE_FG(251)},
	    {"38;5", 0},
	    {"31;38;5", 0},
	    {"31;38", 0},
	    {"31;38;5;999;1", STYLE_BOLD},
	    {"38;7;1", STYLE_BOLD},
	    {"38;2;255;0;0", STYLE_FG(196)},
	    {"38;2;255;0;0;1", STYLE_FG(196) | STYLE_BOLD},
	    {"38;2;255;0", 0},
	    {"38;2;255", 0},
	    {"38;2", 0},
	    {"38:2:255:0:0", STYLE_FG(196)},
	    {"38:2::255:0:0", STYLE_FG(196)},
	    {"38:2::255:0:0;1", STYLE_FG(196) | STYLE_BOLD},
	    {"38:2:255:0", 0},
	    {"58;5;200", 0},
	    {"58;5;1", 0}, /* 1 is the underline's colour, not bold */
	    {"58;2;1;1;1", 0},
	    {"58:2::1:3:4", 0},
	    {"58;5;1;1", STYLE_BOLD},
	    {"58:5:1;3", STYLE_ITALIC},
	    {"00001", STYLE_BOLD},
	    {"10001", 0},
	    {"100000000000000000001", 0},
	    {"1;2;5;7;8;9;21;53", STYLE_BOLD},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		cr_expect_eq(sgr(rows[i].params, 0), rows[i].want, "%s: %x, not %x",
		    rows[i].params, sgr(rows[i].params, 0), rows[i].want);
}

Test(scrub_edges, what_is_no_number_is_no_sgr_and_changes_nothing)
{
	for (int c = 1; c < 256; c++) {
		char text[] = {'1', (char)c, '4'};
		uint32_t style = STYLE_ITALIC;
		bool fits = (c >= '0' && c <= '9') || c == ';' || c == ':';

		cr_assert_eq(scrub_sgr(text, 3, &style), fits, "%d", c);
		cr_assert(fits || style == STYLE_ITALIC, "%d", c);
	}
}

Test(scrub_edges, of_many_numbers_the_first_32_count)
{
	char text[200] = "";

	for (int i = 0; i < 31; i++)
		strcat(text, "9;");
	strcat(text, "1");
	cr_assert_eq(sgr(text, 0), STYLE_BOLD);
	strcpy(text, "");
	for (int i = 0; i < 32; i++)
		strcat(text, "9;");
	strcat(text, "1");
	cr_assert_eq(sgr(text, 0), 0);
	strcat(text, ";x");
	cr_assert_eq(sgr(text, 0), 0, "nor is the rest looked at");
}

Test(scrub_edges, a_colour_of_24_bits_becomes_the_nearest_step_of_the_cube)
{
	static const int step[] = {0, 95, 135, 175, 215, 255};

	for (int v = 0; v <= 300; v++) {
		int near = 0, got;
		char text[40];

		for (int k = 1; k < 6; k++)
			if (abs(step[k] - v) < abs(step[near] - v))
				near = k;
		snprintf(text, sizeof text, "38;2;%d;255;0;48;5;21", v);
		got = (STYLE_GET_FG(sgr(text, 0)) - 16) / 36;
		/* half way between two steps either will do */
		cr_assert(
		    got == near || abs(abs(step[got] - v) - abs(step[near] - v)) <= 1,
		    "%d: %d", v, got);
		cr_assert_eq((STYLE_GET_FG(sgr(text, 0)) - 16) / 6 % 6, 5);
		cr_assert_eq((STYLE_GET_FG(sgr(text, 0)) - 16) % 6, 0);
	}
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;47;255;0;48;5;21", 0)), 16 + 30);
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;48;255;0;48;5;21", 0)), 16 + 36 + 30);
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;114;255;0;48;5;21", 0)), 16 + 36 + 30);
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;115;255;0;48;5;21", 0)), 16 + 72 + 30);
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;154;255;0;48;5;21", 0)), 16 + 72 + 30);
	cr_assert_eq(STYLE_GET_FG(sgr("38;2;155;255;0;48;5;21", 0)), 16 + 108 + 30);
}

static void
colour(int n, int rgb[3])
{
	static const int low[16] = {0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee,
	    0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00,
	    0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff};

	for (int i = 0; i < 3; i++) {
		int part = i == 0 ? (n - 16) / 36
		    : i == 1	  ? (n - 16) / 6 % 6
				  : (n - 16) % 6;

		rgb[i] = n < 16 ? low[n] >> (16 - 8 * i) & 255
		    : n < 232	? (part ? 55 + 40 * part : 0)
				: 8 + 10 * (n - 232);
	}
}

Test(scrub_edges, no_two_colours_that_look_alike_stay_on_each_other)
{
	for (int fg = 0; fg < 256; fg++)
		for (int bg = 0; bg < 256; bg++) {
			int a[3], b[3], apart = 0;
			uint32_t got, want = STYLE_FG(fg) | STYLE_BG(bg);

			colour(fg, a);
			colour(bg, b);
			for (int i = 0; i < 3; i++)
				apart += abs(a[i] - b[i]);
			got = sgr("9", want);
			cr_assert_eq(got, apart < 60 ? 0 : want, "%d on %d, %d apart: %x",
			    fg, bg, apart, got);
		}
}

Test(scrub_edges, black_and_white_are_not_left_to_a_ground_that_is_not_known)
{
	for (int c = 0; c < 256; c++) {
		bool black = c == 0 || c == 16 || (c >= 232 && c <= 236);
		bool white = c == 7 || c == 15 || c == 231 || c >= 252;

		cr_assert_eq(STYLE_GET_FG(sgr("9", STYLE_FG(c))),
		    black	? 8
			: white ? -1
				: c,
		    "%d", c);
		cr_assert_eq(STYLE_GET_BG(sgr("9", STYLE_BG(c))), black || white ? -1 : c,
		    "%d", c);
	}
	cr_assert_eq(sgr("9", STYLE_BOLD), STYLE_BOLD);
}
