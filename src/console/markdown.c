/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/markdown.h"

#include <md4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LIST_DEPTH_MAX 8

struct list {
	bool ordered;
	unsigned next;
};

struct render {
	struct lines *lines;
	struct list lists[LIST_DEPTH_MAX];
	int depth; /* lists we are in (may pass LIST_DEPTH_MAX) */
	int quotes;
	uint32_t style;
	unsigned strong, emphasis, code, link, heading;
	bool code_block, fresh_item, any;
	bool first_cell;
};

static void
set_style(struct render *r)
{
	uint32_t s = 0;

	if (r->strong || r->heading)
		s |= STYLE_BOLD;
	if (r->emphasis)
		s |= STYLE_ITALIC;
	if (r->code || r->code_block)
		s |= LOOK_CODE;
	if (r->link || r->heading)
		s |= STYLE_UNDERLINE;
	r->style = s;
}

/* Continued lines stand under the text of their list item or behind their quote bar. */
static void
set_indent(struct render *r)
{
	int depth = r->depth > LIST_DEPTH_MAX ? LIST_DEPTH_MAX : r->depth;
	char *p = r->lines->indent;

	p[0] = '\0';
	for (int i = 0; i < r->quotes && i < 3; i++)
		strcat(p, "│ ");
	for (int i = 0; i < depth; i++)
		strcat(p, "  ");
	if (r->code_block)
		strcat(p, "  ");
}

static void
gap(struct render *r)
{
	if (r->fresh_item)
		return;
	if (r->lines->open)
		lines_break(r->lines);
	if (r->any && r->depth == 0)
		lines_break(r->lines);
	r->any = true;
}

static void
start_line(struct render *r)
{
	set_indent(r);
	if (!r->lines->open && !r->fresh_item)
		lines_str(r->lines, LOOK_QUIET, r->lines->indent);
	r->fresh_item = false;
}

static void
start_item(struct render *r)
{
	struct list *l =
	    r->depth > 0 && r->depth <= LIST_DEPTH_MAX ? &r->lists[r->depth - 1] : NULL;
	char bullet[24];

	if (r->lines->open)
		lines_break(r->lines);
	r->depth--;
	set_indent(r);
	r->depth++;
	lines_str(r->lines, LOOK_QUIET, r->lines->indent);
	if (l && l->ordered)
		snprintf(bullet, sizeof bullet, "%u. ", l->next++);
	else
		snprintf(bullet, sizeof bullet, "- ");
	lines_str(r->lines, 0, bullet);
	r->fresh_item = true;
	set_indent(r);
}

static void
enter_list(struct render *r, bool ordered, unsigned start)
{
	if (r->depth == 0)
		gap(r);
	r->depth++;
	if (r->depth <= LIST_DEPTH_MAX)
		r->lists[r->depth - 1] = (struct list){ordered, start};
}

static int
on_enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_UL:
		enter_list(r, false, 0);
		break;
	case MD_BLOCK_OL:
		enter_list(r, true, ((MD_BLOCK_OL_DETAIL *)detail)->start);
		break;
	case MD_BLOCK_LI:
		start_item(r);
		break;
	case MD_BLOCK_QUOTE:
		gap(r);
		r->any = false;
		r->quotes++;
		break;
	case MD_BLOCK_CODE:
		gap(r);
		r->code_block = r->lines->keep_blanks = true;
		break;
	case MD_BLOCK_H:
		r->heading++;
		gap(r);
		break;
	case MD_BLOCK_HR:
		gap(r);
		lines_str(r->lines, LOOK_QUIET, "────────");
		break;
	case MD_BLOCK_P:
	case MD_BLOCK_TABLE:
		gap(r);
		break;
	case MD_BLOCK_TR:
		if (r->lines->open)
			lines_break(r->lines);
		r->first_cell = true;
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		if (!r->first_cell)
			lines_str(r->lines, LOOK_QUIET, " │ ");
		r->first_cell = false;
		r->strong += type == MD_BLOCK_TH;
		break;
	default:
		break;
	}
	set_style(r);
	set_indent(r);
	return 0;
}

