/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown.c: what md4c finds, to markdown_draw.c. */
#include "console/draw/markdown.h"

#include <md4c.h>
#include <string.h>

#include "base/text.h"
#include "console/draw/markdown_int.h"

#define ADDRESS_MAX 2048 /* bytes of a link's address that are shown */

/* --- blocks --- */

static char
task_of(const MD_BLOCK_LI_DETAIL *d)
{
	return !d->is_task ? 0 : d->task_mark == ' ' ? ' ' : 'x';
}

static void
enter_cell(struct render *r, const MD_BLOCK_TD_DETAIL *d)
{
	enum table_align align = d->align == MD_ALIGN_RIGHT ? TABLE_RIGHT
	    : d->align == MD_ALIGN_CENTER		    ? TABLE_CENTER
							    : TABLE_LEFT;

	r->out = &table_add(&r->table, align)->text;
}

static int
on_enter_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;
	const MD_BLOCK_CODE_DETAIL *code = detail;

	switch (type) {
	case MD_BLOCK_UL:
		render_enter_box(r, false, false, 0);
		break;
	case MD_BLOCK_OL:
		render_enter_box(r, false, true, ((MD_BLOCK_OL_DETAIL *)detail)->start);
		break;
	case MD_BLOCK_LI:
		render_enter_item(r, task_of(detail));
		break;
	case MD_BLOCK_QUOTE:
		render_enter_box(r, true, false, 0);
		break;
	case MD_BLOCK_CODE:
		render_gap(r);
		render_code(r, code->lang.text, code->lang.size);
		break;
	case MD_BLOCK_H:
		r->heading++;
		render_gap(r);
		break;
	case MD_BLOCK_HR:
		render_gap(r);
		render_begin(r);
		lines_str(r->lines, LOOK_QUIET, "────────");
		render_end(r);
		break;
	case MD_BLOCK_P:
		render_gap(r);
		break;
	case MD_BLOCK_TABLE:
		render_gap(r);
		r->table.cols = (int)((MD_BLOCK_TABLE_DETAIL *)detail)->col_count;
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		r->strong += type == MD_BLOCK_TH;
		enter_cell(r, detail);
		break;
	default:
		break;
	}
	render_style(r);
	return 0;
}

static int
on_leave_block(MD_BLOCKTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	switch (type) {
	case MD_BLOCK_UL:
	case MD_BLOCK_OL:
		render_leave_box(r, false);
		break;
	case MD_BLOCK_LI:
		render_leave_item(r);
		break;
	case MD_BLOCK_QUOTE:
		render_leave_box(r, true);
		break;
	case MD_BLOCK_CODE:
		render_code_end(r);
		break;
	case MD_BLOCK_H:
		r->heading--;
		render_end(r);
		break;
	case MD_BLOCK_P:
		render_end(r);
		break;
	case MD_BLOCK_TABLE:
		render_table(r);
		break;
	case MD_BLOCK_TH:
	case MD_BLOCK_TD:
		r->strong -= type == MD_BLOCK_TH;
		break;
	default:
		break;
	}
	render_style(r);
	return 0;
}

/* --- words --- */

static void
put_text(struct render *r, MD_TEXTTYPE type, const char *text, size_t size)
{
	if (type == MD_TEXT_CODE && r->code_block)
		render_code_text(r, text, size);
	else if (type == MD_TEXT_BR)
		render_end(r);
	else if (type == MD_TEXT_SOFTBR)
		render_text(r, " ", 1);
	else if (type == MD_TEXT_ENTITY)
		render_entity(r, text, size);
	else if (type == MD_TEXT_NULLCHAR)
		render_text(r, "\xef\xbf\xbd", 3);
	else if (r->out != r->lines && !r->code && !r->link)
		render_cell_text(r, text, size);
	else
		render_text(r, text, size);
}

/* The bytes of text up to the next mark of markdown_prepare; skips it. */
static size_t
next_part(const char **text, size_t *left)
{
	const char *mark;

	while (*left > 0 && **text == MARKDOWN_MARK) {
		(*text)++;
		(*left)--;
	}
	mark = memchr(*text, MARKDOWN_MARK, *left);
	return mark ? (size_t)(mark - *text) : *left;
}

static int
on_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *arg)
{
	size_t left = size, n;

	for (; (n = next_part(&text, &left)) > 0; text += n, left -= n)
		put_text(arg, type, text, n);
	return 0;
}

