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

static void
check_sample(const struct js *row)
{
	const char *id = js_str(row, "id");
	struct buf in = sample_bytes(row);
	struct out all = scrub_all(in.data, in.len, 0);

	check_clean(id, &all);
	cr_assert(all.text.len <= in.len * 3 + 300, "%s: %zu bytes became %zu", id,
	    in.len, all.text.len);
	if (in.len > 0)
		cr_assert(all.text.len > 0 || all.styles == 0, "%s: nothing is left", id);
	for (size_t step = 1; step < 5 && in.len < 100000; step++) {
		struct out pieces = scrub_all(in.data, in.len, step);

		cr_assert(pieces.text.len == all.text.len &&
			memcmp(buf_str(&pieces.text), buf_str(&all.text), all.text.len) ==
			    0,
		    "%s: pieces of %zu bytes give another text", id, step);
		buf_fini(&pieces.text);
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
