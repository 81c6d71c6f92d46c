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

/* --- the parser --- */

struct out {
	struct buf text;
	uint32_t last;
	int lines, again;
};

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct out *o = arg;

	cr_assert(len > 0 && len <= 512);
	cr_assert_eq(buf_add(&o->text, text, len), 0);
	o->last = style;
}

static void
on_newline(void *arg)
{
	((struct out *)arg)->lines++;
	on_text(arg, "\n", 1, 0);
}

static void
on_restart(void *arg)
{
	((struct out *)arg)->again++;
	on_text(arg, "\r", 1, 0);
}

static const struct scrub_sink sink = {on_text, on_newline, on_restart};

static const char *
clean_n(const char *data, size_t len, unsigned flags)
{
	static char text[8192];
	static struct out o;
	struct scrub s;

	memset(&o, 0, sizeof o);
	buf_init(&o.text, 1 << 20);
	scrub_init(&s, &sink, &o, flags);
	scrub_feed(&s, data, len);
	scrub_finish(&s);
	snprintf(text, sizeof text, "%s", buf_str(&o.text));
	buf_fini(&o.text);
	return text;
}

#define CLEAN(literal) clean_n(literal, sizeof(literal) - 1, 0)
#define ESC_MARK "\xe2\x90\x9b"

Test(scrub_edges, each_byte_behind_an_escape)
{
	for (int c = 0; c < 256; c++) {
		char text[] = {'a', 0x1b, (char)c, 'm', 'b'};
		const char *got = clean_n(text, sizeof text, 0);

		if (c == '[')
			cr_assert_str_eq(got, "ab", "a colour");
		else if (c == 0x1b || (c >= 0x20 && c < 0x30))
			cr_assert_str_eq(got, "a" ESC_MARK "b", "%d", c);
		else if (c && strchr("]PX^_k", c))
			cr_assert_str_eq(got, "a" ESC_MARK, "%d: it has no end", c);
		else if (c == 0x18 || c == 0x1a || (c >= 0x30 && c < 0x7f))
			cr_assert_str_eq(got, "a" ESC_MARK "mb", "%d", c);
		else if (c == '\n')
			cr_assert_str_eq(got, "a" ESC_MARK "\nmb", "%d", c);
		else if (c < 0x20 || c == 0x7f)
			cr_assert(strstr(got, "a" ESC_MARK) == got && strstr(got, "mb"),
			    "%d: %s", c, got);
		else
			cr_assert_str_eq(
			    got, "a" ESC_MARK "\xef\xbf\xbdmb", "%d: %s", c, got);
	}
}

Test(scrub_edges, each_byte_within_a_csi)
{
	for (int c = 0; c < 256; c++) {
		char text[] = {'a', 0x1b, '[', (char)c, '1', 'm', 'b'};
		const char *got = clean_n(text, sizeof text, 0);

		if ((c >= '0' && c <= '9') || c == ';' || c == ':')
			cr_assert_str_eq(got, "ab", "%c", c);
		else if ((c >= 0x20 && c < 0x40) || c == 0x1b)
			cr_assert_str_eq(got,
			    c == 0x1b ? "a" ESC_MARK "mb" : "a" ESC_MARK "b", "%d: %s", c,
			    got);
		else if (c == 'm')
			cr_assert_str_eq(got, "a1mb");
		else if ((c >= 0x40 && c < 0x7f) || c == 0x18 || c == 0x1a)
			cr_assert_str_eq(got, "a" ESC_MARK "1mb", "%d", c);
		else
			cr_assert(strstr(got, "a" ESC_MARK) == got && strstr(got, "1mb"),
			    "%d: %s", c, got);
	}
}

Test(scrub_edges, a_string_ends_at_bel_st_can_and_at_a_new_escape)
{
	cr_assert_str_eq(CLEAN("a\x1b]x\x07"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x1b\\b"), "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\xc2\x9c"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x18"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x1a"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x1b[31mb"), "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x1b\x1b\\b"), "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x1b"
			       "7b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b]x\x08y\x07"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\xc2\x90x\xc2\x9c"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\xc2\x98x\xc2\x9c"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\xc2\x9ex\xc2\x9c"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\xc2\x9fx\xc2\x9c"
			       "b"),
	    "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b(\x1b(Bb"), "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b[1\x1b[31mb"), "a" ESC_MARK "b");
	cr_assert_str_eq(CLEAN("a\x1b"), "a" ESC_MARK);
	cr_assert_str_eq(CLEAN("a\x1b[1"), "a" ESC_MARK);
	cr_assert_str_eq(CLEAN("a\x1b]x\x1b"), "a" ESC_MARK);
}

