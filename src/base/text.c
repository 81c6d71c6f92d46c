/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistr.h>

#include "base/mem.h"

bool
text_is_utf8(const char *s, size_t len)
{
	/* the function: a macro of newer versions casts const away */
	return (u8_check)((const uint8_t *)s, len) == NULL;
}

size_t
text_decode(const char *s, size_t len, uint32_t *cp)
{
	ucs4_t u;
	int n = u8_mbtoucr(&u, (const uint8_t *)s, len);

	*cp = n > 0 ? u : TEXT_REPLACEMENT;
	return n > 0 ? (size_t)n : 1;
}

size_t
text_encode(uint32_t cp, char *out)
{
	int n = u8_uctomb((uint8_t *)out, cp, 4);

	return n > 0 ? (size_t)n : text_encode(TEXT_REPLACEMENT, out);
}

size_t
text_cut(const char *s, size_t len)
{
	ucs4_t u;

	for (size_t back = 1; back <= 3 && back <= len; back++) {
		unsigned char c = (unsigned char)s[len - back];

		if (c < 0x80)
			break;
		if (c >= 0xc0) /* a lead byte: is its sequence merely unfinished? */
			return u8_mbtoucr(&u, (const uint8_t *)s + len - back, back) == -2
			    ? len - back
			    : len;
	}
	return len;
}

void
text_only_utf8(char *text)
{
	size_t len = strlen(text), n;
	uint32_t cp;

	for (; len > 0; text += n, len -= n) {
		n = text_decode(text, len, &cp);
		if (n == 1 && cp == TEXT_REPLACEMENT)
			*text = '?';
	}
}

char *
text_shell_word(const char *text)
{
	char *out, *to;

	if (*text && text[strspn(text, TEXT_SHELL_PLAIN)] == '\0')
		return mem_dup(text);
	out = to = mem_alloc(4 * strlen(text) + 3);
	*to++ = '\'';
	for (; *text; text++)
		if (*text == '\'')
			to = stpcpy(to, "'\\''");
		else
			*to++ = *text;
	strcpy(to, "'");
	return out;
}
