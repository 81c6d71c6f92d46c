/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/scrub.h"
#include "base/text.h"

/* What is quoted may be anyone's: no control, nothing hidden, and no line of its own. */
static void
words_clean(struct err *e)
{
	char in[sizeof e->words], piece[16];
	size_t len = strlen(e->words), out = 0, n;
	uint32_t cp;

	memcpy(in, e->words, len);
	for (size_t at = 0; at < len; at += n) {
		int k;

		n = text_decode(in + at, len - at, &cp);
		if (cp == TEXT_REPLACEMENT && n == 1)
			k = text_cut(in + at, len - at) == 0
			    ? 0 /* cut in the middle of a character */
			    : snprintf(
				  piece, sizeof piece, "<%02X>", (unsigned char)in[at]);
		else if (scrub_is_plain(cp))
			k = snprintf(piece, sizeof piece, "%.*s", (int)n, in + at);
		else
			k = snprintf(piece, sizeof piece, "<U+%04X>", (unsigned)cp);
		if (out + (size_t)k >= sizeof e->words)
			break;
		memcpy(e->words + out, piece, (size_t)k);
		out += (size_t)k;
	}
	e->words[out] = '\0';
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	va_start(ap, fmt);
	vsnprintf(e->words, sizeof e->words, fmt, ap);
	va_end(ap);
	words_clean(e);
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
	words_clean(e);
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
	words_clean(e);
	return -1;
}

int
err_option(struct err *e, const char *word)
{
	return err_set(e, ERR_USAGE,
	    "there is no option \"%.60s\" here, or it needs a value, or takes none",
	    word);
}
