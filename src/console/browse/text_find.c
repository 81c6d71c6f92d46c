/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/browse/text_find.h"

#include <string.h>
#include <wctype.h>

#include "base/text.h"

static uint32_t
fold(uint32_t cp)
{
	if (cp < 0x80)
		return cp >= 'A' && cp <= 'Z' ? cp + 'a' - 'A' : cp;
	return (uint32_t)towlower((wint_t)cp);
}

void
text_find_init(struct text_find *f, const char *text, size_t len)
{
	f->count = 0;
	f->any_case = true;
	while (len > 0 && f->count < TEXT_FIND_MAX) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);

		f->cp[f->count++] = cp;
		f->any_case = f->any_case && fold(cp) == cp;
		text += n;
		len -= n;
	}
}

/* The byte behind a match that begins at text; NULL: none begins there. */
static const char *
match(const struct text_find *f, const char *text, const char *end)
{
	for (size_t i = 0; i < f->count; i++) {
		uint32_t cp;

		if (text == end)
			return NULL;
		text += text_decode(text, (size_t)(end - text), &cp);
		if ((f->any_case ? fold(cp) : cp) != f->cp[i])
			return NULL;
	}
	return text;
}

/* To the next byte that a match can begin with. */
static const char *
candidate(const struct text_find *f, const char *at, const char *end)
{
	unsigned char first = (unsigned char)f->cp[0], other = first;

	if (f->cp[0] >= 0x80) /* any byte of a longer character, or of one that folds */
		return at;
	if (f->any_case && first >= 'a' && first <= 'z')
		other = (unsigned char)(first - 'a' + 'A');
	if (other == first) {
		at = memchr(at, first, (size_t)(end - at));
		return at ? at : end;
	}
	while (at < end && (unsigned char)*at != first && (unsigned char)*at != other)
		at++;
	return at;
}

size_t
text_find_next(
    const struct text_find *f, const char *text, size_t len, size_t from, size_t *end)
{
	const char *stop, *at, *behind;

	if (f->count == 0 || from >= len) /* an empty text may have no address */
		return SIZE_MAX;
	at = text + from;
	stop = text + len;
	while ((at = candidate(f, at, stop)) < stop) {
		uint32_t cp;

		behind = match(f, at, stop);
		if (behind) {
			*end = (size_t)(behind - text);
			return (size_t)(at - text);
		}
		at += text_decode(at, (size_t)(stop - at), &cp);
	}
	return SIZE_MAX;
}