static int
on_leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		r->depth--;
		break;
	case MD_BLOCK_QUOTE:
		r->quotes--;
		break;
	case MD_BLOCK_CODE:
		r->code_block = r->lines->keep_blanks = false;
		break;
	case MD_BLOCK_H:
		r->heading--;
		break;
	case MD_BLOCK_TH:
		r->strong--;
		break;
	default:
		break;
	}
	r->fresh_item = false;
	if (type != MD_BLOCK_TH && type != MD_BLOCK_TD && r->lines->open)
		lines_break(r->lines);
	set_style(r);
	set_indent(r);
	return 0;
}

static int
span(struct render *r, MD_SPANTYPE type, unsigned step)
{
	if (type == MD_SPAN_STRONG)
		r->strong += step;
	else if (type == MD_SPAN_EM)
		r->emphasis += step;
	else if (type == MD_SPAN_CODE)
		r->code += step;
	else if (type == MD_SPAN_A)
		r->link += step;
	set_style(r);
	return 0;
}

static int
on_enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	return span(arg, type, 1);
}

/* The address of a link is shown: a text that names another place deceives. */
static int
on_leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;
	const MD_SPAN_A_DETAIL *a = detail;

	span(r, type, -1u);
	if (type == MD_SPAN_A && a && a->href.size > 0 && a->href.size < 512) {
		lines_str(r->lines, LOOK_QUIET, " <");
		lines_scrub(r->lines, LOOK_QUIET, a->href.text, a->href.size);
		lines_str(r->lines, LOOK_QUIET, ">");
	}
	return 0;
}

/* "&#27;" is a control character again once it is decoded: so it is cleaned like one. */
static void
entity(struct render *r, const char *text, size_t len)
{
	static const char *const named[][2] = {{"&amp;", "&"}, {"&lt;", "<"},
	    {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&nbsp;", " "}};
	char copy[16], utf8[5] = {0};
	unsigned long cp;

	for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
		if (strlen(named[i][0]) == len && memcmp(named[i][0], text, len) == 0) {
			lines_scrub(r->lines, r->style, named[i][1], 1);
			return;
		}
	if (len < 4 || len >= sizeof copy || text[1] != '#') {
		lines_scrub(r->lines, r->style, text, len);
		return;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	cp = copy[2] == 'x' || copy[2] == 'X' ? strtoul(copy + 3, NULL, 16)
					      : strtoul(copy + 2, NULL, 10);
	if (cp == 0 || cp > 0x10ffff)
		cp = TEXT_REPLACEMENT;
	lines_scrub(r->lines, r->style, utf8, text_encode((uint32_t)cp, utf8));
}

static void
code_text(struct render *r, const char *text, size_t len)
{
	while (len > 0) {
		const char *lf = memchr(text, '\n', len);
		size_t n = lf ? (size_t)(lf - text) : len;

		start_line(r);
		lines_scrub(r->lines, r->style, text, n);
		if (!lf)
			return;
		lines_break(r->lines);
		text += n + 1;
		len -= n + 1;
	}
}

static int
on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *arg)
{
	struct render *r = arg;

	if (type == MD_TEXT_CODE && r->code_block) {
		code_text(r, text, size);
		return 0;
	}
	start_line(r);
	if (type == MD_TEXT_BR)
		lines_break(r->lines);
	else if (type == MD_TEXT_SOFTBR)
		lines_str(r->lines, r->style, " ");
	else if (type == MD_TEXT_ENTITY)
		entity(r, text, size);
	else if (type == MD_TEXT_NULLCHAR)
		lines_str(r->lines, r->style, "\xef\xbf\xbd");
	else
		lines_scrub(r->lines, r->style, text, size);
	return 0;
}

void
markdown_render(struct lines *lines, const char *text, size_t len)
{
	struct render r = {.lines = lines};
	MD_PARSER parser = {0};

	parser.flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML;
	parser.enter_block = on_enter_block;
	parser.leave_block = on_leave_block;
	parser.enter_span = on_enter_span;
	parser.leave_span = on_leave_span;
	parser.text = on_text;
	if (md_parse(text, (MD_SIZE)len, &parser, &r) != 0)
		lines_scrub(lines, 0, text, len);
	lines->indent[0] = '\0';
	lines->keep_blanks = false;
	if (lines->open)
		lines_break(lines);
}
