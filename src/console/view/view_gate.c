/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_gate.h"

#include <stdio.h>
#include <string.h>

void
gate_box_open(struct gate_box *b, enum gate_what what, const char *name, const char *why,
    int64_t now_ms)
{
	bool again = b->open && b->what == what;

	if (!again) {
		gate_box_close(b);
		b->opened_ms = now_ms;
		b->what = what;
		snprintf(b->name, sizeof b->name, "%.32s", name);
	}
	b->open = true;
	b->sent = false;
	snprintf(b->why, sizeof b->why, "%s", why);
}

static void
wipe(struct gate_box *b)
{
	explicit_bzero(b->password, sizeof b->password);
	b->len = 0;
}

void
gate_box_sent(struct gate_box *b)
{
	wipe(b);
	b->sent = true;
}

void
gate_box_close(struct gate_box *b)
{
	explicit_bzero(b, sizeof *b);
}

static void
type(struct gate_box *b, const char *text, size_t len)
{
	size_t n = strlen(b->name);

	if (b->in_password) {
		if (b->len + len > GATE_PASSWORD_MAX)
			return;
		memcpy(b->password + b->len, text, len);
		b->len += len;
		return;
	}
	for (size_t i = 0; i < len && n < GATE_NAME_MAX; i++)
		if (text[i] > ' ' && text[i] < 0x7f)
			b->name[n++] = text[i];
	b->name[n] = '\0';
}

/* A password manager's paste may end with a line end. */
static void
paste(struct gate_box *b, const char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		len--;
	if (!memchr(text, '\n', len) && !memchr(text, '\0', len))
		type(b, text, len);
}

static void
rub_out(struct gate_box *b)
{
	size_t n = strlen(b->name);

	if (!b->in_password && n > 0)
		b->name[n - 1] = '\0';
	if (!b->in_password)
		return;
	while (b->len > 0 && (b->password[--b->len] & 0xc0) == 0x80)
		b->password[b->len] = '\0';
	b->password[b->len] = '\0';
}

static enum gate_answer
enter(struct gate_box *b)
{
	if (b->what == GATE_KEY || (b->in_password && b->len > 0 && b->name[0]))
		return GATE_SEND;
	b->in_password = b->name[0] != '\0';
	return GATE_WAIT;
}

enum gate_answer
gate_box_key(struct gate_box *b, const struct input *in, int64_t now_ms)
{
	if (now_ms - b->opened_ms < GATE_DEAF_MS)
		return GATE_WAIT;
	if (in->kind == INPUT_ESC || (in->kind == INPUT_CTRL && in->n == 'C') ||
	    (in->kind == INPUT_F && in->n == 10)) {
		gate_box_close(b);
		return GATE_CLOSED;
	}
	if (b->sent)
		return GATE_WAIT;
	if (in->kind == INPUT_ENTER)
		return enter(b);
	if (b->what == GATE_KEY)
		return GATE_WAIT;
	if (in->kind == INPUT_TAB || in->kind == INPUT_BACKTAB || in->kind == INPUT_UP ||
	    in->kind == INPUT_DOWN)
		b->in_password = !b->in_password;
	else if (in->kind == INPUT_BACKSPACE)
		rub_out(b);
	else if (in->kind == INPUT_CTRL && in->n == 'U' && b->in_password)
		wipe(b);
	else if (in->kind == INPUT_CTRL && in->n == 'U')
		b->name[0] = '\0';
	else if (in->kind == INPUT_CHAR)
		type(b, in->text, strlen(in->text));
	else if (in->kind == INPUT_PASTE && !in->cut)
		paste(b, in->paste, in->paste_len);
	return GATE_WAIT;
}

/* --- the picture --- */

static const char *
title_of(const struct gate_box *b)
{
	return b->what == GATE_ATTACH ? "who are you?" : "the keys are locked";
}

static void
render(struct lines *l, const struct gate_box *b)
{
	lines_str(l, LOOK_PLAIN, b->why);
	lines_break(l);
	if (b->what == GATE_KEY)
		lines_str(l, LOOK_PLAIN,
		    "Everything goes on and can be read. Enter unlocks; then press the key "
		    "again.");
	else if (b->what == GATE_UNLOCK)
		lines_str(l, LOOK_PLAIN, "Everything goes on and can be read.");
	else
		lines_str(l, LOOK_PLAIN,
		    "An emergency password lets you in; it is kept nowhere.");
	lines_break(l);
}

static void
put_cursor(struct canvas *c, struct rect in, int row, int col)
{
	if (in.row + row >= c->rows || in.col + col >= c->cols)
		return;
	c->cursor_row = in.row + row;
	c->cursor_col = in.col + col;
}

/* The two fields; of the password its state alone is told. */
static void
draw_fields(const struct gate_box *b, struct canvas *c, struct rect in, int row)
{
	int col = canvas_text(c, in, row, 0, LOOK_QUIET, "Name     ");
	int end = canvas_text(c, in, row, col, LOOK_STRONG, b->name);

	if (!b->sent && !b->in_password)
		put_cursor(c, in, row, end);
	col = canvas_text(c, in, row + 1, 0, LOOK_QUIET, "Password ");
	if (b->sent)
		canvas_text(c, in, row + 1, col, LOOK_BUSY, "is looked at ...");
	else if (b->len > 0)
		canvas_text(c, in, row + 1, col, LOOK_HINT, "(typed, not shown)");
	if (!b->sent && b->in_password)
		put_cursor(c, in, row + 1, col);
}

static void
draw_keys(const struct gate_box *b, struct canvas *c, struct rect in, int row)
{
	int col = canvas_text(c, in, row, 0, LOOK_STRONG, "Enter");

	col = canvas_text(c, in, row, col, LOOK_PLAIN,
	    b->what == GATE_KEY ? " unlocks   " : " goes on   ");
	col = canvas_text(c, in, row, col, LOOK_STRONG, "Esc");
	canvas_text(c, in, row, col, LOOK_PLAIN,
	    b->what == GATE_ATTACH ? " detaches" : " stays locked");
}

void
view_gate_draw(const struct gate_box *b, struct canvas *c, struct rect r)
{
	int width = r.cols < 76 ? r.cols : 72, fields = b->what == GATE_KEY ? 0 : 3;
	int tall, text;
	struct rect box, in;
	struct lines l;

	lines_init(&l, width - 4 > 1 ? width - 4 : 1);
	render(&l, b);
	tall = (int)l.count + fields + 4 < r.rows ? (int)l.count + fields + 4 : r.rows;
	box = (struct rect){
	    r.row + (r.rows - tall) / 2, r.col + (r.cols - width) / 2, tall, width};
	in = box;
	if (tall >= 6) {
		canvas_frame(c, box, LOOK_BUSY, title_of(b));
		in = (struct rect){box.row + 1, box.col + 2, tall - 2, width - 4};
	} else {
		canvas_fill(c, box, 0);
	}
	text = in.rows - fields - 1 < (int)l.count ? in.rows - fields - 1 : (int)l.count;
	for (int i = 0; i < text; i++)
		lines_draw(&l, (size_t)i, c, in, i);
	c->cursor_row = -1;
	if (fields)
		draw_fields(
		    b, c, in, in.rows - fields - 1 > 0 ? in.rows - fields - 1 : 0);
	draw_keys(b, c, in, in.rows - 1);
	lines_fini(&l);
}
