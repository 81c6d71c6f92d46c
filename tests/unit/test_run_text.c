/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All of a run's output, from here or from an engine, and nothing hostile in it. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "console/action/action.h"
#include "console/action/action_run.h"
#include "console/term/clip.h"
#include "console/action/run_text.h"
#include "pictures.h"

static struct screen s;
static struct clip clip;
static struct action_context ctx;
static struct js *asked;

static void
fact(struct js *f)
{
	if (!run_text_fact(&ctx, f))
		model_apply(&s.model, f, 100000);
	js_free(f);
}

static struct js *
said(const char *stream, int64_t off, const char *data, size_t len)
{
	struct js *f = js_new();

	js_set_str(f, "t", "output");
	js_set_int(f, "seq", 0);
	js_set_str(f, "id", "r12");
	js_set_str(f, "stream", stream);
	js_set_int(f, "off", off);
	js_set_int(f, "len", (int64_t)len);
	js_set_bytes(f, "data", data, len);
	return f;
}

static int
on_send(void *arg, struct js *request, struct err *err)
{
	js_free(asked);
	asked = request;
	return 0;
}

static void
begin(const char *what, size_t len)
{
	struct js *f = js_new();

	setlocale(LC_CTYPE, "C.UTF-8");
	unsetenv("TMUX");
	screen_init(&s);
	tell(&s, facts_quiet);
	clip_init(&clip, "print", NULL);
	ctx = (struct action_context){.screen = &s, .send = on_send, .clip = &clip};
	asked = NULL;
	js_set_str(f, "t", "tool");
	js_set_int(f, "seq", 41);
	js_set_str(f, "at", "2026-11-27T03:12:07.250Z");
	js_set_int(f, "mono_ms", 50000);
	js_set_str(f, "by", "agent");
	js_set_str(f, "id", "r12");
	js_set_str(f, "asked", "agent");
	js_set_str(f, "host", "devvm");
	js_set_bytes(f, "what", what, len);
	s.model.incident.last = 40;
	fact(f);
}

static void
end(int exit, int64_t out, int64_t err, int64_t cut)
{
	struct js *f = js_new();

	js_set_str(f, "t", "tool_end");
	js_set_int(f, "seq", 0);
	js_set_str(f, "id", "r12");
	js_set_int(f, "exit", exit);
	js_set_int(f, "ms", 1200);
	js_set_int(f, "out", out);
	js_set_int(f, "err", err);
	js_set_int(f, "cut", cut);
	fact(f);
}

static void
fini(void)
{
	js_free(asked);
	asked = NULL;
	screen_fini(&s);
	clip_fini(&clip);
}

static const char *
text(void)
{
	return buf_str(&clip.text);
}

static void
reply(const char *stream, int64_t off, const char *data)
{
	struct js *f = said(stream, off, data, strlen(data));

	js_set_str(f, "req", js_str(asked, "req"));
	fact(f);
}

static void
fetched(bool more, int64_t next)
{
	struct js *f = js_new();

	js_set_str(f, "t", "fetched");
	js_set_str(f, "id", "r12");
	js_set_str(f, "req", js_str(asked, "req"));
	js_set_bool(f, "more", more);
	js_set_int(f, "next", next);
	fact(f);
}

Test(run_text, what_is_all_here_needs_no_engine)
{
	begin("df -h /", 7);
	fact(said("out", 0, "a  b\n", 5));
	fact(said("err", 0, "stale\n", 6));
	end(3, 5, 6, 0);
	action_run(&ctx, ACTION_VIEW, "r12");
	cr_assert_null(asked);
	cr_assert_str_eq(text(),
	    "run:      r12 of incident 2026-11-26-a\n"
	    "host:     devvm\n"
	    "asked by: agent\n"
	    "began:    2026-11-27T03:12:07.250Z\n"
	    "state:    exit 3 after 1.2 s\n"
	    "output:   out 5 B, err 6 B, 2 lines; in the order in which it came, lines of "
	    "standard error behind \"! \"\n"
	    "command:\n"
	    "    df -h /\n"
	    "\n"
	    "a  b\n"
	    "! stale\n");
	cr_assert_str_eq(clip.what, "run r12");
	action_run(&ctx, ACTION_COPY, "r12");
	cr_assert_str_eq(text(), "a  b\n! stale\n", "a copy is the output alone");
	fini();
}

Test(run_text, the_rest_comes_from_the_engine_in_the_order_in_which_it_came)
{
	begin("make\nmake check", 15);
	fact(said("out", 90000, "end\n", 4));
	end(0, 90004, 6, 0);
	action_run(&ctx, ACTION_VIEW, "r12");
	cr_assert_not_null(asked);
	cr_assert_str_eq(js_str(asked, "t"), "fetch");
	cr_assert_not(js_has(asked, "stream"));
	cr_assert_eq(js_int(asked, "after", 0), 41);
	cr_assert_not_null(strstr(run_text_words(&s), "reading r12: 0 B of 87.9 KiB"));
	reply("out", 0, "first\nsec");
	reply("err", 0, "oops!\n");
	reply("out", 9, "ond\n");
	fetched(true, 77);
	cr_assert_eq(js_int(asked, "after", 0), 77);
	reply("out", 90000, "end\n");
	fetched(false, 99);
	cr_assert_str_eq(run_text_words(&s), "");
	cr_assert_not_null(
	    strstr(text(),
		"    make\n    make check\n\nfirst\nsec\n! oops!\nond\n"
		"[... 87.9 KiB are missing here: the journal has not got them ...]\n"
		"end\n"),
	    "%s", text());
	fini();
}

