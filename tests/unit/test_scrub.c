/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sanitiser against a corpus of hostile output:
 * tests/fixtures/hostile-terminal.jsonl. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "wire/json.h"

struct out {
	struct buf text; /* clean text, LF at line ends, '\r' where a line begins again */
	uint32_t styles; /* all that were used, joined */
	uint32_t last_style;
};

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct out *o = arg;

	o->styles |= style;
	o->last_style = style;
	cr_assert(buf_add(&o->text, text, len) == 0);
}

static void
on_newline(void *arg)
{
	on_text(arg, "\n", 1, 0);
}

static void
on_restart(void *arg)
{
	on_text(arg, "\r", 1, 0);
}

static const struct scrub_sink sink = {on_text, on_newline, on_restart};

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* step: bytes a time; 0: all at once. */
static struct out
scrub_all(const char *data, size_t len, size_t step)
{
	struct out o = {0};
	struct scrub s;

	buf_init(&o.text, 64 * 1024 * 1024);
	scrub_init(&s, &sink, &o, 0);
	for (size_t i = 0; i < len; i += step ? step : len)
		scrub_feed(&s, data + i,
		    step && step < len - i ? step
			: step		   ? len - i
					   : len);
	scrub_finish(&s);
	return o;
}

static const char *
scrubbed(const char *data, size_t len)
{
	static char text[4096];
	struct out o = scrub_all(data, len, 0);

	snprintf(text, sizeof text, "%s", buf_str(&o.text));
	buf_fini(&o.text);
	return text;
}

#define SCRUB(literal) scrubbed(literal, sizeof(literal) - 1)

Test(scrub, keeps_honest_text_as_it_is, .init = init)
{
	cr_assert_str_eq(
	    SCRUB("héllo, 世界 \xe2\x9b\x9b ok\n"), "héllo, 世界 \xe2\x9b\x9b ok\n");
	cr_assert_str_eq(SCRUB("a\tb"), "a       b");
	cr_assert_str_eq(SCRUB("one\r\ntwo\r\n"), "one\ntwo\n");
}

Test(scrub, leaves_one_mark_for_a_run_of_sequences, .init = init)
{
	cr_assert_str_eq(SCRUB("a\x1b[2J\x1b[H\x1b]0;t\x07z"), "a␛z");
	cr_assert_str_eq(SCRUB("a\x1b[2Jb\x1b[Hc"), "a␛b␛c");
	cr_assert_str_eq(SCRUB("x\x08\x08\x08y"), "x␈y");
}

Test(scrub, names_what_is_hidden_and_counts_the_rest, .init = init)
{
	cr_assert_str_eq(SCRUB("rm \xe2\x80\xaetxt"), "rm <U+202E>txt");
	cr_assert_str_eq(SCRUB("a\xe2\x80\x8b\xe2\x80\x8b\xe2\x80\x8b"
			       "b"),
	    "a<U+200B>++b");
	cr_assert_str_eq(SCRUB("a\xc2\x85"
			       "b"),
	    "a<U+0085>b");
}

Test(scrub, an_unfinished_osc_cannot_swallow_the_next_line, .init = init)
{
	cr_assert_str_eq(SCRUB("\x1b]0;evil\nnext line"), "␛\nnext line");
}

Test(scrub, an_osc_without_an_end_is_given_up_after_four_kib, .init = init)
{
	size_t len = 100000;
	char *data = mem_alloc(len);
	struct out o;

	memset(data, 'A', len);
	memcpy(data, "\x1b]", 2);
	o = scrub_all(data, len, 0);
	cr_assert(o.text.len > len - SCRUB_STRING_MAX - 100);
	cr_assert(o.text.len < len);
	buf_fini(&o.text);
	free(data);
}

Test(scrub, a_lone_cr_begins_the_line_anew_and_says_so, .init = init)
{
	cr_assert_str_eq(SCRUB("WEDGED\rhealthy"), "WEDGED\r␍healthy");
}

