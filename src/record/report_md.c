/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report_md.c: Markdown whose outside text cannot act.
 *
 * Text passes base/scrub first (no control, nothing bidi or hidden).  In a line of
 * prose or a cell every character that Markdown or HTML could read is escaped, and so
 * is the first one of a line that was wrapped.  In a fence nothing is read, and the
 * fence is longer than any row of backticks in it.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/scrub.h"
#include "base/text.h"
#include "record/report_int.h"

#define TEXT_MAX (16 * 1024)

static char *clean(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);

static char *
clean(const char *fmt, va_list ap)
{
	char *text = mem_alloc(TEXT_MAX), *out = mem_alloc(TEXT_MAX);

	vsnprintf(text, TEXT_MAX, fmt, ap);
	scrub_label(text, strlen(text), out, TEXT_MAX);
	free(text);
	return out;
}

static size_t
columns(const char *s, size_t len)
{
	size_t cols = 0, n;
	uint32_t cp;

	for (; len > 0; s += n, len -= n) {
		int w;

		n = text_decode(s, len, &cp);
		w = wcwidth((wchar_t)cp);
		cols += w > 0 ? (size_t)w : 0;
	}
	return cols;
}

/* ---- prose ---- */

/* Would Markdown or HTML read this character? */
static bool
must_escape(const char *word, size_t at, size_t len)
{
	char c = word[at];

	if (strchr("\\`*[]<>|~&$", c))
		return true;
	if (c == '_') /* inside a word it is none */
		return at == 0 || at + 1 == len ||
		    !isalnum((unsigned char)word[at - 1]) ||
		    !isalnum((unsigned char)word[at + 1]);
	if (c == ':') /* no link of itself */
		return at + 2 < len && word[at + 1] == '/' && word[at + 2] == '/';
	if (c == '.')
		return at >= 3 && strncasecmp(word + at - 3, "www", 3) == 0;
	return c == '!' && at + 1 < len && word[at + 1] == '[';
}

/* A list, a heading, a rule: what a line must not begin with. */
static size_t
line_start_escape(const char *word, size_t len)
{
	size_t n = 0;

	if (strchr("-+=#", word[0]) && strspn(word, (char[]){word[0], 0}) >= len)
		return 0;
	while (n < len && isdigit((unsigned char)word[n]))
		n++;
	return n > 0 && n + 1 == len && (word[n] == '.' || word[n] == ')') ? n : len;
}

static void
put_word(FILE *to, const char *word, size_t len, bool first)
{
	size_t start = first ? line_start_escape(word, len) : len;

	for (size_t i = 0; i < len; i++) {
		if (i == start || must_escape(word, i, len))
			putc('\\', to);
		putc(word[i], to);
	}
}

static size_t
escapes(const char *word, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += must_escape(word, i, len);
	return n;
}

static void
put_wrapped(FILE *to, const char *text, const char *first, const char *hang)
{
	size_t col = strlen(first);
	bool begin = true;

	fputs(first, to);
	for (;;) {
		size_t len, width;

		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (!len)
			break;
		width = columns(text, len) + escapes(text, len);
		if (!begin && col + 1 + width > MD_COLUMNS) {
			fprintf(to, "\n%s", hang);
			col = strlen(hang);
			begin = true;
		} else if (!begin) {
			putc(' ', to);
			col++;
		}
		put_word(to, text, len, begin);
		col += width;
		text += len;
		begin = false;
	}
	putc('\n', to);
}

void
md_item(FILE *to, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = clean(fmt, ap);
	va_end(ap);
	put_wrapped(to, text, "- ", "  ");
	free(text);
}

void
md_para(FILE *to, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = clean(fmt, ap);
	va_end(ap);
	put_wrapped(to, text, "", "");
	putc('\n', to);
	free(text);
}

