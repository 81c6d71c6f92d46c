/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sanitiser's parser: each byte at each place, lines, tabs, marks and labels. */
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

TestSuite(scrub_parse, .init = begin, .timeout = 60);

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

Test(scrub_parse, each_byte_behind_an_escape)
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

Test(scrub_parse, each_byte_within_a_csi)
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

Test(scrub_parse, a_string_ends_at_bel_st_can_and_at_a_new_escape)
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

Test(scrub_parse, a_csi_has_a_most_of_parameters_and_of_bytes)
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

Test(scrub_parse, where_no_colours_are_wanted_they_are_marked)
{
	cr_assert_str_eq(clean_n("a\x1b[1mb", 6, SCRUB_PLAIN), "a" ESC_MARK "b");
	cr_assert_str_eq(clean_n("a\x1b[1mb", 6, 0), "ab");
}

Test(scrub_parse, tabs_go_to_the_next_eighth_column_and_have_a_most)
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

Test(scrub_parse, a_line_begins_anew_with_a_cr_only_where_it_had_begun)
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

Test(scrub_parse, a_selector_says_nothing_only_behind_a_symbol)
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

Test(scrub_parse, marks_join_a_character_two_of_them)
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

Test(scrub_parse, each_second_byte_of_a_character)
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

Test(scrub_parse, a_long_line_comes_in_pieces_and_whole)
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

Test(scrub_parse, a_label_of_each_size)
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

Test(scrub_parse, each_piece_has_one_style_and_what_has_one_style_is_a_piece)
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

Test(scrub_parse, nothing_joins_a_mark)
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

