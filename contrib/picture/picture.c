/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * picture: what the console shows of an incident, as a PNG.
 *
 *     picture [OPTION...] JOURNAL.jsonl OUT.png
 *
 *     --size COLSxROWS   of the terminal (80x24)
 *     --until SEQ        the last record that is told (all)
 *     --after MS         so long after it (0)
 *     --keys KEYS        typed then; \\e is Esc, \\r Enter, \\t Tab, \\xNN a byte, and a
 *                        pause between two --keys: a box does not hear for 300 ms
 *     --theme NAME       (dark)
 *     --fonts DIR        of DejaVuSansMono.ttf (/usr/share/fonts/truetype/dejavu)
 *
 * The picture is drawn by the console's own views on its own canvas; no terminal is
 * in it.  Exit status: 0; 1 with a sentence; 64 wrong use.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "console/action/action.h"
#include "console/browse/browse.h"
#include "console/view/layout.h"
#include "console/prompt/prompt.h"
#include "console/draw/theme.h"
#include "console/term/tty.h"
#include "console/prompt/typing.h"
#include "paint.h"
#include "wire/json.h"
#include "wire/journal_file.h"

#define USAGE 64
#define KEYS_MAX 16	/* --keys on a command line */
#define BOX_IS_DEAF 400 /* ms, more than it is */

struct wanted {
	int cols, rows;
	int64_t until, after;
	const char *fonts, *keys[KEYS_MAX];
	int key_count;
};

/* --- the facts --- */

static int
apply(struct screen *s, const char *line, size_t len, int64_t *mono, struct err *err)
{
	struct js *fact = js_parse(line, len, err);

	if (!fact)
		return -1;
	*mono = js_int(fact, "mono_ms", *mono);
	model_apply(&s->model, fact, *mono);
	js_free(fact);
	return 0;
}

/* What an engine says first of all: which incident it is, and its clock. */
static int
greet(struct screen *s, const char *first, size_t len, int64_t *mono, struct err *err)
{
	struct js *fact = js_parse(first, len, err);
	char line[256];

	if (!fact)
		return -1;
	*mono = js_int(fact, "mono_ms", 0);
	snprintf(line, sizeof line,
	    "{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"mono_ms\":%lld,\"incident\":\"%.31s\"}",
	    (long long)*mono, js_str(fact, "id") ? js_str(fact, "id") : "");
	js_free(fact);
	return apply(s, line, strlen(line), mono, err);
}

static int
tell(struct screen *s, const char *path, int64_t until, int64_t *mono, struct err *err)
{
	static const char end[] = "{\"t\":\"caught_up\",\"seq\":0}";
	struct journal_file *f = journal_file_open(path, err);
	const char *line;
	size_t len;
	int rc = f ? 1 : -1;

	for (int64_t n = 0; rc > 0 && n < until; n++) {
		rc = journal_file_next(f, &line, &len, err);
		if (rc > 0 && n == 0)
			rc = greet(s, line, len, mono, err) < 0 ? -1 : 1;
		if (rc > 0 && apply(s, line, len, mono, err) < 0)
			rc = -1;
	}
	journal_file_close(f);
	return rc < 0 ? -1 : apply(s, end, sizeof end - 1, mono, err);
}

/* --- keys, as a terminal sends them --- */

struct typist {
	struct screen *screen;
	struct action_context ctx;
	struct typing typing;
	struct input_reader input;
};

/* Nobody is there to do it. */
static int
on_send(void *arg, struct js *request, struct err *err)
{
	js_free(request);
	return 0;
}

static void
on_line(const char *line, void *arg)
{
	struct typist *t = arg;

	action_line(&t->ctx, line);
}

static void
on_key(const struct input *in, void *arg)
{
	struct typist *t = arg;

	typing_key(&t->typing, in);
}

/* One byte of text that has escapes in it; returns what is behind it. */
static const char *
unescape(const char *text, char *out)
{
	static const char names[] = "ert", bytes[] = "\x1b\r\t";
	const char *name;
	unsigned byte;

	*out = *text;
	if (text[0] != '\\' || !text[1])
		return text + 1;
	name = strchr(names, text[1]);
	if (name)
		*out = bytes[name - names];
	else if (text[1] == 'x' && sscanf(text + 2, "%2x", &byte) == 1) {
		*out = (char)byte;
		return text + 4;
	}
	return text + 2;
}

