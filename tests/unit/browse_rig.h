/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * browse_rig.h: a screen with keys, for the tests of browse mode.  Each file that
 * includes it has one of its own.
 */
#ifndef TESTS_UNIT_BROWSE_RIG_H
#define TESTS_UNIT_BROWSE_RIG_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/action/action.h"
#include "console/browse/browse.h"
#include "console/browse/browse_int.h"
#include "pictures.h"

#define UNUSED __attribute__((unused))

static struct screen s;
static struct action_context a;
static struct canvas c;

UNUSED static int
on_send(void *arg, struct js *request, struct err *err)
{
	js_free(request);
	return 0;
}

UNUSED static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	a = (struct action_context){.screen = &s, .send = on_send};
	tell(&s, facts_quiet);
	canvas_init(&c, 80, 24);
}

UNUSED static void
fini(void)
{
	canvas_fini(&c);
	screen_fini(&s);
}

#define say(...) tellf(&s, __VA_ARGS__)

UNUSED static void
draw(int cols, int rows)
{
	canvas_fini(&c);
	canvas_init(&c, cols, rows);
	layout_draw(&s, &c);
}

UNUSED static void
key(enum input_kind kind, int n)
{
	struct input in = {.kind = kind, .n = n};

	if (kind == INPUT_CHAR)
		snprintf(in.text, sizeof in.text, "%c", n);
	browse_key(&a, &in);
}

UNUSED static void
keys(const char *text)
{
	for (; *text; text++)
		key(*text == '\r'	  ? INPUT_ENTER
			: *text == '\x1b' ? INPUT_ESC
					  : INPUT_CHAR,
		    *text);
	while (browse_work(&s))
		continue;
}

/* A run with lines "PREFIX 0" to "PREFIX n-1". */
UNUSED static void
run(int id, const char *prefix, int from, int lines, bool ends)
{
	static int64_t off[64];
	char data[2048];

	if (from == 0) {
		off[id] = 0;
		say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r%d\",\"asked\":\"agent\",\"host\":"
		    "\"devvm\",\"what\":\"cat %s\",\"by\":\"agent\"}",
		    id, prefix);
	}
	for (int i = from; i < from + lines; i++) {
		int n = snprintf(data, sizeof data, "%s %d", prefix, i);

		say("{\"t\":\"output\",\"seq\":0,\"id\":\"r%d\",\"stream\":\"out\",\"off\":%" PRId64
		    ",\"data\":\"%s\\n\"}",
		    id, off[id], data);
		off[id] += n + 1;
	}
	if (ends)
		say("{\"t\":\"tool_end\",\"seq\":0,\"id\":\"r%d\",\"exit\":0,\"ms\":1200,\"out\":%" PRId64
		    ",\"err\":0}",
		    id, off[id]);
}

/* The text of the row that the cursor stands on. */
UNUSED static const char *
here(void)
{
	static char text[512];
	struct scroll_source src;
	struct scroll *w = browse_pane(&s, &src);
	const struct lines *l;

	cr_assert(w->held);
	cr_assert(scroll_settle(&src, &w->cur));
	l = src.lines(src.arg, w->cur.pos);
	cr_assert_lt(w->cur.line, l->count);
	snprintf(text, sizeof text, "%.*s", (int)l->line[w->cur.line].len,
	    l->line[w->cur.line].len ? l->line[w->cur.line].text : "");
	return text;
}

UNUSED static const char *
copied(char what[64])
{
	static char text[70000];
	struct buf out;

	buf_init(&out, sizeof text - 1);
	text[0] = what[0] = '\0';
	if (browse_text(&s, &out, what, 64) == 0)
		snprintf(text, sizeof text, "%s", buf_str(&out));
	buf_fini(&out);
	return text;
}

/* Cells with that role. */
UNUSED static int
cells_with(uint32_t look)
{
	int n = 0;

	for (int i = 0; i < c.rows * c.cols; i++)
		n += STYLE_GET_ROLE(c.cells[i].style) == STYLE_GET_ROLE(look);
	return n;
}

#endif
