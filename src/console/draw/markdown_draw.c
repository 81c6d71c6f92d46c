/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown_draw.c: blocks and words of Markdown as lines; whoever parsed them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "console/draw/markdown_int.h"

#define PREFIX_MAX 28 /* bytes of what boxes put in front of a line */
#define LANGUAGE_COLS 24

void
render_style(struct render *r)
{
	uint32_t s = r->quotes ? LOOK_QUOTE : 0;

	if (r->code || r->code_block)
		s = LOOK_CODE;
	if (r->heading)
		s |= LOOK_HEADING;
	if (r->strong)
		s |= STYLE_BOLD;
	if (r->emphasis)
		s |= STYLE_ITALIC;
	if (r->link)
		s |= STYLE_UNDERLINE;
	r->style = s;
}

/* --- lines --- */

static int
boxes(const struct render *r)
{
	return r->depth < BOXES_MAX ? r->depth : BOXES_MAX;
}

/* What stands in front of a line; markers of items that have none yet are in it. */
static void
render_prefix(struct render *r, char out[PREFIX_MAX + 1], bool markers)
{
	size_t len = 0;
	int cols = 0;

	for (int i = 0; i < boxes(r); i++) {
		struct box *b = &r->box[i];
		char part[40];
		bool fits;

		if (b->quote)
			snprintf(part, sizeof part, "│ ");
		else if (b->marked || !markers)
			snprintf(part, sizeof part, "%*s", b->width, "");
		else if (b->ordered)
			snprintf(part, sizeof part, "%u. ", b->number);
		else
			snprintf(part, sizeof part, "%s ", i == 0 ? "•" : "-");
		fits = len + strlen(part) <= PREFIX_MAX &&
		    (!b->marked || (cols + 2) * 2 <= r->lines->width);
		b->marked |= markers;
		if (!fits)
			continue;
		cols += canvas_width(part, strlen(part));
		memcpy(out + len, part, strlen(part));
		len += strlen(part);
	}
	out[len] = '\0';
}

void
render_end(struct render *r)
{
	if (r->out->open)
		lines_break(r->out);
	r->began = false;
}

void
render_begin(struct render *r)
{
	char marks[PREFIX_MAX + 1];
	const struct box *b = r->depth > 0 ? &r->box[boxes(r) - 1] : NULL;
	bool first = b && !b->quote && !b->marked;
	size_t blanks;

	if (r->out != r->lines || r->began)
		return;
	render_prefix(r, marks, true);
	blanks = strspn(marks, " │");
	lines_sign(r->lines, LOOK_QUIET, marks);
	if (first && r->lines->open) {
		lines_mark(r->lines);
		r->lines->line[r->lines->count - 1].lead = (uint8_t)blanks;
	}
	if (first && b->task)
		lines_str(r->lines, b->task == ' ' ? LOOK_PLAIN : LOOK_GOOD,
		    b->task == ' ' ? "[ ] " : "[x] ");
	render_prefix(r, r->lines->indent, false);
	r->began = true;
	r->fresh = false;
	r->state->any = true;
	r->state->ruled = false;
}

/* Air between two blocks; items of a list stand close. */
void
render_gap(struct render *r)
{
	char marks[PREFIX_MAX + 1];
	bool outer = r->depth == 0;

	render_end(r);
	if (r->fresh || (outer && (!r->state->any || r->state->ruled)) ||
	    (!outer && !r->box[boxes(r) - 1].quote))
		return;
	render_prefix(r, marks, false);
	lines_str(r->lines, LOOK_QUIET, marks);
	lines_break(r->lines);
}

static void
on_begin(void *arg)
{
	struct render *r = arg;

	r->began = false;
	render_begin(r);
}

/* --- code --- */

void
render_code(struct render *r, const char *language, size_t len)
{
	char label[96];

	if (r->state->codes < UINT16_MAX)
		r->state->codes++;
	render_begin(r);
	scrub_label(language, len, label, sizeof label);
	lines_str(r->lines, LOOK_QUIET, label[0] ? "─── " : "───");
	for (size_t at = 0; label[at];) {
		uint32_t cp;
		size_t n = text_decode(label + at, strlen(label + at), &cp);

		if (canvas_width(label, at + n) > LANGUAGE_COLS)
			break;
		lines_put(r->lines, LOOK_QUIET, label + at, n);
		at += n;
	}
	render_end(r);
	r->code_block = r->lines->keep_blanks = true;
	r->lines->code = r->state->codes;
	render_style(r);
}

