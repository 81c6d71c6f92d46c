/* SPDX-License-Identifier: GPL-3.0-or-later */
/* paper.c: what is printed of a journal, through the sanitiser, and errors. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/scrub.h"
#include "record/record.h"

#define SAY_MAX (64 * 1024) /* bytes of one formatted piece */

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

static const struct scrub_sink paper = {on_clean, on_newline, on_newline};

static void
write_clean(FILE *to, const char *text, size_t len)
{
	struct scrub s;

	scrub_init(&s, &paper, to, SCRUB_PLAIN);
	scrub_feed(&s, text, len);
	scrub_finish(&s);
}

static void say(FILE *to, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);

static void
say(FILE *to, const char *fmt, va_list ap)
{
	char text[SAY_MAX];
	int n = vsnprintf(text, sizeof text, fmt, ap);

	if (n > 0)
		write_clean(
		    to, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void
record_say(FILE *to, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(to, fmt, ap);
	va_end(ap);
}

int
record_fail(const struct err *err)
{
	record_say(stderr, "breakglass: %s\n", err->words);
	switch (err->code) {
	case ERR_DENIED:
		return RECORD_NO_ACCESS;
	case ERR_UNREACHABLE:
		return RECORD_UNREACHABLE;
	case ERR_USAGE:
		return RECORD_USAGE;
	default:
		return RECORD_FAILED;
	}
}

int
record_usage(const char *word, const char *fmt, ...)
{
	char what[512];
	struct err err;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	err_set(&err, ERR_USAGE, "breakglass %.40s: %s", word, what);
	record_say(
	    stderr, "%s\nTry: breakglass --help, man breakglass-journal\n", err.words);
	return RECORD_USAGE;
}
