/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/draw/markdown_split.h"

#include <string.h>

#define FENCE_LINE_MAX 1024 /* bytes of a line that can still open a fence */

struct line {
	const char *text; /* behind its blanks */
	size_t len;	  /* of that, without the LF */
	size_t next;	  /* offset of the next line */
	int indent;
	bool whole; /* there is a LF */
};

static struct line
line_at(const char *text, size_t len, size_t at)
{
	const char *lf = memchr(text + at, '\n', len - at);
	size_t end = lf ? (size_t)(lf - text) : len;
	struct line l = {.next = lf ? end + 1 : len, .whole = lf != NULL};

	if (end > at && text[end - 1] == '\r')
		end--;
	while (at < end && (text[at] == ' ' || text[at] == '\t')) {
		l.indent = text[at] == '\t' ? (l.indent | 3) + 1 : l.indent + 1;
		at++;
	}
	l.text = text + at;
	l.len = end - at;
	return l;
}

static size_t
run_of(const char *text, size_t len, char c)
{
	size_t n = 0;

	while (n < len && text[n] == c)
		n++;
	return n;
}

static int
fence_of(const struct line *l, char *fence)
{
	size_t n;

	if (l->indent > 3 || l->len < 3 || l->len > FENCE_LINE_MAX ||
	    (l->text[0] != '`' && l->text[0] != '~'))
		return 0;
	n = run_of(l->text, l->len, l->text[0]);
	if (n < 3 || (l->text[0] == '`' && memchr(l->text + n, '`', l->len - n)))
		return 0;
	*fence = l->text[0];
	return (int)n;
}

int
split_fence(const char *line, size_t len, char *fence, int *indent)
{
	struct line l = line_at(line, len, 0);

	*indent = l.indent;
	return fence_of(&l, fence);
}

static bool
closes(const struct split *s, const struct line *l)
{
	size_t n = run_of(l->text, l->len, s->fence);

	if (l->indent > 3 || n < (size_t)s->length)
		return false;
	for (; n < l->len; n++)
		if (l->text[n] != ' ' && l->text[n] != '\t')
			return false;
	return true;
}

static struct piece
code_piece(struct split *s, const char *text, size_t len, size_t from)
{
	struct line l = line_at(text, len, from);
	struct piece p = {PIECE_CODE, from, l.next, l.whole, false};

	if (closes(s, &l)) {
		p.kind = PIECE_CLOSE;
		if (p.whole)
			s->fence = 0;
	}
	return p;
}

/* The columns of a list marker with the blanks behind it; 0: none, -1: cannot know yet.
 */
static int
marker(const struct line *l)
{
	size_t n = 0;
	int blanks = 0;

	if (l->len == 0)
		return 0;
	if (l->text[0] && strchr("-+*", l->text[0])) {
		n = 1;
	} else {
		while (n < l->len && n < 9 && l->text[n] >= '0' && l->text[n] <= '9')
			n++;
		if (n == 0)
			return 0;
		if (n == l->len)
			return l->whole ? 0 : -1;
		if (l->text[n] != '.' && l->text[n] != ')')
			return 0;
		n++;
	}
	if (n == l->len)
		return l->whole ? (int)n + 1 : -1;
	if (l->text[n] != ' ' && l->text[n] != '\t')
		return 0;
	while (n + (size_t)blanks < l->len && l->text[n + (size_t)blanks] == ' ')
		blanks++;
	return (int)n + (blanks < 1 || blanks > 4 ? 1 : blanks);
}

/* Only "1." and a bullet with words behind it may interrupt a paragraph. */
static bool
interrupts(const struct line *l, int width)
{
	if (l->text[0] >= '0' && l->text[0] <= '9' &&
	    !(l->text[0] == '1' && (l->text[1] == '.' || l->text[1] == ')')))
		return false;
	return l->len > (size_t)width - 1;
}

/* What is known of a piece of text up to the line that is looked at. */
struct scan {
	size_t from;
	int item; /* column of the words of the outermost list item, 0: no list */
	bool any, blank;
};

static bool
may_be_fence(const struct line *l)
{
	return !l->whole && l->indent <= 3 && l->len <= FENCE_LINE_MAX &&
	    (l->text[0] == '`' || l->text[0] == '~');
}