Test(scrub, keeps_colours_and_drops_them_at_the_line_end, .init = init)
{
	struct out o = scrub_all("\x1b[1;38;5;196mred\nplain", 22, 0);

	cr_assert_str_eq(buf_str(&o.text), "red\nplain");
	cr_assert(o.styles & STYLE_BOLD);
	cr_assert_eq(STYLE_GET_FG(o.styles), 196);
	cr_assert_eq(o.last_style, 0);
	buf_fini(&o.text);
}

Test(scrub, text_in_the_colour_of_its_ground_is_shown, .init = init)
{
	struct out o = scrub_all("\x1b[31;41mhidden", 14, 0);

	cr_assert_eq(o.styles & STYLE_COLOURS, 0);
	buf_fini(&o.text);
	o = scrub_all("\x1b[30mblack", 10, 0);
	cr_assert_eq(STYLE_GET_FG(o.styles), 8);
	buf_fini(&o.text);
}

Test(scrub, nothing_from_outside_can_be_reverse_or_dim, .init = init)
{
	struct out o = scrub_all("\x1b[7m\x1b[2m\x1b[8m\x1b[5mtext", 20, 0);

	cr_assert_eq(o.styles & (STYLE_REVERSE | STYLE_DIM), 0);
	cr_assert_str_eq(buf_str(&o.text), "text");
	buf_fini(&o.text);
}