Test(scrub_parse, what_follows_no_beginning_is_one_replacement_each)
{
	cr_assert_str_eq(CLEAN("\xc3\xa9\x85\x85"), "\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
	cr_assert_str_eq(CLEAN("\x85\x85z"), "\xef\xbf\xbd\xef\xbf\xbdz");
}

Test(scrub_parse, what_stands_at_the_edge_of_a_kind)
{
	cr_assert_str_eq(CLEAN("a\r b"), "a\r\xe2\x90\x8d b", "a blank is no control");
	cr_assert_str_eq(
	    CLEAN("a\xc2\xa0z"), "a\xc2\xa0z", "nor is one that keeps together");
	cr_assert_str_eq(CLEAN("a\xc2\x9fz\x07"), "a" ESC_MARK, "APC, to its end");
	cr_assert_str_eq(CLEAN("a\t\xcc\x81"), "a       <U+0301>");
	cr_assert_str_eq(CLEAN("\xcd\xb8\tx"), "\xef\xbf\xbd       x", "one cell");
	cr_assert_str_eq(
	    CLEAN("\x1b([31mX"), ESC_MARK "31mX", "[ ends it, and no CSI begins");
	cr_assert_str_eq(CLEAN("\x1b\x7f"), ESC_MARK "\xe2\x90\xa1");
	cr_assert_str_eq(CLEAN("\x1b(\x7f"), ESC_MARK "\xe2\x90\xa1");
	cr_assert_str_eq(CLEAN("\x1b[1\x7f"), ESC_MARK "\xe2\x90\xa1");
	cr_assert_str_eq(CLEAN("\xf0\x9f\x80\x80\xef\xb8\x8f"), "\xf0\x9f\x80\x80");
	cr_assert_str_eq(CLEAN("\xe2\x80\x80\xef\xb8\x8f"), "\xe2\x80\x80");
}

/* "a", the begin of a sequence, n times what it takes in, and "##22" behind. */
static const char *
too_long(const char *begin, char takes, size_t n)
{
	struct buf b;
	const char *got;

	buf_init(&b, 2 * SCRUB_STRING_MAX);
	cr_assert_eq(buf_printf(&b, "a%s", begin), 0);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(buf_add(&b, &takes, 1), 0);
	cr_assert_eq(buf_printf(&b, "##22"), 0);
	got = clean_n(buf_str(&b), b.len, 0);
	buf_fini(&b);
	return got;
}

Test(scrub_parse, what_never_ends_is_given_up_marked_and_text_again)
{
	cr_assert_str_eq(too_long("\x1b]", 'x', SCRUB_STRING_MAX), "a" ESC_MARK "##22");
	cr_assert_str_eq(
	    too_long("\x1b]", 'x', SCRUB_STRING_MAX - 1), "a" ESC_MARK "#22");
	cr_assert_str_eq(too_long("\x1b[", '1', SCRUB_STRING_MAX), "a" ESC_MARK "##22");
	cr_assert_str_eq(
	    too_long("\x1b[", '1', SCRUB_STRING_MAX - 1), "a" ESC_MARK "#22");
	cr_assert_str_eq(too_long("\x1b", '#', SCRUB_PARAMS_MAX), "a" ESC_MARK "##22");
	cr_assert_str_eq(too_long("\x1b", '#', SCRUB_PARAMS_MAX - 1), "a" ESC_MARK "#22");
}

Test(scrub_parse, what_was_plain_counts_for_what_follows)
{
	cr_assert_str_eq(CLEAN("\xe2\x98\x8e"
			       "a\xef\xb8\x8f"),
	    "\xe2\x98\x8e"
	    "a<U+FE0F>",
	    "a letter has no other glyph");
	cr_assert_str_eq(CLEAN("\xc3\xa9"
			       "a\xef\xb8\x8f"),
	    "\xc3\xa9"
	    "a<U+FE0F>");
}

/* Plain text gives room for three times as much, and for no more. */
Test(scrub_parse, n_bytes_become_three_times_as_many_at_most_and_may_become_that)
{
	char data[1000 + 30 * 33], want[32 * 8 + 1];
	const char *got, *line;
	size_t len = 1000;

	memset(data, 'x', len);
	for (int i = 0; i < 30; i++, len += 33) {
		data[len] = '\n';
		memset(data + len + 1, '\t', 32);
	}
	got = clean_n(data, len, 0);
	cr_assert_leq(strlen(got), 3 * len + SCRUB_ROOM);
	snprintf(want, sizeof want, "%*s", 32 * 8, "");
	line = got + 1001;
	for (int i = 0; i < 15; i++, line += 32 * 8 + 1)
		cr_assert(strncmp(line, want, 32 * 8) == 0 && line[32 * 8] == '\n',
		    "line %d has its tabs", i);
}

Test(scrub_parse, all_that_is_known_is_out_at_once)
{
	static struct out o;
	struct scrub s;

	buf_init(&o.text, 1024);
	scrub_init(&s, &sink, &o, 0);
	scrub_feed(&s, "abc\x1b[3", 6);
	cr_assert_str_eq(buf_str(&o.text), "abc");
	scrub_feed(&s, "1md\xc3", 4);
	cr_assert_str_eq(buf_str(&o.text), "abcd");
	scrub_finish(&s);
	cr_assert_str_eq(buf_str(&o.text), "abcd\xef\xbf\xbd");
	buf_fini(&o.text);
}

Test(scrub_parse, a_label_reads_twice_its_size_and_writes_in_no_other_place)
{
	char out[10] = "         ";

	/* 16 bytes of it are one sequence */
	cr_assert_str_eq(
	    scrub_label("\x1b]yyyyyyyyyyyyyy\ax", 18, out, 8), ESC_MARK "\xe2\x80\xa6");
	memset(out, 0x80, sizeof out); /* what lies there is no part of it */
	cr_assert_str_eq(scrub_label("\x1b]yyyyyyyyyyyyyy\axxxxxxxxxxxxx", 30, out, 8),
	    ESC_MARK "\xe2\x80\xa6");
	cr_assert_str_eq(scrub_label("\x1b]yyyyyyyyyyyyy\a", 16, out, 8), ESC_MARK,
	    "there is no more");
	cr_assert_str_eq(scrub_label("\xc3\xa9\xc3\xa9\xc3\xa9", 6, out, 5),
	    "\xe2\x80\xa6", "no half of a character in front");
	memset(out, ' ', sizeof out);
	cr_assert_str_empty(scrub_label("", 0, out + 1, 8));
	cr_assert_eq(out[0], ' ');
	cr_assert_str_empty(scrub_label("\xe2\x82\xac\nx", 5, out, 3),
	    "behind what was cut comes nothing");
}
