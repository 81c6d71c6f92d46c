/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/known.h"

#define LOG_LINE_MAX 2048 /* bytes of an entry before escaping */

static int log_fd = -1;
static int log_level;

void
log_open(const char *path, int level)
{
	log_close();
	log_level = level;
	if (level == 0)
		return;
	log_fd = path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : 2;
}

void
log_close(void)
{
	if (log_fd > 2)
		close(log_fd);
	log_fd = -1;
	log_level = 0;
}

void
log_secret(const char *secret)
{
	known_add(secret, strlen(secret));
}

void
log_forget(const char *secret)
{
	known_forget(secret, strlen(secret));
}

void
log_redact(char *s, unsigned long len)
{
	known_blot(s, len, false);
}

static size_t
log_escape(const char *in, char *out, size_t size)
{
	size_t n = 0;

	for (; *in && n + 5 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= 0x20 && c < 0x7f)
			out[n++] = (char)c;
		else
			n += (size_t)snprintf(out + n, size - n, "\\x%02x", c);
	}
	out[n++] = '\n';
	return n;
}

void
log_line(int level, const char *topic, const char *file, int line, const char *fmt, ...)
{
	char text[LOG_LINE_MAX], out[LOG_LINE_MAX * 2];
	const char *base = strrchr(file, '/');
	int64_t now;
	va_list ap;
	int n;

	if (log_fd < 0 || level > log_level)
		return;
	now = clock_mono_ms();
	n = snprintf(text, sizeof text, "%lld.%03d %s %s:%d ", (long long)(now / 1000),
	    (int)(now % 1000), topic, base ? base + 1 : file, line);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof text - (size_t)n, fmt, ap);
	va_end(ap);
	log_redact(text, strlen(text));
	if (write(log_fd, out, log_escape(text, out, sizeof out)) < 0)
		return; /* a full disk under the log is no reason to stop */
}