void
render_code_end(struct render *r)
{
	render_end(r);
	r->code_block = r->lines->keep_blanks = false;
	r->lines->code = 0;
	render_style(r);
	render_begin(r);
	lines_str(r->lines, LOOK_QUIET, "───");
	render_end(r);
	if (r->depth == 0)
		r->state->ruled = true;
}

/* A CR in code is a line's end for us as for whoever pastes it. */
void
render_code_text(struct render *r, const char *text, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf ? (size_t)(lf - text) : len;

		render_begin(r);
		lines_scrub(r->lines, r->style, text, n);
		if (!lf)
			return;
		if (!r->lines->open)
			lines_break(r->lines);
		render_end(r);
		text += n + 1;
		len -= n + 1;
	}
}

/* --- quotes, lists, tables --- */

void
render_enter_item(struct render *r, char task)
{
	struct box *b = r->depth <= BOXES_MAX ? &r->box[r->depth - 1] : NULL;
	char marker[24];

	render_end(r);
	r->fresh = true;
	if (!b)
		return;
	b->marked = false;
	b->task = task;
	b->width = 2;
	if (b->ordered)
		b->width = snprintf(marker, sizeof marker, "%u. ", b->number);
}

void
render_leave_item(struct render *r)
{
	if (r->fresh) /* an empty one is there, too */
		render_begin(r);
	render_end(r);
	r->fresh = false;
	if (r->depth <= BOXES_MAX)
		r->box[r->depth - 1].number++;
}

void
render_enter_box(struct render *r, bool quote, bool ordered, unsigned number)
{
	if (quote || r->depth == 0 || r->box[boxes(r) - 1].quote)
		render_gap(r);
	if (r->depth++ < BOXES_MAX)
		r->box[r->depth - 1] = (struct box){.quote = quote,
		    .ordered = ordered,
		    .marked = quote,
		    .number = number};
	r->quotes += quote;
	r->fresh = r->fresh || quote;
}

void
render_leave_box(struct render *r, bool quote)
{
	render_end(r);
	r->depth--;
	r->quotes -= quote;
	r->fresh = false;
}

void
render_table(struct render *r)
{
	char marks[PREFIX_MAX + 1];
	struct table_out out = {r->lines, on_begin, r, 0};

	r->out = r->lines;
	render_prefix(r, marks, false);
	out.width = r->lines->width - canvas_width(marks, strlen(marks));
	table_draw(&r->table, &out);
	table_fini(&r->table);
}

/* --- words --- */

void
render_text(struct render *r, const char *text, size_t len)
{
	render_begin(r);
	if (r->link)
		buf_add_some(&r->said, text, len);
	lines_scrub(r->out, r->style, text, len);
}

/* "&#27;" is a control character again once it is decoded: so it is cleaned like one. */
void
render_entity(struct render *r, const char *text, size_t len)
{
	static const char *const named[][2] = {{"&amp;", "&"}, {"&lt;", "<"},
	    {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", " "}};
	char copy[16], utf8[5] = {0};
	unsigned long cp;

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (strlen(named[i][0]) == len && memcmp(named[i][0], text, len) == 0) {
			render_text(r, named[i][1], 1);
			return;
		}
	if (len < 4 || len >= sizeof copy || text[1] != '#') {
		render_text(r, text, len);
		return;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	cp = copy[2] == 'x' || copy[2] == 'X' ? strtoul(copy + 3, NULL, 16)
					      : strtoul(copy + 2, NULL, 10);
	if (cp == 0 || cp > 0x10ffff)
		cp = TEXT_REPLACEMENT;
	render_text(r, utf8, text_encode((uint32_t)cp, utf8));
}

/* In a cell "<br>" is the only way to a second line; elsewhere it is text as all HTML. */
void
render_cell_text(struct render *r, const char *text, size_t len)
{
	while (len > 0) {
		static const char *const marks[] = {"<br>", "<br/>", "<br />"};
		size_t at = len, mark = 0;

		for (size_t i = 0; i < 3; i++) {
			const char *p = memmem(text, len, marks[i], strlen(marks[i]));

			if (p && (size_t)(p - text) < at) {
				at = (size_t)(p - text);
				mark = strlen(marks[i]);
			}
		}
		lines_scrub(r->out, r->style, text, at);
		if (mark > 0)
			lines_break(r->out);
		text += at + mark;
		len -= at + mark;
	}
}
