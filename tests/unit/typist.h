/* SPDX-License-Identifier: GPL-3.0-or-later */
/* typist.h: a screen with a real line editor, and keys for it as a terminal sends them.
 */
#ifndef UNIT_TYPIST_H
#define UNIT_TYPIST_H

#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/action/action.h"
#include "console/term/input.h"
#include "console/prompt/prompt.h"
#include "console/prompt/typing.h"
#include "console/view/view_palette.h"
#include "console/view/view_prompt.h"
#include "pictures.h"

#define ALT_ENTER "\x1b\r"
#define UP "\x1b[A"
#define DOWN "\x1b[B"
#define HOME "\x1b[H"
#define END "\x1b[F"
#define CTRL(c) ((char[]){(c) - '@', '\0'})

static struct screen typist_screen;
static struct action_context typist_actions;
static struct typing typist_typing;
static struct input_reader typist_input;
static char typist_sent[8][4096]; /* what the prompt has given out */
static int typist_lines, typist_requests;

static void
typist_line(const char *line, void *arg)
{
	cr_assert_lt(typist_lines, 8);
	snprintf(typist_sent[typist_lines++], sizeof typist_sent[0], "%s", line);
	action_line(&typist_actions, line);
}

static int
typist_send(void *arg, struct js *request, struct err *err)
{
	typist_requests++;
	js_free(request);
	return 0;
}

static void
typist_key(const struct input *in, void *arg)
{
	typing_key(&typist_typing, in);
}

/* recall: a file, or NULL */
static void
typist_start(bool vi, const char *recall)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TERM", "xterm", 1);
	screen_init(&typist_screen);
	typist_screen.link_up = true;
	typist_screen.palette.room = true;
	typist_actions =
	    (struct action_context){.screen = &typist_screen, .send = typist_send};
	typist_typing =
	    (struct typing){.screen = &typist_screen, .ctx = &typist_actions, .vi = vi};
	input_init(&typist_input, typist_key, NULL);
	prompt_start(vi, recall, typist_line, NULL);
}

static void
type(const char *bytes)
{
	input_feed(&typist_input, bytes, strlen(bytes), 0);
	input_timeout(&typist_input, 1000);
	typist_screen.line = prompt_text();
	typist_screen.cursor = prompt_cursor();
	typist_screen.prompt = prompt_label();
	typist_screen.now = 100000; /* the clock of facts_quiet */
}

static void
typist_paste(const char *text)
{
	type("\x1b[200~");
	type(text);
	type("\x1b[201~");
}

/* The prompt and its palette alone, in four sizes. */
static void
typist_expect(const char *name)
{
	static const int sizes[][2] = {{40, 15}, {80, 24}, {200, 50}, {20, 6}};

	for (size_t i = 0; i < 4; i++) {
		int cols = sizes[i][0], rows = sizes[i][1], n;
		struct canvas c;

		canvas_init(&c, cols, rows);
		n = view_prompt_rows(&typist_screen, cols, view_prompt_max(rows));
		view_palette_draw(
		    &typist_screen, &c, (struct rect){1, 0, rows - 1 - n, cols});
		view_prompt_draw(&typist_screen, &c, (struct rect){rows - n, 0, n, cols});
		expect_canvas(&c, name);
		canvas_fini(&c);
	}
}

/* Every cell of the picture is one that may go to a terminal. */
static void
typist_expect_clean(int cols, int rows)
{
	struct canvas c;

	canvas_init(&c, cols, rows);
	layout_draw(&typist_screen, &c);
	for (int i = 0; i < rows * cols; i++)
		for (int k = 0; k < CELL_CHARS && c.cells[i].ch[k]; k++)
			cr_assert(
			    scrub_is_plain(c.cells[i].ch[k]), "U+%04X", c.cells[i].ch[k]);
	cr_assert(c.cursor_row < rows && c.cursor_col < cols);
	canvas_fini(&c);
}

/* Each sample of the hostile corpus, as somebody would paste it. */
static void
typist_corpus(void (*each)(const char *bytes, size_t len))
{
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	static char line[1 << 20], bytes[1 << 19];
	int count = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f)) {
		struct err err = {0};
		struct js *j = js_parse(line, strcspn(line, "\n"), &err);
		const char *hex = js_str(j, "hex");
		size_t n = 0;

		for (; hex && hex[2 * n] && n < sizeof bytes; n++) {
			char two[3] = {hex[2 * n], hex[2 * n + 1]};

			bytes[n] = (char)strtol(two, NULL, 16);
		}
		each(bytes, n);
		js_free(j);
		count++;
	}
	fclose(f);
	cr_assert_gt(count, 50);
}

#endif