Test(scrub_edges, a_csi_has_a_most_of_parameters_and_of_bytes)
{
	char text[6000];

	text[0] = 0x1b;
	text[1] = '[';
	memset(text + 2, '0', 256);
	strcpy(text + 2 + 255, "1mb");
	cr_assert_str_eq(clean_n(text, strlen(text), 0), "b", "256 of them are a colour");
	memset(text + 2, '0', 257);
	strcpy(text + 2 + 256, "1mb");
	cr_assert_str_eq(clean_n(text, strlen(text), 0), ESC_MARK "b");
	memset(text + 2, '?', sizeof text - 3);
	text[sizeof text - 1] = '\0';
	cr_assert_eq(
	    strlen(clean_n(text, sizeof text - 1, 0)), 3 + sizeof text - 1 - 2 - 4096);
}

Test(scrub_edges, where_no_colours_are_wanted_they_are_marked)
{
	cr_assert_str_eq(clean_n("a\x1b[1mb", 6, SCRUB_PLAIN), "a" ESC_MARK "b");
	cr_assert_str_eq(clean_n("a\x1b[1mb", 6, 0), "ab");
}

Test(scrub_edges, tabs_go_to_the_next_eighth_column_and_have_a_most)
{
	char in_line[200], *p = in_line;
	const char *got;

	cr_assert_str_eq(CLEAN("\tx"), "        x");
	cr_assert_str_eq(CLEAN("1234567\tx"), "1234567 x");
	cr_assert_str_eq(CLEAN("12345678\tx"), "12345678        x");
	cr_assert_str_eq(
	    CLEAN("\xe4\xb8\x96\tx"), "\xe4\xb8\x96      x", "a wide one has two");
	cr_assert_str_eq(
	    CLEAN("e\xcc\x81\tx"), "e\xcc\x81       x", "a combining one none");
	cr_assert_str_eq(CLEAN("\x08\tx"), "\xe2\x90\x88       x", "a mark has one");
	cr_assert_str_eq(
	    CLEAN("\xc2\xad\tx"), "<U+00AD>        x", "but one with a name has all");
	for (int i = 0; i < 40; i++)
		*p++ = '\t';
	strcpy(p, "\nx\ty");
	got = clean_n(in_line, strlen(in_line), 0);
	cr_assert_eq(strchr(got, '\n') - got, 256 + 8);
	cr_assert_str_eq(strchr(got, '\n'), "\nx       y", "a new line has its own");
}

Test(scrub_edges, a_line_begins_anew_with_a_cr_only_where_it_had_begun)
{
	cr_assert_str_eq(CLEAN("\rx"), "x");
	cr_assert_str_eq(CLEAN("a\rx"), "a\r\xe2\x90\x8dx");
	cr_assert_str_eq(CLEAN("a\r\nx"), "a\nx");
	cr_assert_str_eq(CLEAN("a\r\r\rx"), "a\r\xe2\x90\x8dx");
	cr_assert_str_eq(CLEAN("a\r"), "a");
	cr_assert_str_eq(CLEAN("a\r\x08x"), "a\r\xe2\x90\x8d\xe2\x90\x88x");
	cr_assert_str_eq(CLEAN("\t\rx"), "        \r\xe2\x90\x8dx");
	cr_assert_str_eq(CLEAN("a\r\x1b[31mx"), "a\r\xe2\x90\x8dx");
}

