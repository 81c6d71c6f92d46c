/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * picture: what the console shows of an incident, as a PNG.
 *
 *     picture [OPTION...] JOURNAL.jsonl OUT.png
 *
 *     --size COLSxROWS   of the terminal (80x24)
 *     --until SEQ        the last record that is told (all)
 *     --after MS         so long after it (0)
 *     --open WHAT        help, verdict or who, or the confirm box of a verb
 *     --typed TEXT       in that box, else in the prompt
 *     --focus tools      the other pane (chat)
 *     --zoom             the pane with the focus alone
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

#include "base/text.h"
#include "console/layout.h"
#include "console/theme.h"
#include "console/tty.h"
#include "paint.h"
#include "wire/json.h"
#include "wire/journal_file.h"
#include "wire/verbs.h"

#define USAGE 64

struct wanted {
	int cols, rows;
	int64_t until, after;
	const char *open, *typed, *fonts;
	bool tools, zoom;
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

/* --- what lies over the panes --- */

static int
open_over(struct screen *s, const struct wanted *w, struct err *err)
{
	static const struct {
		const char *name;
		enum page page;
	} pages[] = {{"help", PAGE_HELP}, {"verdict", PAGE_VERDICT}, {"who", PAGE_WHO}};

	if (!w->open)
		return 0;
	for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++)
		if (strcmp(w->open, pages[i].name) == 0) {
			s->page = pages[i].page;
			return 0;
		}
	for (int v = 0; v < VERBS; v++)
		if (strcmp(w->open, verb_rows[v].name) == 0 && verb_rows[v].mutating) {
			confirm_open_verb(&s->confirm, v, s->now - 1000);
			if (w->typed)
				snprintf(s->confirm.typed, sizeof s->confirm.typed, "%s",
				    w->typed);
			return 0;
		}
	return err_set(err, ERR_USAGE, "nothing opens as %s", w->open);
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
	s.now = mono + w->after;
	s.link_up = true;
	s.focus = w->tools ? FOCUS_TOOLS : FOCUS_CHAT;
	s.zoom = w->zoom;
	s.line = w->open || !w->typed ? "" : w->typed;
	s.cursor = strlen(s.line);
	s.prompt = "> ";
	if (open_over(&s, w, err) < 0)
		goto out;
	layout_draw(&s, &c);
	rc =
	    paint_png(&c, theme_now() == THEME_LIGHT ? &day : &night, w->fonts, out, err);
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
	case 'o':
		w->open = arg;
		return 0;
	case 't':
		w->typed = arg;
		return 0;
	case 'f':
		w->tools = strcmp(arg, "tools") == 0;
		return w->tools || strcmp(arg, "chat") == 0 ? 0 : -1;
	case 'z':
		w->zoom = true;
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
	    {"until", 1, NULL, 'u'}, {"after", 1, NULL, 'a'}, {"open", 1, NULL, 'o'},
	    {"typed", 1, NULL, 't'}, {"focus", 1, NULL, 'f'}, {"zoom", 0, NULL, 'z'},
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
