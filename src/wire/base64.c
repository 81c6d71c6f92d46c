/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t
base64_encode(const void *data, size_t len, char *out)
{
	const unsigned char *in = data;
	char *p = out;

	for (; len >= 3; len -= 3, in += 3) {
		*p++ = digits[in[0] >> 2];
		*p++ = digits[(in[0] & 3) << 4 | in[1] >> 4];
		*p++ = digits[(in[1] & 15) << 2 | in[2] >> 6];
		*p++ = digits[in[2] & 63];
	}
	if (len) {
		*p++ = digits[in[0] >> 2];
		*p++ = digits[(in[0] & 3) << 4 | (len == 2 ? in[1] >> 4 : 0)];
		*p++ = len == 2 ? digits[(in[1] & 15) << 2] : '=';
		*p++ = '=';
	}
	*p = '\0';
	return (size_t)(p - out);
}

long
base64_decode(const char *text, size_t len, void *out)
{
	unsigned char *p = out;
	size_t pad = 0;

	if (len % 4)
		return -1;
	while (pad < 2 && len > pad && text[len - 1 - pad] == '=')
		pad++;
	for (size_t i = 0; i < len; i += 4) {
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			const char *d = text[i + k] ? strchr(digits, text[i + k]) : NULL;

			if (!d && i + k < len - pad)
				return -1;
			v = v << 6 | (d ? (uint32_t)(d - digits) : 0);
		}
		*p++ = (unsigned char)(v >> 16);
		*p++ = (unsigned char)(v >> 8);
		*p++ = (unsigned char)v;
	}
	return (long)(p - (unsigned char *)out) - (long)pad;
}
