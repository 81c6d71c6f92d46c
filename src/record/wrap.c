/* SPDX-License-Identifier: GPL-3.0-or-later */
/* wrap.c: clean text in as many columns as there are. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/buf.h"
#include "base/scrub.h"
#include "base/text.h"
#include "record/record.h"

#define COLUMNS_MIN 40
#define COLUMNS_MAX 200
#define TEXT_MAX (64 * 1024)

int
record_columns(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws;
	int n = 0;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0)
		n = ws.ws_col;
	if (n == 0 && env)
		n = atoi(env);
	if (n <= 0)
		n = 80;
	return n < COLUMNS_MIN ? COLUMNS_MIN : n > COLUMNS_MAX ? COLUMNS_MAX : n;
}

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	buf_add_some(arg, text, len);
}

static void
on_newline(void *arg)
{
	buf_add_some(arg, " ", 1);
}

static int
cells_of(const char *s, size_t len)
{
	int cells = 0;

	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(s, len, &cp);
		int w = wcwidth((wchar_t)cp);

		cells += w > 0 ? w : 0;
		s += n;
		len -= n;
	}
	return cells;
}

/* How many bytes fit in so many cells, at least one character. */
static size_t
fit(const char *s, size_t len, int cells)
{
	size_t at = 0;

	while (at < len) {
		uint32_t cp;
		size_t n = text_decode(s + at, len - at, &cp);
		int w = wcwidth((wchar_t)cp);

		cells -= w > 0 ? w : 0;
		if (cells < 0 && at > 0)
			break;
		at += n;
	}
	return at;
}

static void
put_line(FILE *to, int indent, const char *s, size_t len)
{
	if (len > 0)
		fprintf(to, "%*s", indent, "");
	fwrite(s, 1, len, to);
	putc('\n', to);
}

static void
wrap_clean(FILE *to, int columns, int first, int rest, const char *s, size_t len)
{
	int indent = first;

	do {
		size_t n = len;
		const char *blank;

		if (cells_of(s, len) > columns - indent) {
			n = fit(s, len, columns - indent);
			/* a blank behind the last word that fits is its end, too */
			blank = memrchr(s, ' ', n < len ? n + 1 : n);
			if (blank && blank > s)
				n = (size_t)(blank - s);
		}
		put_line(to, indent, s, n);
		for (s += n, len -= n; len > 0 && *s == ' '; s++)
			len--;
		indent = rest;
	} while (len > 0);
}

void
record_wrap(FILE *to, int columns, int first, int rest, const char *text)
{
	static const struct scrub_sink sink = {on_text, on_newline, on_newline};
	struct scrub s;
	struct buf b;

	buf_init(&b, TEXT_MAX);
	scrub_init(&s, &sink, &b, SCRUB_PLAIN);
	scrub_feed(&s, text, strlen(text));
	scrub_finish(&s);
	wrap_clean(to, columns, first, rest, buf_str(&b), b.len);
	buf_fini(&b);
}

void
record_wrapf(FILE *to, int columns, int first, int rest, const char *fmt, ...)
{
	char text[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	record_wrap(to, columns, first, rest, text);
}

char *
record_bytes(int64_t bytes, char *out, size_t size)
{
	if (bytes < 1024)
		snprintf(out, size, "%" PRId64 " B", bytes);
	else if (bytes < 1024 * 1024)
		snprintf(out, size, "%" PRId64 " KiB", bytes / 1024);
	else
		snprintf(out, size, "%.1f MiB", (double)bytes / (1024 * 1024));
	return out;
}
