/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Markdown that streams: after each piece the lines are those of the whole so far. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/draw/markdown_int.h"
#include "markdowns.h"
#include "wire/json.h"

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

static int
rounds(int few, int many)
{
	return getenv("BG_LONG") ? many : few;
}

/* The end of what came, and the first lines that differ. */
static void
tell_difference(const struct buf *has, const struct buf *should, const char *text,
    size_t len, const char *what)
{
	size_t at = 0, line = 0, tail = len < 400 ? len : 400;

	for (; at < has->len && at < should->len && has->data[at] == should->data[at];
	     at++)
		line = has->data[at] == '\n' ? at + 1 : line;
	cr_assert_fail(
	    "%s at %zu bytes, which end with\n%.*s\n--- has\n%.300s\n--- should be\n%.300s",
	    what, len, (int)tail, text + len - tail, buf_str(has) + line,
	    buf_str(should) + line);
}

static void
expect_same(const struct lines *a, const struct lines *b, bool with_looks,
    const char *text, size_t len, const char *what)
{
	struct buf x, y;

	buf_init(&x, 8 * 1024 * 1024);
	buf_init(&y, 8 * 1024 * 1024);
	lines_told(a, &x, with_looks);
	lines_told(b, &y, with_looks);
	if (x.len != y.len || memcmp(buf_str(&x), buf_str(&y), x.len) != 0)
		tell_difference(&x, &y, text, len, what);
	buf_fini(&x);
	buf_fini(&y);
}

static void
render_fresh(struct lines *l, const char *text, size_t len, int width, bool open)
{
	struct markdown m;

	lines_init(l, width);
	markdown_start(&m, l);
	markdown_grow(&m, l, text, len, open);
}

/* In steps of 1 to most bytes; every prefix is compared. */
static void
stream(const char *text, size_t len, int width, unsigned seed, size_t most)
{
	struct lines l, fresh;
	struct markdown m;
	size_t at = 0;

	srand(seed);
	lines_init(&l, width);
	markdown_start(&m, &l);
	while (at < len) {
		at += 1 + (size_t)rand() % most;
		if (at > len)
			at = len;
		markdown_grow(&m, &l, text, at, true);
		render_fresh(&fresh, text, at, width, true);
		expect_same(&l, &fresh, true, text, at, "while it grows");
		lines_fini(&fresh);
	}
	markdown_grow(&m, &l, text, len, false);
	render_fresh(&fresh, text, len, width, false);
	expect_same(&l, &fresh, true, text, len, "when it is finished");
	lines_fini(&fresh);
	lines_fini(&l);
}

Test(markdown_grow, every_prefix_of_a_text_has_the_lines_of_that_prefix, .init = init)
{
	static const int widths[] = {80, 40, 17, 120};

	for (unsigned seed = 1; seed <= (unsigned)rounds(120, 3000); seed++) {
		struct buf text;
		bool rude = seed % 2;

		buf_init(&text, 1024 * 1024);
		markdown_by_chance(&text, seed, rude ? 60 : 12, rude);
		stream(
		    buf_str(&text), text.len, widths[seed % 4], seed, seed % 3 ? 24 : 3);
		buf_fini(&text);
	}
}

Test(markdown_grow, what_never_ends_is_cut_at_the_same_places, .init = init)
{
	static const char *const parts[] = {"word ", "- item of a list\n", "line\n",
	    "| a | b |\n", "> quote\n", "1. one\n\n", "x", "    code\n\n", "**b ", "` "};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct buf text;

		buf_init(&text, 1024 * 1024);
		buf_add_some(
		    &text, i == 3 ? "| h | i |\n|---|---|\n" : "", i == 3 ? 20 : 0);
		while (text.len < 40000)
			buf_add_some(&text, parts[i], strlen(parts[i]));
		stream(buf_str(&text), text.len, 80, (unsigned)i, 1900);
		buf_fini(&text);
	}
}