/* --- links: the address is shown where it is not the text: it could deceive --- */

static bool
is_said(const struct render *r, const char *address, size_t len)
{
	static const char *const added[] = {"", "mailto:", "http://", "https://"};

	for (size_t i = 0; i < 4; i++) {
		size_t n = strlen(added[i]);

		if (len == n + r->said.len && memcmp(address, added[i], n) == 0 &&
		    memcmp(address + n, buf_str(&r->said), r->said.len) == 0)
			return true;
	}
	return false;
}

/* A title may have lines; here it is within one. */
static void
put_words(struct render *r, const char *text, size_t left)
{
	size_t n;

	for (; (n = next_part(&text, &left)) > 0; text += n, left -= n) {
		const char *lf = memchr(text, '\n', n);

		n = lf ? (size_t)(lf - text) : n;
		render_text(r, text, n);
		if (lf)
			render_text(r, " ", 1);
		n += lf != NULL;
	}
}

static void
put_attribute(struct render *r, const MD_ATTRIBUTE *a)
{
	bool all = a->size <= ADDRESS_MAX;

	for (int i = 0; all && a->substr_offsets[i] < a->size; i++) {
		MD_OFFSET from = a->substr_offsets[i], to = a->substr_offsets[i + 1];

		if (a->substr_types[i] == MD_TEXT_ENTITY)
			render_entity(r, a->text + from, to - from);
		else
			put_words(r, a->text + from, to - from);
	}
	if (!all) {
		put_words(r, a->text, text_cut(a->text, ADDRESS_MAX));
		render_text(r, "…", strlen("…"));
	}
}

static void
put_address(struct render *r, const MD_ATTRIBUTE *a, const MD_ATTRIBUTE *title)
{
	uint32_t was = r->style;

	if (title->size == 0 && (a->size == 0 || is_said(r, a->text, a->size)))
		return;
	r->style = LOOK_QUIET;
	render_text(r, " <", 2);
	put_attribute(r, a);
	if (title->size > 0) {
		render_text(r, a->size > 0 ? " \"" : "\"", a->size > 0 ? 2 : 1);
		put_attribute(r, title);
		render_text(r, "\"", 1);
	}
	render_text(r, ">", 1);
	r->style = was;
}

static int
on_enter_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	if (type == MD_SPAN_IMG)
		render_text(r, "image: ", strlen("image: "));
	if ((type == MD_SPAN_A || type == MD_SPAN_IMG) && r->link++ == 0)
		buf_clear(&r->said);
	else if (type == MD_SPAN_DEL)
		render_text(r, "~~", 2);
	r->strong += type == MD_SPAN_STRONG;
	r->emphasis += type == MD_SPAN_EM;
	r->code += type == MD_SPAN_CODE;
	render_style(r);
	return 0;
}

static int
on_leave_span(MD_SPANTYPE type, void *detail, void *arg)
{
	struct render *r = arg;

	r->strong -= type == MD_SPAN_STRONG;
	r->emphasis -= type == MD_SPAN_EM;
	r->code -= type == MD_SPAN_CODE;
	r->link -= type == MD_SPAN_A || type == MD_SPAN_IMG;
	render_style(r);
	if (type == MD_SPAN_DEL)
		render_text(r, "~~", 2);
	else if (type == MD_SPAN_A)
		put_address(r, &((MD_SPAN_A_DETAIL *)detail)->href,
		    &((MD_SPAN_A_DETAIL *)detail)->title);
	else if (type == MD_SPAN_IMG)
		put_address(r, &((MD_SPAN_IMG_DETAIL *)detail)->src,
		    &((MD_SPAN_IMG_DETAIL *)detail)->title);
	return 0;
}

void
markdown_parse(struct render *r, const char *text, size_t len)
{
	MD_PARSER parser = {0};

	parser.flags = MD_DIALECT_GITHUB | MD_FLAG_NOHTML;
	parser.enter_block = on_enter_block;
	parser.leave_block = on_leave_block;
	parser.enter_span = on_enter_span;
	parser.leave_span = on_leave_span;
	parser.text = on_text;
	if (md_parse(text, (MD_SIZE)len, &parser, r) != 0)
		lines_scrub(r->lines, 0, text, len);
}
