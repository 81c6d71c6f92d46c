/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/mono.h"
#include "host/out.h"

#define OUT_WAIT_MS 500		    /* once, for a reader that is slow */
#define OUT_QUOTE_MAX (1024 * 1024) /* bytes of others in one run */

void
out_init(struct out *o, int fd)
{
	o->fd = fd;
	o->t0 = mono_ms();
	o->bytes_left = OUT_QUOTE_MAX;
	o->direct = -1;
	o->stuck = o->recorded = false;
}

long long
out_ms(const struct out *o)
{
	return mono_ms() - o->t0;
}

/* A line is one write, never in part: it is shorter than PIPE_BUF. */
static void
send_line(struct out *o, const char *line, size_t len)
{
	struct pollfd p = {.fd = o->fd, .events = POLLOUT};
	ssize_t rc = write(o->fd, line, len);

	if (rc < 0 && errno == EPIPE && o->direct >= 0) {
		o->fd = o->direct;
		rc = write(o->fd, line, len);
	} else if (rc < 0 && errno == EAGAIN && !o->stuck) {
		(void)poll(&p, 1, OUT_WAIT_MS);
		rc = write(o->fd, line, len);
	}
	o->stuck = rc < 0 && errno == EAGAIN;
}

static void
emit(struct out *o, const char *prefix, const char *text, size_t len)
{
	char line[OUT_LINE_MAX];
	size_t n = strlen(prefix);

	memcpy(line, prefix, n);
	n += escape_line(line + n, sizeof(line) - n - 1, text, len);
	line[n++] = '\n';
	send_line(o, line, n);
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
