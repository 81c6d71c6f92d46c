/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <string.h>

#include "host/escape.h"

static const char hex[] = "0123456789abcdef";

/* Room is kept for "..." and NUL, so a cut is always seen as one. */
static bool
put(char *dst, size_t size, size_t *n, const char *bytes, size_t len)
{
	if (*n + len + 4 > size)
		return false;
	memcpy(dst + *n, bytes, len);
	*n += len;
	return true;
}

static size_t
finish(char *dst, size_t size, size_t n, bool cut)
{
	if (cut && n + 4 <= size) {
		memcpy(dst + n, "...", 3);
		n += 3;
	}
	dst[n] = '\0';
	return n;
}

static size_t
one(char out[4], unsigned char c)
{
	if (c >= 0x20 && c < 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	out[1] = 'x';
	out[2] = hex[c >> 4];
	out[3] = hex[c & 15];
	return 4;
}

size_t
escape_field(char *dst, size_t size, const void *src, size_t len, size_t max)
{
	const unsigned char *p = src;
	bool cut = len > max;
	size_t n = 0, w;
	char out[4];

	if (size == 0)
		return 0;
	for (size_t i = 0; i < len && i < max; i++) {
		if (p[i] == '\\' || p[i] == '"') {
			out[0] = '\\';
			out[1] = (char)p[i];
			w = 2;
		} else
			w = one(out, p[i]);
		if (!put(dst, size, &n, out, w)) {
			cut = true;
			break;
		}
	}
	return finish(dst, size, n, cut);
}

size_t
escape_line(char *dst, size_t size, const char *src, size_t len)
{
	size_t n = 0;
	bool cut = false;
	char out[4];

	if (size == 0)
		return 0;
	if (len > 0 && src[len - 1] == '\r')
		len--;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)src[i];

		if (!put(dst, size, &n, out, one(out, c == '\t' ? ' ' : c))) {
			cut = true;
			break;
		}
	}
	return finish(dst, size, n, cut);
}

static bool
is_plain(const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._:/+-@%";

	return *value != '\0' && value[strspn(value, plain)] == '\0';
}

size_t
escape_value(char *dst, size_t size, const char *value)
{
	size_t n;

	if (size < 8) {
		if (size > 0)
			dst[0] = '\0';
		return 0;
	}
	if (is_plain(value) && strlen(value) < size) {
		n = strlen(value);
		memcpy(dst, value, n + 1);
		return n;
	}
	dst[0] = '"';
	n = 1 + escape_field(dst + 1, size - 2, value, strlen(value), size);
	dst[n++] = '"';
	dst[n] = '\0';
	return n;
}
