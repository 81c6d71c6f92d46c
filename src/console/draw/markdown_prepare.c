/* SPDX-License-Identifier: GPL-3.0-or-later */
/* markdown_prepare.c: a piece of text, before md4c sees it. */
#include <string.h>

#include "console/draw/markdown_int.h"

static void
put(struct buf *out, const char *text, size_t len)
{
	buf_add_some(out, text, len);
}

/* "[label]: address": md4c would take it away, and change what is far above. */
static bool
is_definition(const char *line, size_t len)
{
	const char *close;

	if (len < 4 || line[0] != '[' || line[1] == ']')
		return false;
	close = memchr(line, ']', len);
	return close && close + 1 < line + len && close[1] == ':';
}

static size_t
words_at(const char *line, size_t len)
{
	size_t n = 0;

	while (n < len && strchr(" \t>-+*.)0123456789", line[n]) && line[n])
		n++;
	return n;
}

static void
put_line(struct buf *out, const char *line, size_t len, bool *fenced)
{
	size_t at = words_at(line, len);

	if (len - at >= 3 &&
	    (memcmp(line + at, "```", 3) == 0 || memcmp(line + at, "~~~", 3) == 0))
		*fenced = !*fenced;
	if (*fenced || !is_definition(line + at, len - at)) {
		put(out, line, len);
		return;
	}
	put(out, line, at);
	put(out, "\\", 1);
	put(out, line + at, len - at);
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

void
markdown_prepare(struct buf *out, const char *text, size_t len, bool open)
{
	bool fenced = false;
	size_t at = 0;

	while (at < len) {
		const char *lf = memchr(text + at, '\n', len - at);
		size_t end = lf ? (size_t)(lf - text) + 1 : len;

		put_line(out, text + at, end - at, &fenced);
		at = end;
	}
	if (open && !fenced && out->len > 0)
		close_spans(out, last_block(buf_str(out), out->len));
}