static void
type(struct typist *t, const char *keys)
{
	while (*keys) {
		char byte;

		keys = unescape(keys, &byte);
		input_feed(&t->input, &byte, 1, clock_mono_ms());
		t->ctx.opened = false;
	}
	if (input_wait_ms(&t->input, clock_mono_ms()) >= 0)
		input_timeout(&t->input, clock_mono_ms() + INPUT_ESC_MS);
	t->screen->confirm.opened_ms -= BOX_IS_DEAF;
	while (browse_work(t->screen))
		continue;
}

/* What the console itself does before it draws. */
static void
look(struct screen *s)
{
	s->now = clock_mono_ms();
	s->line = prompt_text();
	s->cursor = prompt_cursor();
	s->prompt = prompt_label();
}

static void
type_all(struct screen *s, struct canvas *c, const struct wanted *w)
{
	struct typist t = {.screen = s,
	    .ctx = {.screen = s, .send = on_send},
	    .typing = {.screen = s, .ctx = &t.ctx}};

	input_init(&t.input, on_key, &t);
	prompt_start(false, NULL, on_line, &t);
	look(s);
	layout_draw(s, c); /* keys mean what they do on a screen that is there */
	for (int i = 0; i < w->key_count; i++) {
		type(&t, w->keys[i]);
		look(s);
		layout_draw(s, c);
	}
	input_fini(&t.input);
}

static int
draw(const struct wanted *w, const char *path, const char *out, struct err *err)
{
	static const struct paint_colours night = {{222, 222, 222}, {17, 19, 24}},
					  day = {{36, 38, 42}, {250, 250, 248}};
	struct screen s;
	struct canvas c;
	int64_t mono = 0;
	int rc = -1;

	screen_init(&s);
	canvas_init(&c, w->cols, w->rows);
	if (tell(&s, path, w->until, &mono, err) < 0)
		goto out;
	s.model.skew = mono + w->after - clock_mono_ms();
	s.link_up = true;
	type_all(&s, &c, w);
	rc =
	    paint_png(&c, theme_now() == THEME_LIGHT ? &day : &night, w->fonts, out, err);
	prompt_stop();
out:
	canvas_fini(&c);
	screen_fini(&s);
	return rc;
}

static int
option(struct wanted *w, int o, const char *arg)
{
	switch (o) {
	case 's':
		return sscanf(arg, "%dx%d", &w->cols, &w->rows) == 2 ? 0 : -1;
	case 'u':
		w->until = atoll(arg);
		return w->until > 0 ? 0 : -1;
	case 'a':
		w->after = atoll(arg);
		return w->after >= 0 ? 0 : -1;
	case 'k':
		if (w->key_count == KEYS_MAX)
			return -1;
		w->keys[w->key_count++] = arg;
		return 0;
	case 'm':
		return theme_use_name(arg) ? 0 : -1;
	case 'd':
		w->fonts = arg;
		return 0;
	default:
		return -1;
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"size", 1, NULL, 's'},
	    {"until", 1, NULL, 'u'}, {"after", 1, NULL, 'a'}, {"keys", 1, NULL, 'k'},
	    {"theme", 1, NULL, 'm'}, {"fonts", 1, NULL, 'd'}, {NULL, 0, NULL, 0}};
	struct wanted w = {.cols = 80,
	    .rows = 24,
	    .until = INT64_MAX,
	    .fonts = "/usr/share/fonts/truetype/dejavu"};
	struct err err = {0};
	int o;

	tty_utf8();
	theme_use(THEME_DARK);
	theme_terminal(256, true);
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option(&w, o, optarg) < 0)
			goto usage;
	if (argc - optind != 2)
		goto usage;
	if (draw(&w, argv[optind], argv[optind + 1], &err) == 0)
		return 0;
	fprintf(stderr, "picture: %s\n", err.words);
	return 1;
usage:
	fprintf(stderr,
	    "usage: picture [OPTION...] JOURNAL.jsonl OUT.png (the head of picture.c has the options)\n");
	return USAGE;
}