static bool
ends_here(const struct scan *s, const struct line *l, size_t at, bool *forced)
{
	int width = s->item ? marker(l) : 0;
	size_t size = at - s->from;

	*forced = false;
	if (!s->any)
		return false;
	if (s->blank && l->indent <= 3 && (!s->item || (l->indent < s->item && !width)))
		return true;
	if (width < 0 || may_be_fence(l))
		return false;
	*forced = true;
	if (size >= PIECE_LIST_MAX && width > 0 && l->indent < s->item)
		return true;
	return size >= (l->text[0] == '|' ? PIECE_TABLE_MAX : PIECE_LINES_MAX);
}

static void
look_for_list(struct scan *s, const struct line *l)
{
	int width = l->indent <= 3 || s->item ? marker(l) : 0;

	if (width <= 0)
		return;
	if (s->item ? l->indent < s->item : !s->any || s->blank || interrupts(l, width))
		s->item = l->indent + width;
}

/* A line that does not end: in front of the first word behind its most bytes. */
static size_t
word_cut(const char *text, const struct line *l, size_t from)
{
	size_t at = from + PIECE_WORDS_MAX;

	if (l->next <= at)
		return 0;
	while (at < l->next && text[at] != ' ')
		at++;
	return at + 1 < l->next ? at + 1 : 0;
}

static struct piece
text_piece(struct split *s, const char *text, size_t len, size_t from)
{
	struct piece p = {PIECE_TEXT, from, len, false, false};
	struct scan scan = {.from = from};
	size_t at = from, cut;

	while (at < len) {
		struct line l = line_at(text, len, at);
		char fence = 0;
		int length = fence_of(&l, &fence);

		if (l.len == 0) {
			scan.blank |= l.whole;
			at = l.next;
			continue;
		}
		if (length && l.whole && (!scan.item || l.indent < scan.item)) {
			p.whole = true;
			p.to = scan.any ? at : l.next;
			if (!scan.any) {
				p.kind = PIECE_OPEN;
				*s = (struct split){fence, length, l.indent, false};
			}
			return p;
		}
		if (ends_here(&scan, &l, at, &p.forced)) {
			p.to = at;
			p.whole = true;
			return p;
		}
		p.forced = false;
		cut = word_cut(text, &l, from);
		if (cut > 0) {
			p.to = cut;
			p.whole = p.forced = true;
			return p;
		}
		look_for_list(&scan, &l);
		scan.any = true;
		scan.blank = false;
		at = l.next;
	}
	return p;
}

struct piece
split_next(struct split *s, const char *text, size_t len, size_t from)
{
	struct piece p;

	if (s->fence)
		return code_piece(s, text, len, from);
	s->forced = false;
	p = text_piece(s, text, len, from);
	s->forced = p.forced;
	return p;
}

/* --- what is shown of a piece that still grows --- */

static bool
only_marks(const struct line *l)
{
	for (size_t i = 0; i < l->len; i++)
		if (!strchr("-+*#>=~|`0123456789.)_ \t", l->text[i]))
			return false;
	return true;
}

static size_t
start_of_line(const char *text, size_t from, size_t at)
{
	while (at > from && text[at - 1] != '\n')
		at--;
	return at;
}

/* The heading of a table, as long as the line below it does not say that it is one. */
static bool
may_be_table(const char *text, size_t from, size_t before, size_t last)
{
	struct line l = line_at(text, last, before), above;

	if (before == last || l.len == 0 || l.text[0] != '|')
		return false;
	if (before == from)
		return true;
	above = line_at(text, before, start_of_line(text, from, before - 1));
	return above.len == 0 || above.text[0] != '|';
}

static size_t
calm_text(const struct piece *p, const char *text)
{
	size_t last = start_of_line(text, p->from, p->to), before;
	struct line l = line_at(text, p->to, last);
	bool hold = p->to == last || only_marks(&l) || l.text[0] == '|' ||
	    (l.indent <= 3 && l.len >= 3 &&
		(memcmp(l.text, "```", 3) == 0 || memcmp(l.text, "~~~", 3) == 0));

	if (!hold)
		return p->to;
	before = last > p->from ? start_of_line(text, p->from, last - 1) : last;
	return may_be_table(text, p->from, before, last) ? before : last;
}

size_t
split_calm(const struct piece *p, const struct split *s, const char *text)
{
	struct line l;

	if (p->whole)
		return p->to;
	if (p->kind == PIECE_TEXT)
		return calm_text(p, text);
	l = line_at(text, p->to, p->from);
	return l.indent <= 3 && run_of(l.text, l.len, s->fence) == l.len ? p->from
									 : p->to;
}