Test(scrub, a_bad_byte_is_one_replacement_each, .init = init)
{
	cr_assert_str_eq(SCRUB("a\xff\xfe"
			       "b"),
	    "a\xef\xbf\xbd\xef\xbf\xbd"
	    "b");
	cr_assert_str_eq(SCRUB("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
	cr_assert_str_eq(SCRUB("\xe2\x9b"), "\xef\xbf\xbd\xef\xbf\xbd");
}

Test(scrub, piled_up_combining_marks_stop_at_two, .init = init)
{
	cr_assert_str_eq(SCRUB("e\xcc\x81\xcc\x82\xcc\x83"), "e\xcc\x81\xcc\x82<U+0303>");
}

Test(scrub, a_label_is_one_line_and_cut_visibly, .init = init)
{
	char out[12];

	cr_assert_str_eq(scrub_label("a\nb\x1b[2Jc", 8, out, sizeof out), "a b␛c");
	cr_assert_str_eq(
	    scrub_label("0123456789abcdef", 16, out, sizeof out), "01234567…");
	cr_assert_str_eq(scrub_label("世界世界世界", 18, out, sizeof out), "世界…");
}

/* --- the rules, one test each --- */

/* text alone of bytes, styles thrown away; free it */
static struct buf
clean_text(const char *data, size_t len, const size_t *cuts, size_t n)
{
	struct out o = {0};
	struct scrub s;
	size_t at = 0;

	buf_init(&o.text, 64 * 1024 * 1024);
	scrub_init(&s, &sink, &o, 0);
	for (size_t i = 0; i < n; at = cuts[i++])
		scrub_feed(&s, data + at, cuts[i] - at);
	scrub_feed(&s, data + at, len - at);
	scrub_finish(&s);
	return o.text;
}

static bool
equal(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && memcmp(buf_str(a), buf_str(b), a->len) == 0;
}

Test(scrub, every_control_but_lf_and_tab_leaves_a_mark_and_never_itself, .init = init)
{
	for (unsigned c = 0; c < 0xa0; c++) {
		char in[8] = "a", want[16], enc[4] = {0};
		size_t n = 1;

		if (c == '\n' || c == '\t' || c == '\r' || c == 0x1b ||
		    (c >= 0x20 && c < 0x7f))
			continue;
		n += text_encode(c, in + n);
		in[n++] = '\n';
		if (c == 0x90 || c == 0x98 || (c >= 0x9b && c <= 0x9f && c != 0x9c)) {
			strcpy(want, "a\xe2\x90\x9b\n"); /* begins a sequence */
		} else if (c < 0x80) {
			text_encode(c == 0x7f ? 0x2421 : 0x2400 + c, enc);
			snprintf(want, sizeof want, "a%.3s\n", enc);
		} else {
			snprintf(want, sizeof want, "a<U+%04X>\n", c);
		}
		if (c == 0x9a || c == 0x99)
			snprintf(want, sizeof want, "a<U+%04X>\n", c);
		cr_expect_str_eq(scrubbed(in, n), want, "U+%04X", c);
	}
}

Test(scrub, a_byte_of_eight_bit_controls_is_no_utf8_and_no_control, .init = init)
{
	for (unsigned c = 0x80; c < 0xa0; c++) {
		char in[] = {'a', (char)c, '2', 'J'};

		cr_expect_str_eq(scrubbed(in, sizeof in),
		    "a\xef\xbf\xbd"
		    "2J");
	}
	cr_assert_str_eq(SCRUB("\xe2\x9b\x9b"), "\xe2\x9b\x9b");
	cr_assert_str_eq(SCRUB("a\xc2\x9b"
			       "2Jb"),
	    "a␛b");
}

Test(scrub, every_sequence_but_colours_is_taken_out_whole, .init = init)
{
	static const char *const seq[] = {"\x1b[A", "\x1b[2J", "\x1b[1;1H", "\x1b[?1049h",
	    "\x1b[6n", "\x1b[c", "\x1b[>0q", "\x1b[21t", "\x1b[5i", "\x1b[!p", "\x1b[ q",
	    "\x1b[3;4r", "\x1b[K", "\x1b[1;31;5u", "\x1b[<0;1;1M", "\x1b[?1;2$y",
	    "\x1b]0;t\x07", "\x1b]0;t\x1b\\", "\x1b]52;c;QQ==\x07",
	    "\x1b]8;;http://x\x1b\\", "\x1b]9;7;cmd\x07", "\x1bP+q544e\x1b\\",
	    "\x1bP$qm\x1b\\", "\x1b_Ga=q\x1b\\", "\x1b^x\x1b\\", "\x1bXx\x1b\\",
	    "\x1bktitle\x1b\\", "\x1b]0;t\xc2\x9c",
	    "\xc2\x9d"
	    "0;t\x07",
	    "\xc2\x90+q\xc2\x9c", "\x1b(0", "\x1b)B", "\x1b*A", "\x1b%G", "\x1b#8",
	    "\x1b"
	    "7",
	    "\x1b"
	    "8",
	    "\x1b"
	    "c",
	    "\x1b"
	    "Z",
	    "\x1bN", "\x1bO", "\x1b=", "\x1b>", "\x1b F", "\x1b\\"};

	for (size_t i = 0; i < ARRAY_LEN(seq); i++) {
		char in[64];
		int n = snprintf(in, sizeof in, "a%sb", seq[i]);

		cr_expect_str_eq(scrubbed(in, (size_t)n), "a␛b", "case %zu", i);
	}
}

Test(scrub, no_sequence_swallows_the_next_line_or_much_of_this_one, .init = init)
{
	static const char *const begins[] = {"\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX",
	    "\x1bk", "\x1b[", "\x1b[?", "\x1b[1:", "\x1b(", "\x1b ", "\x1b#", "\xc2\x9d",
	    "\xc2\x9b", "\x1b]\x1b", "\x1b[\xe2\x82\xac"};
	static const char fill[] = " 1;AZ";

	for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
		char in[64];
		int n = snprintf(in, sizeof in, "a%s\nnext", begins[i]);

		cr_expect(strstr(scrubbed(in, (size_t)n), "\nnext"), "case %zu", i);
		for (size_t f = 0; fill[f]; f++) {
			size_t head = strlen(begins[i]);
			struct out o;
			char *data = mem_alloc(20000);

			memcpy(data, begins[i], head);
			memset(data + head, fill[f], 20000 - head);
			o = scrub_all(data, 20000, 0);
			cr_expect(o.text.len > 20000 - SCRUB_STRING_MAX - 100,
			    "case %zu with '%c': %zu left", i, fill[f], o.text.len);
			buf_fini(&o.text);
			free(data);
		}
	}
}

Test(scrub, whatever_is_unseen_is_named, .init = init)
{
	static const struct {
		uint32_t from, to;
	} unseen[] = {{0x61c, 0x61c}, {0x200b, 0x200f}, {0x202a, 0x202e},
	    {0x2066, 0x2069}, {0x2060, 0x2060}, {0xfeff, 0xfeff}, {0xe0000, 0xe0fff},
	    {0xfe00, 0xfe0f}, {0x115f, 0x1160}, {0x3164, 0x3164}, {0xffa0, 0xffa0},
	    {0xad, 0xad}, {0x2028, 0x2029}, {0xfff9, 0xfffb}, {0x206a, 0x206f},
	    {0xfdd0, 0xfdef}, {0xfffe, 0xffff}, {0x1fffe, 0x1ffff}, {0x10fffe, 0x10ffff},
	    {0x34f, 0x34f}, {0x17b4, 0x17b5}, {0x180b, 0x180f}};

	for (size_t i = 0; i < ARRAY_LEN(unseen); i++)
		for (uint32_t cp = unseen[i].from; cp <= unseen[i].to; cp++) {
			char in[8] = "a", want[16];
			size_t n = 1 + text_encode(cp, in + 1);

			in[n++] = 'b';
			snprintf(want, sizeof want, "a<U+%04X>b", (unsigned)cp);
			cr_assert_str_eq(scrubbed(in, n), want);
			cr_assert_not(scrub_is_plain(cp));
			cr_assert_not(scrub_may_leave(cp, n - 2));
		}
}

Test(scrub, a_selector_may_only_choose_the_look_of_one_symbol, .init = init)
{
	/* a warning sign with 16 behind it: as emoji */
	cr_assert_str_eq(SCRUB("\xe2\x9a\xa0\xef\xb8\x8f!"), "\xe2\x9a\xa0!");
	cr_assert_str_eq(
	    SCRUB("\xe2\x9a\xa0\xef\xb8\x8f\xef\xb8\x8f!"), "\xe2\x9a\xa0<U+FE0F>!");
	cr_assert_str_eq(SCRUB("\xe2\x9a\xa0\xef\xb8\x80!"), "\xe2\x9a\xa0<U+FE00>!");
	cr_assert_str_eq(SCRUB("a\xef\xb8\x8f!"), "a<U+FE0F>!");
}

Test(scrub, conceal_blink_and_what_looks_like_its_ground_are_not_taken, .init = init)
{
	static const char *const same[] = {"\x1b[31;41m", "\x1b[38;5;196;48;5;196m",
	    "\x1b[38;5;16;40m", "\x1b[30;48;5;232m", "\x1b[38;5;15;48;5;231m",
	    "\x1b[38;2;10;10;10;48;2;0;0;0m", "\x1b[38;2;250;0;0;48;2;255;0;0m",
	    "\x1b[38:2::1:2:3;48:2::1:2:3m", "\x1b[97m", "\x1b[107m", "\x1b[40m",
	    "\x1b[48;5;231m", "\x1b[41m\x1b[31m", "\x1b[31m\x1b[41m"};

	for (size_t i = 0; i < ARRAY_LEN(same); i++) {
		char in[64];
		int n = snprintf(in, sizeof in, "%sx", same[i]);
		struct out o = scrub_all(in, (size_t)n, 0);

		cr_expect_eq(o.last_style & STYLE_COLOURS, 0, "case %zu", i);
		buf_fini(&o.text);
	}
	{
		struct out o = scrub_all("\x1b[5;6;7;8;9;21;53;2mx", 21, 0);

		cr_assert_eq(o.styles, 0);
		buf_fini(&o.text);
	}
	{
		struct out o = scrub_all("\x1b[1;3;4;38;2;255;0;0;44mx", 25, 0);

		cr_assert_eq(o.styles & ~STYLE_COLOURS,
		    STYLE_BOLD | STYLE_ITALIC | STYLE_UNDERLINE);
		cr_assert_eq(STYLE_GET_FG(o.styles), 196);
		cr_assert_eq(STYLE_GET_BG(o.styles), 4);
		buf_fini(&o.text);
	}
}

Test(scrub, a_lone_cr_never_touches_another_line_and_resets_the_style, .init = init)
{
	struct out o = scrub_all("\x1b[31mone\rtwo", 12, 0);

	cr_assert_str_eq(buf_str(&o.text), "one\r␍two");
	cr_assert_eq(o.last_style, 0);
	buf_fini(&o.text);
	cr_assert_str_eq(SCRUB("one\n\rtwo"), "one\ntwo");
	cr_assert_str_eq(SCRUB("one\r\r\ntwo"), "one\ntwo");
	cr_assert_str_eq(SCRUB("one\x0b\x0ctwo"), "one␋two");
}

Test(scrub, every_short_sequence_of_bytes_is_read_as_strict_utf8, .init = init)
{
	/* each second byte behind each lead, with what makes four of it */
	for (unsigned a = 0x80; a < 0x100; a++)
		for (unsigned b = 0; b < 0x100; b++) {
			char in[] = {(char)a, (char)b, (char)0x80, (char)0x80, '\n'};
			struct buf all = clean_text(in, sizeof in, NULL, 0);

			cr_assert(text_is_utf8(all.data, all.len));
			cr_assert_eq(all.data[all.len - 1], '\n');
			buf_fini(&all);
		}
	cr_assert_str_eq(SCRUB("\xed\xa0\x80"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* half a pair */
	cr_assert_str_eq(SCRUB("\xf4\x90\x80\x80"),
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	cr_assert_str_eq(SCRUB("\xc0\x9b"
			       "2J"),
	    "\xef\xbf\xbd\xef\xbf\xbd"
	    "2J");
	cr_assert_str_eq(SCRUB("\xe2\x82"
			       "a"),
	    "\xef\xbf\xbd\xef\xbf\xbd"
	    "a");
	cr_assert_str_eq(
	    SCRUB("\xf0\x9f\x98\n"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\n");
}

Test(scrub, no_text_grows_beyond_three_times, .init = init)
{
	static const char *const worst[] = {"\t\n", "\t", "\xff", "\x08\xc2\xad",
	    "\xff\xc2\xad", "\r\xc2\xad", "\x08\xc2\x85\t\n", "\xcc\x81\n",
	    "\x1b\x18\x08", "a\xcc\x81\xcc\x81\xcc\x81"};

	for (size_t i = 0; i < ARRAY_LEN(worst); i++) {
		struct buf in, out;
		size_t lines = 0;

		buf_init(&in, 1 << 20);
		while (in.len < 30000)
			cr_assert_eq(buf_add_str(&in, worst[i]), 0);
		out = clean_text(in.data, in.len, NULL, 0);
		for (size_t k = 0; k < out.len; k++)
			lines += out.data[k] == '\r'; /* ours, see on_restart */
		cr_expect_leq(out.len - lines, 3 * in.len + SCRUB_ROOM,
		    "case %zu: %zu of %zu", i, out.len, in.len);
		buf_fini(&out);
		buf_fini(&in);
	}
}

Test(scrub, a_label_says_that_there_is_more_even_behind_what_was_taken_out, .init = init)
{
	char in[4000], out[40];

	memset(in, ' ', sizeof in);
	memcpy(in, "ok\x1b]", 4);
	cr_assert_str_eq(scrub_label(in, sizeof in, out, sizeof out), "ok␛…");
	cr_assert_str_eq(scrub_label("ok\x1b]0;t\x07", 8, out, sizeof out), "ok␛");
}

/* --- the corpus --- */

struct sample {
	char id[16];
	char *data;
	size_t len;
	const struct js *row;
};

static void
add_hex(struct buf *b, const char *hex)
{
	for (; hex && hex[0] && hex[1]; hex += 2) {
		char two[3] = {hex[0], hex[1], 0}, byte = (char)strtol(two, NULL, 16);

		cr_assert(buf_add(b, &byte, 1) == 0);
	}
}

static struct buf
sample_bytes(const struct js *row)
{
	struct buf b, part;
	int64_t times = js_int(row, "repeat", 1);

	buf_init(&b, 32 * 1024 * 1024);
	buf_init(&part, 1024 * 1024);
	add_hex(&b, js_str(row, "prefix_hex"));
	add_hex(&part, js_str(row, "hex"));
	for (int64_t i = 0; i < times; i++)
		cr_assert(buf_add(&b, part.data, part.len) == 0);
	add_hex(&b, js_str(row, "suffix_hex"));
	buf_fini(&part);
	return b;
}

static void
check_clean(const char *id, const struct out *o)
{
	const char *p = o->text.data;
	size_t left = o->text.len;

	cr_assert(text_is_utf8(buf_str(&o->text), o->text.len), "%s: not UTF-8", id);
	while (left > 0) {
		uint32_t cp;
		size_t n = text_decode(p, left, &cp);

		cr_assert(cp == '\n' || cp == '\r' || scrub_is_plain(cp),
		    "%s: U+%04X came through", id, cp);
		cr_assert(cp == '\n' || cp == '\r' || wcwidth((wchar_t)cp) >= 0,
		    "%s: U+%04X has no width", id, cp);
		p += n;
		left -= n;
	}
}

/* Every split of what is short, a hundred of what is long, and pieces of 1 to 4. */
static void
check_splits(const char *id, const struct buf *in, const struct buf *all)
{
	size_t tries = in->len <= 64 ? in->len : in->len < 100000 ? 100 : 3;

	for (size_t i = 0; i < tries; i++) {
		size_t cut = in->len <= 64 ? i : (i * 2654435761u + 17) % in->len;
		struct buf pieces = clean_text(in->data, in->len, &cut, 1);

		cr_assert(
		    equal(&pieces, all), "%s: cut at %zu it is another text", id, cut);
		buf_fini(&pieces);
	}
	for (size_t step = 1; step < 5 && in->len < 100000; step++) {
		struct out pieces = scrub_all(in->data, in->len, step);

		cr_assert(equal(&pieces.text, all),
		    "%s: pieces of %zu bytes give another text", id, step);
		buf_fini(&pieces.text);
	}
}

static void
check_sample(const struct js *row)
{
	const char *id = js_str(row, "id");
	struct buf in = sample_bytes(row);
	struct out all = scrub_all(in.data, in.len, 0);

	check_clean(id, &all);
	cr_assert(all.text.len <= in.len * 3 + SCRUB_ROOM, "%s: %zu bytes became %zu", id,
	    in.len, all.text.len);
	if (in.len > 0)
		cr_assert(all.text.len > 0 || all.styles == 0, "%s: nothing is left", id);
	check_splits(id, &in, &all.text);
	{
		struct buf again;

		for (size_t i = 0; i < all.text.len; i++)
			if (all.text.data[i] == '\r')
				all.text.data[i] =
				    '\n'; /* nor does a new version stay one */
		again = clean_text(buf_str(&all.text), all.text.len, NULL, 0);
		cr_assert(equal(&again, &all.text), "%s: clean text is changed", id);
		buf_fini(&again);
	}
	buf_fini(&all.text);
	buf_fini(&in);
}

Test(scrub, every_sample_of_the_hostile_corpus_comes_out_clean, .init = init)
{
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	char *line = NULL;
	size_t size = 0, count = 0;
	ssize_t len;
	struct err err = {0};

	cr_assert_not_null(f);
	while ((len = getline(&line, &size, f)) > 0) {
		struct js *row = js_parse(line, (size_t)len, &err);

		cr_assert_not_null(row, "%s", err.words);
		check_sample(row);
		js_free(row);
		count++;
	}
	cr_assert_gt(count, 100);
	free(line);
	fclose(f);
}
