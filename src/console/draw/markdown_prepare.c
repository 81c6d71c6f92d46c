/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown_prepare.c: a piece of text, before md4c sees it. */
#include <string.h>

#include "console/draw/markdown_int.h"

static void
put(struct buf *out, const char *text, size_t len)
{
	buf_add_some(out, text, len);
}

static size_t
words_at(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && strchr(" \t>-+*.)0123456789", line[n]) && line[n])
		n++;
	return n;
}

/*
 * "[label]: address": md4c would take it away, and change what is far above.  A label may
 * go on in the next line, and have brackets behind a backslash.  The next "[" ends the
 * search: all of them together read a text once.
 */
static bool
is_definition(const char *text, size_t len)
{
	if (len < 4 || text[0] != '[' || text[1] == ']')
		return false;
	for (size_t i = 1; i + 1 < len && text[i] != '['; i++) {
		if (text[i] == ']')
			return text[i + 1] == ':';
		i += text[i] == '\\' && strchr("[]\\", text[i + 1]);
	}
	return false;
}

/* Where a paragraph can begin in the line: behind all marks, that of a task too. */
static size_t
paragraph_at(const char *line, size_t len)
{
	size_t at = words_at(line, len);

	if (len - at > 3 && line[at] == '[' && strchr(" xX", line[at + 1]) &&
	    line[at + 2] == ']' && strchr(" \t", line[at + 3]))
		at += 3 + words_at(line + at + 3, len - at - 3);
	return at;
}

static void
put_line(struct buf *out, const char *line, size_t len, size_t left)
{
	size_t at = paragraph_at(line, len), from = 0;

	for (size_t i = 0; i < len; i++) {
		bool bad = line[i] == MARKDOWN_MARK;

		if (!bad && !(i == at && is_definition(line + at, left - at)))
			continue;
		put(out, line + from, i - from);
		put(out, bad ? "\xef\xbf\xbd" : (char[]){MARKDOWN_MARK}, bad ? 3 : 1);
		from = i + bad;
	}
	put(out, line + from, len - from);
}

/* --- an open end --- */

/* Where the last paragraph, item or heading of text begins. */
static size_t
last_block(const char *text, size_t len)
{
	size_t start = len;

	while (start > 0) {
		size_t line = start - 1, at;

		while (line > 0 && text[line - 1] != '\n')
			line--;
		at = words_at(text + line, start - line);
		if (line + at >= start || text[line + at] == '\n')
			return start; /* blank */
		start = line;
		if (at > 0 || text[line] == '#' || text[line] == '|')
			return start;
	}
	return 0;
}

/* What is open at the end of a block: a run of so many backticks, and "**". */
static void
scan_spans(const char *text, size_t len, size_t *ticks, bool *strong)
{
	*ticks = 0;
	*strong = false;
	for (size_t i = 0; i < len;) {
		size_t n = 1;

		while (i + n < len && text[i + n] == text[i])
			n++;
		if (text[i] == '\\' && *ticks == 0) {
			i += 2;
			continue;
		}
		if (text[i] == '`')
			*ticks = *ticks == 0 ? n : *ticks == n ? 0 : *ticks;
		else if (text[i] == '*' && n == 2 && *ticks == 0)
			*strong = !*strong;
		i += n;
	}
}

static void
close_strong(struct buf *out)
{
	size_t stars = 0;

	while (stars < 3 && out->len > stars && out->data[out->len - 1 - stars] == '*')
		stars++;
	if (stars == 2)
		out->len -= 2; /* it has just begun */
	else
		put(out, "**", stars == 1 ? 1 : 2);
}

/* "**so and" is "**so and**" until more comes: its stars do not come and go. */
static void
close_spans(struct buf *out, size_t start)
{
	size_t ticks;
	bool strong;

	scan_spans(buf_str(out) + start, out->len - start, &ticks, &strong);
	if (ticks == 0 && !strong)
		return;
	while (out->len > start && strchr(" \t\n", out->data[out->len - 1]))
		out->len--;
	if (ticks > 0 && out->data[out->len - 1] == '`')
		out->len -= ticks; /* it has just begun */
	else
		for (size_t i = 0; i < ticks; i++)
			put(out, "`", 1);
	if (strong)
		close_strong(out);
}

/* Behind the last quote or item: it has no mark and no indent. */
static bool
is_outside(const char *line, size_t len)
{
	return len > 0 && !strchr(" \t>\r\n", line[0]) &&
	    words_at(line, len < 2 ? len : 2) == 0;
}

/* Code in a quote or an item, of which split knows nothing. */
static void
see_fence(struct split *s, const char *line, size_t len)
{
	size_t at = words_at(line, len);
	char fence = 0;
	int indent, length;

	if (s->fence && is_outside(line, len))
		s->fence = 0;
	length = split_fence(line + at, len - at, &fence, &indent);
	if (!s->fence && length > 0) {
		s->fence = fence;
		s->length = length;
	} else if (fence == s->fence && length >= s->length) {
		for (at += (size_t)(indent + length); at < len; at++)
			if (!strchr(" \t\r\n", line[at]))
				return; /* a word behind it: it closes nothing */
		s->fence = 0;
	}
}

void
markdown_prepare(struct buf *out, const char *text, size_t len, bool open)
{
	struct split in_box = {0};
	size_t at = 0;

	while (at < len) {
		const char *lf = memchr(text + at, '\n', len - at);
		size_t end = lf ? (size_t)(lf - text) + 1 : len;

		see_fence(&in_box, text + at, end - at);
		put_line(out, text + at, end - at, len - at);
		at = end;
	}
	if (open && !in_box.fence && out->len > 0)
		close_spans(out, last_block(buf_str(out), out->len));
}
