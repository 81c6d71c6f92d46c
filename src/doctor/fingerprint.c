/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/fingerprint.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/base64.h"
#include "wire/chain.h"

#define BLOB_MAX 8192 /* bytes of base64, in front of what is private */

static unsigned
digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

void
fingerprint_of(const void *blob, size_t len, char out[FINGERPRINT_MAX])
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct digest *d = digest_new();
	char hex[CHAIN_HEX + 1];
	unsigned bits = 0, have = 0;
	size_t n = 7;

	digest_add(d, blob, len);
	digest_end(d, hex);
	memcpy(out, "SHA256:", n);
	/* four bits a digit, six bits a letter; no padding behind */
	for (int i = 0; i < CHAIN_HEX; i++) {
		bits = bits << 4 | digit(hex[i]);
		have += 4;
		if (have >= 6) {
			have -= 6;
			out[n++] = letters[bits >> have & 63];
		}
	}
	if (have)
		out[n++] = letters[bits << (6 - have) & 63];
	out[n] = '\0';
}

bool
fingerprint_of_base64(const char *base64, char out[FINGERPRINT_MAX])
{
	size_t n = strlen(base64);
	unsigned char *raw = mem_alloc(n + 4);
	long len = base64_decode(base64, n, raw);

	if (len > 0)
		fingerprint_of(raw, (size_t)len, out);
	free(raw);
	return len > 0;
}

/* A string of the wire: its length in four bytes, then itself.  NULL: it is not there. */
static const unsigned char *
string_at(const unsigned char **at, const unsigned char *end, size_t *len)
{
	const unsigned char *s;

	if (end - *at < 4)
		return NULL;
	*len = (size_t)(*at)[0] << 24 | (size_t)(*at)[1] << 16 | (size_t)(*at)[2] << 8 |
	    (*at)[3];
	s = *at + 4;
	if (*len > (size_t)(end - s))
		return NULL;
	*at = s + *len;
	return s;
}

bool
fingerprint_of_private(
    const char *text, char type[FINGERPRINT_TYPE_MAX], char out[FINGERPRINT_MAX])
{
	static const char magic[] = "openssh-key-v1"; /* with its NUL */
	const char *body = strstr(text, "-----BEGIN OPENSSH PRIVATE KEY-----");
	unsigned char raw[BLOB_MAX];
	const unsigned char *at = raw, *end, *blob, *s;
	char b64[BLOB_MAX + 1];
	size_t n = 0, len = 0, blob_len;
	long got;
	bool ok = false;

	body = body ? strchr(body, '\n') : NULL;
	for (; body && *body && *body != '-' && n < BLOB_MAX; body++)
		if (*body != '\n')
			b64[n++] = *body;
	n -= n % 4;
	got = n ? base64_decode(b64, n, raw) : -1;
	end = raw + (got > 0 ? got : 0);
	if (got < (long)sizeof magic || memcmp(raw, magic, sizeof magic) != 0)
		goto out;
	at += sizeof magic;
	for (int i = 0; i < 3; i++) /* cipher, kdf, its options */
		if (!string_at(&at, end, &len))
			goto out;
	at += end - at >= 4 ? 4 : end - at; /* how many keys */
	blob = string_at(&at, end, &blob_len);
	if (!blob)
		goto out;
	at = blob;
	s = string_at(&at, blob + blob_len, &len);
	if (!s || len >= FINGERPRINT_TYPE_MAX)
		goto out;
	memcpy(type, s, len);
	type[len] = '\0';
	fingerprint_of(blob, blob_len, out);
	ok = true;
out:
	explicit_bzero(raw, sizeof raw);
	explicit_bzero(b64, sizeof b64);
	return ok;
}
