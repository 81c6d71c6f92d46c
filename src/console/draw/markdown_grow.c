/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown_grow.c: a text piece by piece; those that are whole are done once. */
#include <string.h>

#include "console/draw/markdown_int.h"

#define PIECE_COPY_MAX (2 * 1024 * 1024)
#define LINK_TEXT_MAX                                                    \
	512 /* bytes of a link's text that are compared with its address \
	     */

static void
text_piece(struct render *r, const char *text, size_t len, bool open)
{
	struct buf copy;

	buf_init(&copy, PIECE_COPY_MAX);
	markdown_prepare(&copy, text, len, open);
	markdown_parse(r, buf_str(&copy), copy.len);
	buf_fini(&copy);
}

static void
fence_line(struct render *r, const char *line, size_t len)
{
	char fence;
	int indent, length;
	size_t at = 0, end = len;

	while (at < len && (line[at] == '\n' || line[at] == '\r'))
		at++; /* blank lines may stand in front of it */
	for (size_t i = at; i < len && strchr(" \t\r\n", line[i]); i++)
		at = line[i] == '\n' ? i + 1 : at;
	length = split_fence(line + at, len - at, &fence, &indent);
	at += (size_t)(indent + length);
	while (at < len && (line[at] == ' ' || line[at] == '\t'))
		at++;
	while (end > at && strchr(" \t\r\n", line[end - 1]))
		end--;
	for (size_t i = at; i < end; i++) /* its first word */
		if (line[i] == ' ' || line[i] == '\t')
			end = i;
	render_gap(r);
	render_code(r, line + at, end - at);
}

/* A line of a fenced block, whose own indent is not the code's. */
static void
code_line(struct render *r, const struct split *s, const char *line, size_t len)
{
	size_t blanks = 0;
	bool lf = len > 0 && line[len - 1] == '\n';

	while (blanks < len && blanks < (size_t)s->indent && line[blanks] == ' ')
		blanks++;
	len -= lf;
	len -= len > blanks && line[len - 1] == '\r';
	r->code_block = r->lines->keep_blanks = true;
	r->lines->code = r->state->codes;
	render_style(r);
	render_code_text(r, line + blanks, len - blanks);
	if (lf)
		render_code_text(r, "\n", 1);
}

static void
render_piece(struct render *r, const struct piece *p, const struct split *s,
    const char *text, bool open)
{
	size_t len = p->to - p->from;

	text += p->from;
	switch (p->kind) {
	case PIECE_TEXT:
		text_piece(r, text, len, open && !p->whole);
		break;
	case PIECE_OPEN:
		fence_line(r, text, len);
		break;
	case PIECE_CODE:
		code_line(r, s, text, len);
		break;
	case PIECE_CLOSE:
		render_code_end(r);
		break;
	}
	render_end(r);
	r->code_block = r->lines->keep_blanks = false;
	r->lines->indent[0] = '\0';
	r->lines->code = 0;
	render_style(r);
}

static void
render_all(struct markdown *m, struct render *r, const char *text, size_t len, bool open)
{
	size_t at = m->done;

	while (at < len) {
		struct split next = m->split;
		struct piece p = split_next(&next, text, len, at);

		if (!p.whole)
			break;
		m->ruled |= m->split.forced; /* it goes on: no air */
		render_piece(r, &p, &m->split, text, open);
		m->split = next;
		at = p.to;
	}
	m->done = at;
	m->lines = r->lines->count;
	if (at < len) {
		struct markdown rest = *m; /* what is open leaves no trace */
		struct piece p = split_next(&rest.split, text, len, at);

		r->state = &rest;
		rest.ruled |= m->split.forced;
		p.to = open ? split_calm(&p, &m->split, text) : p.to;
		if (p.to > p.from)
			render_piece(r, &p, &m->split, text, open);
		r->state = m;
	}
}

void
markdown_start(struct markdown *m, const struct lines *lines)
{
	*m = (struct markdown){.lines = lines->count};
}

static void
start(struct render *r, struct lines *lines, struct markdown *m)
{
	*r = (struct render){.lines = lines, .out = lines, .state = m};
	buf_init(&r->said, LINK_TEXT_MAX);
	table_init(&r->table);
	lines->indent_look = LOOK_QUIET;
}

static void
finish(struct render *r)
{
	r->lines->indent_look = LOOK_PLAIN;
	table_fini(&r->table);
	buf_fini(&r->said);
}

void
markdown_grow(
    struct markdown *m, struct lines *lines, const char *text, size_t len, bool open)
{
	struct render r;

	lines_shorten(lines, m->lines);
	start(&r, lines, m);
	render_all(m, &r, text, len, open);
	finish(&r);
}

void
markdown_render(struct lines *lines, const char *text, size_t len)
{
	struct markdown m;

	if (lines->open)
		lines_break(lines);
	markdown_start(&m, lines);
	markdown_grow(&m, lines, text, len, false);
}

void
markdown_render_unsplit(struct lines *lines, const char *text, size_t len)
{
	struct piece p = {PIECE_TEXT, 0, len, true, false};
	struct markdown m;
	struct render r;

	markdown_start(&m, lines);
	start(&r, lines, &m);
	render_piece(&r, &p, &m.split, text, false);
	finish(&r);
}