Test(run_text, a_long_one_keeps_every_line_and_little_memory)
{
	int64_t off = 0;
	const char *p;
	char line[32];

	begin("seq", 3);
	end(0, 300 * 33000, 0, 0);
	action_run(&ctx, ACTION_COPY, "r12");
	for (int k = 0; k < 300; k++) {
		char data[33001];

		for (int i = 0; i < 3000; i++)
			snprintf(
			    data + i * 11, 12, "line %05d\n", (k * 3000 + i) % 100000);
		reply("out", off, data);
		off += 33000;
	}
	fetched(false, 1);
	cr_assert_eq(clip.text.len, 300 * 33000);
	p = text();
	for (int i = 0; i < 900000; i++, p += 11) {
		snprintf(line, sizeof line, "line %05d\n", i % 100000);
		cr_assert(memcmp(p, line, 11) == 0, "at line %d: %.11s", i, p);
	}
	fini();
}

Test(run_text, what_is_longer_than_the_most_is_cut_and_says_so)
{
	char *data = mem_alloc(250001);

	memset(data, 'x', 250000);
	for (int i = 99; i < 250000; i += 100)
		data[i] = '\n';
	begin("yes", 3);
	end(0, 100 * 250000 + 9, 0, 0);
	action_run(&ctx, ACTION_VIEW, "r12");
	for (int k = 0; k < 100 && s.run_text; k++) {
		reply("out", k * 250000, data);
		if (k == 99)
			reply("out", 100 * 250000, "the end!\n");
		fetched(k < 99, k);
	}
	cr_assert_null(s.run_text);
	cr_assert_leq(clip.text.len, RUN_TEXT_MAX);
	cr_assert_not_null(strstr(text(), "are cut here: 16 MiB is the most"));
	cr_assert_str_eq(text() + clip.text.len - 9, "the end!\n");
	free(data);
	fini();
}

Test(run_text, esc_gives_up_and_a_late_answer_is_nothing)
{
	struct js *late;

	begin("seq", 3);
	end(0, 100000, 0, 0);
	action_run(&ctx, ACTION_VIEW, "r12");
	late = said("out", 0, "x\n", 2);
	js_set_str(late, "req", js_str(asked, "req"));
	cr_assert(run_text_cancel(&ctx));
	cr_assert_not(run_text_cancel(&ctx));
	cr_assert(run_text_fact(&ctx, late), "and it is no output of the pane");
	js_free(late);
	cr_assert_eq(clip.job, CLIP_NOTHING);
	action_run(&ctx, ACTION_VIEW, "r12");
	run_text_lost(&ctx);
	cr_assert_str_eq(run_text_words(&s), "");
	fini();
}

Test(run_text, without_an_engine_what_is_here_is_taken_and_the_rest_is_told)
{
	begin("seq", 3);
	fact(said("out", 90000, "end\n", 4));
	end(0, 90004, 0, 0);
	s.link_up = false;
	action_run(&ctx, ACTION_COPY, "r12");
	cr_assert_str_eq(text(),
	    "[... 87.9 KiB are missing here: the journal has not got them ...]\nend\n");
	fini();
}

/* --- hostile text --- */

static void
add_hex(struct buf *b, const char *hex)
{
	for (; hex && hex[0] && hex[1]; hex += 2) {
		char two[3] = {hex[0], hex[1], 0}, byte = (char)strtol(two, NULL, 16);

		buf_add_some(b, &byte, 1);
	}
}

static void
check_clean(const char *p, size_t left, const char *id, const char *where)
{
	while (left > 0) {
		uint32_t cp;
		size_t n = text_decode(p, left, &cp);

		cr_assert(
		    cp == '\n' || scrub_is_plain(cp), "%s: U+%04X in %s", id, cp, where);
		p += n;
		left -= n;
	}
}

/* As command, operator, end and output; opened, folded and in a pager. */
static void
check_sample(const struct js *row)
{
	const char *id = js_str(row, "id");
	int64_t times = js_int(row, "repeat", 1);
	struct js *f = js_new();
	struct buf in;
	struct canvas c;

	buf_init(&in, 32 * 1024);
	add_hex(&in, js_str(row, "prefix_hex"));
	for (int64_t n = 0; n < times && in.len < 16 * 1024; n++)
		add_hex(&in, js_str(row, "hex"));
	add_hex(&in, js_str(row, "suffix_hex"));
	begin(buf_str(&in), in.len);
	fact(said("out", 0, buf_str(&in), in.len));
	fact(said("err", 0, buf_str(&in), in.len));
	js_set_str(f, "t", "tool_end");
	js_set_int(f, "seq", 0);
	js_set_str(f, "id", "r12");
	js_set_strn(
	    f, "failed", buf_str(&in), text_is_utf8(buf_str(&in), in.len) ? in.len : 0);
	js_set_int(f, "out", (int64_t)in.len);
	js_set_int(f, "err", (int64_t)in.len);
	fact(f);
	canvas_init(&c, 80, 24);
	cr_assert(view_tools_open(&s, "r12"));
	for (int i = 0; i < 3; i++) {
		layout_draw(&s, &c);
		check_clean(printed(&c), strlen(printed(&c)), id, "the pane");
		view_tools_fold_all(&s.tools);
	}
	canvas_fini(&c);
	action_run(&ctx, ACTION_VIEW, "r12");
	check_clean(text(), clip.text.len, id, "the text");
	buf_fini(&in);
	fini();
}

Test(run_text, no_hostile_sample_passes_in_any_place)
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
