/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOG_LINE_MAX 2048 /* bytes of an entry before escaping */
#define LOG_SECRETS 32
#define LOG_SECRET_MIN 8 /* bytes; a shorter one would blot out ordinary words */

static int log_fd = -1;
static int log_level;
static char *log_secrets[LOG_SECRETS];
static unsigned log_uses[LOG_SECRETS]; /* how often each was told of */
static unsigned log_next_secret;

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

static void
log_wipe(char **slot)
{
	if (*slot)
		explicit_bzero(*slot, strlen(*slot));
	free(*slot);
	*slot = NULL;
}

static size_t
log_find(const char *secret)
{
	size_t i = 0;

	while (
	    i < LOG_SECRETS && (!log_secrets[i] || strcmp(log_secrets[i], secret) != 0))
		i++;
	return i;
}

void
log_forget(const char *secret)
{
	size_t i = log_find(secret);

	if (i < LOG_SECRETS && --log_uses[i] == 0)
		log_wipe(&log_secrets[i]);
}

void
log_secret(const char *secret)
{
	size_t i = log_find(secret);

	if (strlen(secret) < LOG_SECRET_MIN)
		return;
	if (i < LOG_SECRETS) {
		log_uses[i]++;
		return;
	}
	for (i = 0; i < LOG_SECRETS && log_secrets[i]; i++)
		;
	if (i == LOG_SECRETS)
		i = log_next_secret++ % LOG_SECRETS;
	log_wipe(&log_secrets[i]);
	log_secrets[i] = mem_dup(secret);
	log_uses[i] = 1;
}

void
log_redact(char *s, unsigned long len)
{
	for (size_t i = 0; i < LOG_SECRETS; i++) {
		size_t n = log_secrets[i] ? strlen(log_secrets[i]) : 0;
		char *p = s;

		if (n == 0)
			continue;
		while (
		    (p = memmem(p, len - (size_t)(p - s), log_secrets[i], n)) != NULL) {
			memset(p, '*', n);
			p += n;
		}
	}
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
