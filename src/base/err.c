/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->words, sizeof e->words, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	e->code = ERR_SYSTEM;
	va_start(ap, fmt);
	vsnprintf(e->words, sizeof e->words, fmt, ap);
	va_end(ap);
	n = strlen(e->words);
	snprintf(e->words + n, sizeof e->words - n, ": %s%s", strerror(errnum),
	    errnum == EMFILE ? ": raise the limit (ulimit -n)" : "");
	return -1;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof e->words];
	va_list ap;
	size_t n;

	memcpy(inner, e->words, sizeof inner);
	va_start(ap, fmt);
	vsnprintf(e->words, sizeof e->words, fmt, ap);
	va_end(ap);
	n = strlen(e->words);
	snprintf(e->words + n, sizeof e->words - n, ": %s", inner);
	return -1;
}
