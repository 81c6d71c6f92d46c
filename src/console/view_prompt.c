/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_prompt.h"

#include <string.h>

#include "base/text.h"

/* A line end in a pasted text is shown as a sign: the prompt is one line. */
static int
draw_piece(struct canvas *c, struct rect r, int col, const char *text, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf ? (size_t)(lf - text) : len;

		col = canvas_put(c, r, 0, col, LOOK_PLAIN, text, n);
		if (!lf)
			break;
		col = canvas_text(c, r, 0, col, LOOK_BUSY, "⏎");
		text += n + 1;
		len -= n + 1;
	}
	return col;
}

/* Skips characters until what is left up to the cursor takes at most cols cells. */
static size_t
first_shown(const char *line, size_t cursor, int cols)
{
	size_t from = 0;
	int wide = canvas_width(line, cursor);

	while (wide > cols && from < cursor) {
		uint32_t cp;
		size_t n = text_decode(line + from, cursor - from, &cp);

		wide -= canvas_width(line + from, n);
		from += n;
	}
	return from;
}

static void
draw_hint(const struct screen *s, struct canvas *c, struct rect r, int col)
{
	const struct vm *vm = &s->model.vm;
	const char *hint = "say what is wrong, /triage or /help";

	if (s->read_only)
		hint = "READ-ONLY: nothing is sent from here";
	else if (incident_is_watching(&s->model.incident))
		hint = "watching: /drive takes over";
	else if (strcmp(vm->agent.state, "working") == 0)
		hint = "the agent works; Enter queues, F8 stops it";
	else if (strcmp(vm->agent.driver, "runbook") == 0)
		hint = "no model answers: /triage looks, the keys act";
	else if (strcmp(vm->agent.state, "unavailable") == 0)
		hint = "no agent; the keys and /commands work";
	canvas_text(c, r, 0, col + 1, LOOK_QUIET, hint);
}

void
view_prompt_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	const char *line = s->line ? s->line : "";
	size_t from, len = strlen(line);
	int col = canvas_text(c, r, 0, 0, LOOK_NAME, s->prompt ? s->prompt : "> ");

	from = first_shown(line, s->cursor, r.cols - col - 2);
	if (from > 0)
		canvas_text(c, r, 0, col - 1, LOOK_QUIET, "‹");
	c->cursor_row = r.row;
	c->cursor_col = r.col + draw_piece(c, r, col, line + from, s->cursor - from);
	draw_piece(c, r, c->cursor_col - r.col, line + s->cursor, len - s->cursor);
	if (c->cursor_col >= r.col + r.cols)
		c->cursor_col = r.col + r.cols - 1;
	if (len == 0)
		draw_hint(s, c, r, col);
	else if (s->hint && s->hint[0])
		canvas_text(c, r, 0, c->cursor_col - r.col + 2, LOOK_QUIET, s->hint);
}
