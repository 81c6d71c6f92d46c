/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void
lines_init(struct lines *l, int width)
{
	memset(l, 0, sizeof *l);
	l->width = width > 0 ? width : 1;
}

void
lines_shorten(struct lines *l, size_t count)
{
	while (l->count > count) {
		struct lines_line *n = &l->line[--l->count];

		free(n->text);
		free(n->span);
	}
	l->open = l->at_edge = false;
}

void
lines_fini(struct lines *l)
{
	lines_shorten(l, 0);
	free(l->line);
	l->line = NULL;
	l->size = 0;
}

/* Bytes that are allocated for so many: a line grows by characters. */
static size_t
room_for(size_t len)
{
	size_t n = 32;

	while (n < len)
		n *= 2;
	return n;
}

static void
line_add(struct lines_line *n, uint32_t style, const char *text, size_t len)
{
	if (len == 0)
		return;
	if (n->len == 0 || room_for(n->len + len) > room_for(n->len))
		n->text = mem_resize(n->text, room_for(n->len + len));
	memcpy(n->text + n->len, text, len);
	n->len += (uint32_t)len;
	n->cols += canvas_width(text, len);
	if (n->spans > 0 && n->span[n->spans - 1].style == style) {
		n->span[n->spans - 1].len += (uint32_t)len;
		return;
	}
	n->span = mem_resize(n->span, (n->spans + 1) * sizeof n->span[0]);
	n->span[n->spans].style = style;
	n->span[n->spans++].len = (uint32_t)len;
}

static struct lines_line *
new_line(struct lines *l)
{
	if (l->count == l->size) {
		l->size = l->size ? l->size * 2 : 8;
		l->line = mem_resize(l->line, l->size * sizeof *l->line);
	}
	memset(&l->line[l->count], 0, sizeof *l->line);
	l->line[l->count].code = l->code;
	l->open = true;
	return &l->line[l->count++];
}

void
lines_break(struct lines *l)
{
	if (!l->open && l->count < LINES_MAX)
		new_line(l);
	l->open = l->at_edge = false;
}

/* Takes the last len bytes off a line, with their styles, for the next one. */
static void
move_end(struct lines_line *from, struct lines_line *to, size_t keep)
{
	size_t at = 0;

	for (uint32_t i = 0; i < from->spans; i++) {
		size_t end = at + from->span[i].len;

		if (end > keep) {
			size_t start = at > keep ? at : keep;

			line_add(
			    to, from->span[i].style, from->text + start, end - start);
			from->span[i].len = (uint32_t)(start - at);
		}
		at = end;
	}
	while (from->spans > 0 && from->span[from->spans - 1].len == 0)
		from->spans--;
	from->len = (uint32_t)keep;
	from->cols = canvas_width(from->text, keep);
}

/* Where the line can be broken: behind its last blank that follows a word; 0: nowhere. */
static size_t
break_place(const struct lines *l, const struct lines_line *n)
{
	size_t indent = n->mark > n->lead ? n->mark : n->lead;
	bool word = false;

	if (l->keep_blanks)
		return 0;
	for (size_t i = n->len; i-- > indent;) {
		if (n->text[i] == ' ') {
			for (size_t j = indent; j < i && !word; j++)
				word = n->text[j] != ' ';
			return word ? i + 1 : 0;
		}
	}
	return 0;
}

/* Returns how many blanks there were. */
static uint8_t
trim(struct lines_line *n)
{
	uint8_t blanks = 0;

	while (n->spans > 0 && n->len > 0 && n->text[n->len - 1] == ' ') {
		n->len--;
		n->cols--;
		if (--n->span[n->spans - 1].len == 0)
			n->spans--;
		blanks += blanks < UINT8_MAX;
	}
	return blanks;
}