/* Cutting a text into pieces gives what md4c would make of all of it. */
Test(markdown_grow, pieces_are_no_other_markdown_than_the_whole, .init = init)
{
	for (unsigned seed = 1; seed <= (unsigned)rounds(400, 5000); seed++) {
		struct buf text;
		struct lines pieces, whole;

		buf_init(&text, 1024 * 1024);
		markdown_by_chance(&text, seed, 14, false);
		lines_init(&whole, 72);
		render_fresh(&pieces, buf_str(&text), text.len, 72, false);
		markdown_render_unsplit(&whole, buf_str(&text), text.len);
		expect_same(&pieces, &whole, true, buf_str(&text), text.len, "in pieces");
		lines_fini(&pieces);
		lines_fini(&whole);
		buf_fini(&text);
	}
}

/* Nothing on the screen goes back and forth but at the end of what has come. */
Test(markdown_grow, what_stands_above_the_open_block_stays, .init = init)
{
	static const char text[] =
	    "First words.\n\n| Unit | State |\n|---|---|\n| ssh.service | failed |\n"
	    "| cron.service | active |\n\n```sh\nls -l\ndf -h\n```\n\nLast **words** of it.\n";
	struct lines l;
	struct markdown m;
	size_t stood = 0;

	lines_init(&l, 60);
	markdown_start(&m, &l);
	for (size_t at = 1; at < sizeof text; at++) {
		markdown_grow(&m, &l, text, at, true);
		cr_assert_geq(m.lines, stood);
		cr_assert_geq(l.count, m.lines);
		stood = m.lines;
		for (size_t i = 0; i < l.count; i++)
			cr_assert_null(l.line[i].text
				? memmem(l.line[i].text, l.line[i].len, "**", 2)
				: NULL,
			    "bare stars at %zu bytes", at);
		for (size_t i = 0; i < l.count; i++)
			cr_assert_null(l.line[i].text
				? memmem(l.line[i].text, l.line[i].len, "|", 1)
				: NULL,
			    "half a table at %zu bytes", at);
	}
	lines_fini(&l);
}

/* --- hostile text --- */

static void
check_clean(const struct lines *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++) {
		const char *p = l->line[i].text;
		size_t left = l->line[i].len;

		cr_assert_leq(l->line[i].cols, l->width, "%s: a line is too wide", id);
		while (left > 0) {
			uint32_t cp;
			size_t n = text_decode(p, left, &cp);

			cr_assert(scrub_is_plain(cp), "%s: U+%04X came through", id, cp);
			p += n;
			left -= n;
		}
	}
}

static void
add_hex(struct buf *b, const char *hex)
{
	for (; hex && hex[0] && hex[1]; hex += 2) {
		char two[3] = {hex[0], hex[1], 0}, byte = (char)strtol(two, NULL, 16);

		buf_add_some(b, &byte, 1);
	}
}

static void
check_split(const struct buf *in, size_t cut, const char *id)
{
	struct markdown m;
	struct lines l;

	lines_init(&l, 20);
	markdown_start(&m, &l);
	markdown_grow(&m, &l, buf_str(in), cut, true);
	check_clean(&l, id);
	markdown_grow(&m, &l, buf_str(in), in->len, false);
	check_clean(&l, id);
	lines_fini(&l);
}

/* As plain words, in code, in a fence, a table's cell, a link's text and address. */
static void
check_sample(const struct js *row)
{
	static const char *const around[][2] = {{"", ""}, {"a `", "` b"},
	    {"```\n", "\n```\n"}, {"```", "\nx\n"}, {"| a |\n|---|\n| ", " |\n"},
	    {"[", "](http://x)"}, {"[x](<", ">)"}, {"- ", "\n"}, {"> # ", "\n"}};
	int64_t times = js_int(row, "repeat", 1);

	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		struct buf in;
		size_t step;

		buf_init(&in, 64 * 1024);
		buf_add_some(&in, around[i][0], strlen(around[i][0]));
		add_hex(&in, js_str(row, "prefix_hex"));
		for (int64_t n = 0; n < times && in.len < 32 * 1024; n++)
			add_hex(&in, js_str(row, "hex"));
		add_hex(&in, js_str(row, "suffix_hex"));
		buf_add_some(&in, around[i][1], strlen(around[i][1]));
		step = in.len > 400 ? in.len / 4 : 1;
		for (size_t cut = 0; cut <= in.len; cut += step)
			check_split(&in, cut, js_str(row, "id"));
		buf_fini(&in);
	}
}

Test(markdown_grow, no_hostile_sample_passes_at_any_split, .init = init)
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
