/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/mono.h"
#include "host/out.h"

#define OUT_QUOTE_MAX (1024 * 1024) /* bytes of others in one run */

void
out_init(struct out *o, int fd)
{
	o->fd = fd;
	o->t0 = mono_ms();
	o->bytes_left = OUT_QUOTE_MAX;
}

long long
out_ms(const struct out *o)
{
	return mono_ms() - o->t0;
}

static void
emit(struct out *o, const char *prefix, const char *text, size_t len)
{
	char line[OUT_LINE_MAX];
	size_t n = strlen(prefix);
	ssize_t rc;

	memcpy(line, prefix, n);
	n += escape_line(line + n, sizeof(line) - n - 1, text, len);
	line[n++] = '\n';
	rc = write(o->fd, line, n);
	(void)rc;
}

static void __attribute__((format(printf, 3, 0)))
emit_fmt(struct out *o, const char *prefix, const char *fmt, va_list ap)
{
	char text[OUT_LINE_MAX * 2];
	int n;

	n = vsnprintf(text, sizeof(text), fmt, ap);
	if (n < 0)
		return;
	emit(o, prefix, text, strlen(text));
}

void
out_text(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_fmt(o, "", fmt, ap);
	va_end(ap);
}

void
out_mark(struct out *o, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit_fmt(o, "#bg ", fmt, ap);
	va_end(ap);
}

void
out_phase(struct out *o, const char *word, const char *more)
{
	out_mark(o, "phase=%s t_ms=%lld%s%s", word, out_ms(o), more ? " " : "",
	    more ? more : "");
}

void
out_fact(struct out *o, const char *key, const char *value)
{
	char quoted[300];

	escape_value(quoted, sizeof(quoted), value);
	out_mark(o, "fact %s=%s", key, quoted);
}

void
out_fact_num(struct out *o, const char *key, long long value)
{
	out_mark(o, "fact %s=%lld", key, value);
}

void
out_quote(struct out *o, const char *bytes, size_t len)
{
	while (len > 0 && o->bytes_left > 0) {
		const char *nl = memchr(bytes, '\n', len);
		size_t n = nl ? (size_t)(nl - bytes) : len;

		emit(o, "  ", bytes, n);
		o->bytes_left -= n < o->bytes_left ? n : o->bytes_left;
		n += nl != NULL;
		bytes += n;
		len -= n;
	}
}