static void
wrap(struct lines *l)
{
	size_t indent = strlen(l->indent), place;
	bool blank = l->at_edge;
	struct lines_line *n, *from;

	if (canvas_width(l->indent, indent) * 2 > l->width)
		indent = 0;
	place = l->at_edge ? 0 : break_place(l, &l->line[l->count - 1]);
	l->at_edge = false;
	n = new_line(l);
	from = &l->line[l->count - 2];
	line_add(n, l->indent_look, l->indent, indent);
	n->cont = true;
	n->lead = (uint8_t)indent;
	if (place > 0)
		move_end(from, n, place);
	if (!l->keep_blanks)
		n->blanks = trim(from);
	if (blank && n->blanks == 0)
		n->blanks = 1;
}

static void
put_char(struct lines *l, uint32_t style, const char *text, size_t len, bool blank)
{
	struct lines_line *n;
	int width = canvas_width(text, len);

	if (!l->open)
		new_line(l);
	n = &l->line[l->count - 1];
	if ((n->cols + width > l->width && width > 0) || l->at_edge) {
		if (l->count >= LINES_MAX)
			return;
		if (blank &&
		    !l->keep_blanks) { /* blanks at the edge are the break itself */
			l->at_edge = true;
			return;
		}
		wrap(l);
		n = &l->line[l->count - 1];
	}
	line_add(n, style, text, len);
}

void
lines_put(struct lines *l, uint32_t style, const char *text, size_t len)
{
	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);

		if (cp == '\n')
			lines_break(l);
		else
			put_char(l, style, text, n, cp == ' ');
		text += n;
		len -= n;
	}
}

void
lines_str(struct lines *l, uint32_t style, const char *text)
{
	lines_put(l, style, text, strlen(text));
}

void
lines_copy(struct lines *l, const struct lines_line *from)
{
	const char *text = from->text;

	for (uint32_t i = 0; i < from->spans; i++) {
		lines_put(l, from->span[i].style, text, from->span[i].len);
		text += from->span[i].len;
	}
}

void
lines_sign(struct lines *l, uint32_t style, const char *text)
{
	struct lines_line *n;

	lines_str(l, style, text);
	n = l->count > 0 ? &l->line[l->count - 1] : NULL;
	if (n && l->open)
		n->lead = n->len < UINT8_MAX ? (uint8_t)n->len : UINT8_MAX;
}

void
lines_mark(struct lines *l)
{
	struct lines_line *n = l->count > 0 ? &l->line[l->count - 1] : NULL;

	if (n && l->open)
		n->mark = n->len < UINT8_MAX ? (uint8_t)n->len : UINT8_MAX;
}

void
lines_cut(struct lines *l, uint32_t style, const char *text)
{
	int room = l->width - (l->open ? l->line[l->count - 1].cols : 0), cols = 0;
	size_t len = strlen(text), at = 0;

	if (room <= 0)
		return;
	if (canvas_width(text, len) <= room) {
		lines_put(l, style, text, len);
		return;
	}
	while (at < len) {
		uint32_t cp;
		size_t n = text_decode(text + at, len - at, &cp);

		cols += canvas_width(text + at, n);
		if (cols >= room)
			break;
		at += n;
	}
	lines_put(l, style, text, at);
	lines_str(l, style, "…");
}

/* --- outside text --- */

struct scrubbing {
	struct lines *lines;
	uint32_t style;
};

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct scrubbing *s = arg;

	lines_put(
	    s->lines, (style & STYLE_MARK) ? s->style | STYLE_MARK : s->style, text, len);
}

static void
on_newline(void *arg)
{
	struct scrubbing *s = arg;

	lines_break(s->lines);
}

static void
on_restart(void *arg)
{
}

void
lines_scrub(struct lines *l, uint32_t style, const char *text, size_t len)
{
	static const struct scrub_sink sink = {on_text, on_newline, on_restart};
	struct scrubbing to = {l, style};
	struct scrub s;

	scrub_init(&s, &sink, &to, SCRUB_PLAIN);
	scrub_feed(&s, text, len);
	scrub_finish(&s);
}

void
lines_draw(const struct lines *l, size_t i, struct canvas *c, struct rect r, int row)
{
	const struct lines_line *n = &l->line[i];
	const char *text = n->text;
	int col = 0;

	for (uint32_t s = 0; s < n->spans; s++) {
		col = canvas_put(c, r, row, col, n->span[s].style, text, n->span[s].len);
		text += n->span[s].len;
	}
}