void
md_cell(FILE *to, size_t max, const char *fmt, ...)
{
	char cut[512];
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = clean(fmt, ap);
	va_end(ap);
	scrub_label(text, strlen(text), cut, max < sizeof cut ? max : sizeof cut);
	fputs("| ", to);
	put_word(to, cut[0] ? cut : "\xe2\x80\x93", strlen(cut[0] ? cut : "\xe2\x80\x93"),
	    false);
	putc(' ', to);
	free(text);
}

/* ---- fences -------------------------------------------------------------------------
 */

void
md_block_open(struct md_block *b)
{
	b->f = open_memstream(&b->data, &b->len);
	if (!b->f)
		abort(); /* as all who find no memory */
}

/* One line of text, wrapped at spaces, or inside a word where it has none. */
static void
block_wrap(FILE *to, const char *text, size_t hang)
{
	size_t col = 0;

	while (*text) {
		size_t gap = strspn(text, " "), len = strcspn(text + gap, " ");
		size_t width = columns(text, gap + len);

		if (col > hang && col + width > MD_COLUMNS) {
			fprintf(to, "\n%*s", (int)hang, "");
			col = hang;
			text += gap;
			width -= gap;
			gap = 0;
		}
		for (size_t end = gap + len, n; end > 0; text += n, end -= n) {
			uint32_t cp;
			size_t w;

			n = text_decode(text, end, &cp);
			w = columns(text, n);
			if (col + w > MD_COLUMNS) {
				fprintf(to, "\n%*s", (int)hang, "");
				col = hang;
			}
			fwrite(text, 1, n, to);
			col += w;
		}
	}
	putc('\n', to);
}

void
md_block_line(struct md_block *b, size_t hang, const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = clean(fmt, ap);
	va_end(ap);
	block_wrap(b->f, text, hang);
	free(text);
}

static size_t
longest_row(const char *s, size_t len, char c)
{
	size_t row = 0, longest = 0;

	for (size_t i = 0; i < len; i++) {
		row = s[i] == c ? row + 1 : 0;
		longest = row > longest ? row : longest;
	}
	return longest;
}

static void
put_fence(FILE *to, const char *prefix, size_t ticks, const char *info)
{
	fputs(prefix, to);
	while (ticks-- > 0)
		putc('`', to);
	fprintf(to, "%s\n", info);
}

void
md_block_close(struct md_block *b, FILE *to, const char *prefix)
{
	size_t ticks, n;
	const char *s;

	fclose(b->f);
	ticks = longest_row(b->data, b->len, '`') + 1;
	ticks = ticks < 3 ? 3 : ticks;
	put_fence(to, prefix, ticks, "text");
	for (s = b->data; s < b->data + b->len; s += n + 1) {
		size_t len = n = strcspn(s, "\n");

		while (len > 0 && s[len - 1] == ' ')
			len--;
		fprintf(to, "%.*s%.*s\n",
		    (int)(len ? strlen(prefix) : strcspn(prefix, " ")), prefix, (int)len,
		    s);
	}
	put_fence(to, prefix, ticks, "");
	putc('\n', to);
	free(b->data);
	*b = (struct md_block){0};
}

/* ---- quotes --------------------------------------------------------------------------
 */

static void
on_clean(void *arg, const char *text, size_t len, uint32_t style)
{
	fwrite(text, 1, len, arg);
}

static void
on_newline(void *arg)
{
	putc('\n', arg);
}

void
md_quote(FILE *to, const char *text, size_t len, const char *prefix)
{
	static const struct scrub_sink sink = {on_clean, on_newline, on_newline};
	struct md_block b, lines;
	struct scrub s;

	md_block_open(&lines);
	scrub_init(&s, &sink, lines.f, SCRUB_PLAIN);
	scrub_feed(&s, text, len);
	scrub_finish(&s);
	fclose(lines.f);
	md_block_open(&b);
	for (const char *at = lines.data; at < lines.data + lines.len;) {
		size_t n = strcspn(at, "\n");
		char *line = mem_dupn(at, n);

		block_wrap(b.f, line, 0);
		free(line);
		at += n + 1;
	}
	free(lines.data);
	md_block_close(&b, to, prefix);
}