Test(scrub_edges, a_selector_says_nothing_only_behind_a_symbol)
{
	static const struct {
		uint32_t before;
		bool symbol;
	} rows[] = {{0x1fff, false}, {0x2000, false}, {0x2010, true}, {0x20ac, true},
	    {0x2600, true}, {0x32ff, true}, {0x3300, false}, {0x1efff, false},
	    {0x1f000, true}, {0x1f600, true}, {0xa8, false}, {0xa9, true}, {0xaa, false},
	    {0xad, false}, {0xae, true}, {0xaf, false}, {'a', false}, {'1', false}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		for (uint32_t sel = 0xfe0d; sel <= 0xfe10; sel++) {
			char text[16];
			size_t n = text_encode(rows[i].before, text);
			const char *got;

			if (rows[i].before == 0xad || rows[i].before == 0x2000 ||
			    rows[i].before == 0x1fff || rows[i].before == 0x1efff ||
			    sel == 0xfe10)
				continue;
			n += text_encode(sel, text + n);
			got = clean_n(text, n, 0);
			cr_assert_eq(strstr(got, "<U+FE0") == NULL,
			    rows[i].symbol && sel >= 0xfe0e, "%x behind %x: %s",
			    (unsigned)sel, (unsigned)rows[i].before, got);
		}
	cr_assert_str_eq(CLEAN("\xef\xb8\x8f"), "<U+FE0F>");
	cr_assert_str_eq(CLEAN("\xe2\x98\x80\n\xef\xb8\x8f"), "\xe2\x98\x80\n<U+FE0F>");
}

Test(scrub_edges, marks_join_a_character_two_of_them)
{
	cr_assert_str_eq(CLEAN("\xcc\x81"
			       "a"),
	    "<U+0301>a");
	cr_assert_str_eq(CLEAN("a\xcc\x81\xcc\x82"
			       "b\xcc\x81\xcc\x82\xcc\x83"),
	    "a\xcc\x81\xcc\x82"
	    "b\xcc\x81\xcc\x82<U+0303>");
	cr_assert_str_eq(CLEAN("\t\xcc\x81"), "        <U+0301>");
	cr_assert_str_eq(CLEAN("a\n\xcc\x81"), "a\n<U+0301>");
	cr_assert_str_eq(CLEAN("\xe4\xb8\x96\xcc\x81\xcc\x82\xcc\x83"),
	    "\xe4\xb8\x96\xcc\x81\xcc\x82<U+0303>");
	/* not assigned: no width is known */
	cr_assert_str_eq(CLEAN("a\xcd\xb8"
			       "b"),
	    "a\xef\xbf\xbd"
	    "b");
}

Test(scrub_edges, each_second_byte_of_a_character)
{
	static const unsigned char leads[] = {0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee,
	    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};

	for (size_t i = 0; i < sizeof leads; i++)
		for (int c = 0x40; c < 256; c++) {
			unsigned char l = leads[i];
			char text[] = {(char)l, (char)c, (char)0x85, (char)0x85};
			size_t n = l < 0xe0 ? 2 : l < 0xf0 ? 3 : 4;
			bool fits = c >= 0x80 && c <= 0xbf && l >= 0xc2 && l <= 0xf4 &&
			    !(l == 0xe0 && c < 0xa0) && !(l == 0xed && c > 0x9f) &&
			    !(l == 0xf0 && c < 0x90) && !(l == 0xf4 && c > 0x8f);
			const char *got = clean_n(text, n, 0);

			/* the first byte alone is bad where the second does not fit */
			if (!fits)
				cr_assert(
				    strncmp(got, "\xef\xbf\xbd", 3) == 0, "%x %x", l, c);
			if (!fits && n > 2 && c != 0x7f && (c < 0xc2 || c > 0xf4))
				cr_assert(strncmp(got + (c >= 0x80 ? 3 : 4),
					      "\xef\xbf\xbd", 3) == 0,
				    "%x %x: %s", l, c, got);
			if (fits && scrub_is_plain(l == 0xdf ? 0x7c0 + (c & 63) : 'a') &&
			    l != 0xf3)
				cr_assert(
				    strncmp(got, "\xef\xbf\xbd\xef\xbf\xbd", 6) != 0,
				    "%x %x: %s", l, c, got);
		}
}

Test(scrub_edges, a_long_line_comes_in_pieces_and_whole)
{
	char text[2000];

	memset(text, 'x', sizeof text);
	cr_assert_eq(strlen(clean_n(text, sizeof text, 0)), sizeof text);
	cr_assert_eq(strlen(clean_n(text, 511, 0)), 511);
	cr_assert_eq(strlen(clean_n(text, 512, 0)), 512);
	cr_assert_eq(strlen(clean_n(text, 513, 0)), 513);
	memcpy(text + 510, "\xe4\xb8\x96", 3);
	cr_assert_eq(strlen(clean_n(text, 600, 0)), 600);
}

Test(scrub_edges, a_label_of_each_size)
{
	static const char text[] = "ab\xe4\xb8\x96\xe4\xb8\x96 c  ";
	static const char *const want[] = {"", "", "a", "ab", "\xe2\x80\xa6"};
	char out[40];

	for (size_t size = 1; size < sizeof out; size++) {
		memset(out, 'x', sizeof out);
		cr_assert_eq(scrub_label(text, sizeof text - 1, out, size), out);
		cr_assert_lt(strlen(out), size, "%zu", size);
		cr_assert(text_is_utf8(out, strlen(out)), "%zu: %s", size, out);
		if (size > 1 && size < ARRAY_LEN(want) && size > 3)
			cr_assert_str_eq(out, want[size], "%zu: %s", size, out);
		for (size_t i = size; i < sizeof out; i++)
			cr_assert_eq(out[i], 'x');
		if (size > 12)
			cr_assert_str_eq(
			    out, "ab\xe4\xb8\x96\xe4\xb8\x96 c", "%zu: %s", size, out);
		else if (size > 3)
			cr_assert(strstr(out, "\xe2\x80\xa6"), "%zu: %s", size, out);
	}
	cr_assert_str_eq(scrub_label("   ", 3, out, sizeof out), "");
	cr_assert_str_eq(scrub_label("", 0, out, sizeof out), "");
	cr_assert_str_eq(scrub_label("a\rb", 3, out, sizeof out),
	    "a \xe2\x90\x8d"
	    "b");
}

/* --- what reaches the sink --- */

struct piece {
	char text[40];
	uint32_t style;
};
static struct piece pieces[20];
static int piece_count;

static void
on_piece(void *arg, const char *text, size_t len, uint32_t style)
{
	cr_assert_lt(piece_count, 20);
	snprintf(pieces[piece_count].text, sizeof pieces[0].text, "%.*s", (int)len, text);
	pieces[piece_count++].style = style;
}

static void
on_nothing(void *arg)
{
}

static void
in_pieces(const char *text)
{
	static const struct scrub_sink to = {on_piece, on_nothing, on_nothing};
	struct scrub s;

	piece_count = 0;
	scrub_init(&s, &to, NULL, 0);
	scrub_feed(&s, text, strlen(text));
	scrub_finish(&s);
}

Test(scrub_edges, each_piece_has_one_style_and_what_has_one_style_is_a_piece)
{
	in_pieces("\x1b[35ma\xc3\xa9\x1b[1mb\x1b[0mc\x08\td");
	cr_assert_eq(piece_count, 5);
	cr_assert_str_eq(pieces[0].text, "a\xc3\xa9");
	cr_assert_eq(pieces[0].style, STYLE_FG(5));
	cr_assert_str_eq(pieces[1].text, "b");
	cr_assert_eq(pieces[1].style, STYLE_FG(5) | STYLE_BOLD);
	cr_assert_str_eq(pieces[2].text, "c");
	cr_assert_eq(pieces[2].style, 0);
	cr_assert_str_eq(pieces[3].text, "\xe2\x90\x88");
	cr_assert_eq(pieces[3].style, STYLE_MARK);
	cr_assert_str_eq(pieces[4].text, "   d");
	cr_assert_eq(pieces[4].style, 0);
	in_pieces("\x1b[35ma\x1b[1m\xcc\x81z\nb");
	cr_assert_eq(piece_count, 3);
	cr_assert_str_eq(pieces[0].text, "a\xcc\x81", "a mark joins what it belongs to");
	cr_assert_eq(pieces[1].style, STYLE_FG(5) | STYLE_BOLD);
	cr_assert_eq(pieces[2].style, 0, "a new line has no style");
	in_pieces("\x1b[35ma\x08\rb");
	cr_assert_eq(pieces[piece_count - 1].style, 0, "nor has one that begins anew");
	in_pieces("");
	cr_assert_eq(piece_count, 0);
}

Test(scrub_edges, nothing_joins_a_mark)
{
	cr_assert_str_eq(CLEAN("a\x08\xcc\x81"), "a\xe2\x90\x88<U+0301>");
	cr_assert_str_eq(CLEAN("a\x1b[A\xcc\x81"), "a" ESC_MARK "<U+0301>");
	cr_assert_str_eq(
	    CLEAN("\xe2\x98\x80\x08\xef\xb8\x8f"), "\xe2\x98\x80\xe2\x90\x88<U+FE0F>");
	cr_assert_str_eq(CLEAN("a\xc2\xad\x08\xc2\xad"), "a<U+00AD>\xe2\x90\x88<U+00AD>");
	cr_assert_str_eq(CLEAN("\x08"
			       "a\x08"),
	    "\xe2\x90\x88"
	    "a\xe2\x90\x88");
	cr_assert_str_eq(CLEAN("\x1b[A\xc3\xa9\x1b[A"), ESC_MARK "\xc3\xa9" ESC_MARK);
	cr_assert_str_eq(CLEAN("\x1b[A\t\x1b[A"), ESC_MARK "       " ESC_MARK);
	cr_assert_str_eq(CLEAN("\x1b[A\n\x1b[A"), ESC_MARK "\n" ESC_MARK);
	cr_assert_str_eq(CLEAN("\x7f\x01"), "\xe2\x90\xa1");
	cr_assert_str_eq(CLEAN("\x01"
			       "a\x7f"),
	    "\xe2\x90\x81"
	    "a\xe2\x90\xa1");
}
