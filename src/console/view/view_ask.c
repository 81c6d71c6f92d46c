/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_ask.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "console/view/view_confirm.h"
#include "wire/verbs.h"

#define SENT_MS 3000 /* so long an answer may be on its way */

void
ask_box_open(struct ask_box *b, const struct ask *q, int64_t now_ms)
{
	memset(b, 0, sizeof *b);
	b->open = true;
	b->opened_ms = now_ms;
	snprintf(b->id, sizeof b->id, "%s", q->id);
}

bool
ask_box_waits(const struct ask_box *b, const struct ask *q, int64_t now_ms)
{
	return b->sent[0] && strcmp(b->sent, q->id) == 0 && now_ms - b->sent_ms < SENT_MS;
}

enum ask_answer
ask_box_key(struct ask_box *b, const struct input *in, int64_t now_ms)
{
	enum ask_answer answer = ASK_WAIT;
	bool one = in->kind == INPUT_CHAR && !in->text[1];
	int key = one ? tolower((unsigned char)in->text[0]) : 0; /* a phone's capital */

	if (now_ms - b->opened_ms < CONFIRM_DEAF_MS)
		return ASK_WAIT;
	if (in->kind == INPUT_ESC)
		answer = ASK_LATER;
	else if (key == 'y')
		answer = ASK_YES;
	else if (key == 'n')
		answer = ASK_NO;
	b->open = answer == ASK_WAIT;
	return answer;
}

bool
ask_box_news(struct ask_box *b, const struct asks *asks)
{
	if (!b->open || asks_by_id(asks, b->id))
		return false;
	b->open = false;
	return true;
}

/* What does not fit loses its middle, and the box says so. */
static void
render_whole(struct lines *l, const char *text, size_t bytes, bool is_cut, int rows)
{
	size_t len = strlen(text);
	size_t room = rows > 1 ? (size_t)(rows - 1) * (size_t)(l->width - 2) : len;
	bool blanks = l->keep_blanks;
	char cut[96];
	size_t tail;

	l->keep_blanks = true; /* each blank of it is shown */

	if (!is_cut && (rows == 0 || len <= room + (size_t)l->width)) {
		lines_put(l, LOOK_STRONG, text, len);
		lines_break(l);
		l->keep_blanks = blanks;
		return;
	}
	room = len < room ? len : room;
	for (tail = len - room / 2; tail < len && (text[tail] & 0xc0) == 0x80;)
		tail++;
	lines_put(l, LOOK_STRONG, text, text_cut(text, room / 2));
	snprintf(cut, sizeof cut, " […%zu bytes in all, the chat shows them…] ", bytes);
	lines_str(l, LOOK_BAD, cut);
	if (!is_cut)
		lines_str(l, LOOK_STRONG, text + tail);
	lines_break(l);
	l->keep_blanks = blanks;
}

/* A script on standard input is what runs: it has its half of the rows. */
static void
render_command(struct lines *l, const struct ask *q, int rows)
{
	int half = rows > 5 ? (rows - 1) / 2 : rows ? 2 : 0;

	lines_str(l, LOOK_QUIET, q->host[0] ? "on " : "");
	lines_str(l, LOOK_NAME, q->host);
	lines_str(l, LOOK_QUIET, ", exactly this:");
	lines_break(l);
	render_whole(l, q->command, q->command_len, q->cut, q->has_input ? half : rows);
	if (!q->has_input)
		return;
	lines_str(l, LOOK_QUIET,
	    q->input_len ? "with this on its standard input:"
			 : "with a standard input that is empty");
	lines_break(l);
	if (q->input_len)
		render_whole(l, q->input, q->input_len, q->input_cut, half);
}

void
view_ask_render(struct lines *l, const struct ask *q, int64_t now, int rows)
{
	int verb = verb_by_name(q->verb, strlen(q->verb));
	char left[64];

	lines_str(l, LOOK_PLAIN, q->text);
	lines_break(l);
	if (verb >= 0) {
		lines_str(l, LOOK_DANGER, q->verb);
		lines_str(l, LOOK_PLAIN, ": it would ");
		lines_str(l, LOOK_PLAIN, verb_rows[verb].does);
		lines_break(l);
	} else if (q->command[0]) {
		render_command(l, q, rows > 0 && rows < 5 ? 1 : rows ? rows - 4 : 0);
	}
	snprintf(left, sizeof left, "No answer is a no: %lld s left.",
	    (long long)((q->until > now ? q->until - now : 0) / 1000));
	lines_str(l, LOOK_QUIET, left);
	lines_break(l);
}

static void
draw_keys(struct canvas *c, struct rect in, int row)
{
	int col = canvas_text(c, in, row, 0, LOOK_STRONG, "y");

	col = canvas_text(c, in, row, col, LOOK_PLAIN, " let it   ");
	col = canvas_text(c, in, row, col, LOOK_STRONG, "n");
	col = canvas_text(c, in, row, col, LOOK_PLAIN, " refuse   ");
	col = canvas_text(c, in, row, col, LOOK_STRONG, "Esc");
	canvas_text(c, in, row, col, LOOK_PLAIN, " later");
	c->cursor_row = -1;
}

void
view_ask_draw(const struct ask_box *b, struct canvas *c, struct rect r,
    const struct model *m, int64_t now)
{
	const struct ask *q = asks_by_id(&m->asks, b->id);
	int width = r.cols < 76 ? r.cols : r.cols < 120 ? 72 : 92, tall, shown;
	struct rect box, in;
	char title[64];
	struct lines l;

	if (!q)
		return;
	lines_init(&l, width - 4 > 1 ? width - 4 : 1);
	view_ask_render(&l, q, now, r.rows > 6 ? r.rows - 4 : 1);
	snprintf(
	    title, sizeof title, "%s asks (%s)", q->by[0] ? q->by : "the agent", q->id);
	tall = (int)l.count + 4 < r.rows ? (int)l.count + 4 : r.rows;
	box = (struct rect){
	    r.row + (r.rows - tall) / 2, r.col + (r.cols - width) / 2, tall, width};
	in = box;
	if (tall >= 4) {
		canvas_frame(c, box, LOOK_BUSY, title);
		in = (struct rect){box.row + 1, box.col + 2, tall - 2, width - 4};
	} else {
		canvas_fill(c, box, 0);
	}
	shown = in.rows - 1 < (int)l.count ? in.rows - 1 : (int)l.count;
	for (int i = 0; i < shown; i++)
		lines_draw(&l, (size_t)i, c, in, i);
	draw_keys(c, in, in.rows - 1);
	lines_fini(&l);
}
