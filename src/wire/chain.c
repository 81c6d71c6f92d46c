/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/chain.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/mem.h"

#define SHA256_BYTES 32

void
chain_begin(char head[CHAIN_HEX + 1])
{
	memset(head, '0', CHAIN_HEX);
	head[CHAIN_HEX] = '\0';
}

/* One context for all records: to look SHA-256 up anew costs more than a record. */
static EVP_MD_CTX *
chain_sha256(void)
{
	static EVP_MD_CTX *sha256;

	if (!sha256)
		sha256 = EVP_MD_CTX_new();
	return sha256;
}

static void
put_hex(char hex[CHAIN_HEX + 1], const unsigned char h[SHA256_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		hex[2 * i] = digits[h[i] >> 4];
		hex[2 * i + 1] = digits[h[i] & 15];
	}
	hex[CHAIN_HEX] = '\0';
}

void
chain_next(char head[CHAIN_HEX + 1], const void *body, size_t len)
{
	EVP_MD_CTX *ctx = chain_sha256();
	unsigned char h[SHA256_BYTES];

	/* No memory, or a libcrypto that was told to do without SHA-256. */
	if (!ctx || !EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) ||
	    !EVP_DigestUpdate(ctx, head, CHAIN_HEX) ||
	    !EVP_DigestUpdate(ctx, body, len) || !EVP_DigestFinal_ex(ctx, h, NULL))
		abort();
	put_hex(head, h);
}

bool
chain_split(const char *line, size_t len, size_t *body, char h[CHAIN_HEX + 1])
{
	static const char before[] = ",\"h\":\"", after[] = "\"}";
	const char *tail;

	if (len < CHAIN_TAIL)
		return false;
	tail = line + len - CHAIN_TAIL;
	if (memcmp(tail, before, sizeof before - 1) != 0 ||
	    memcmp(line + len - 2, after, sizeof after - 1) != 0)
		return false;
	tail += sizeof before - 1;
	for (size_t i = 0; i < CHAIN_HEX; i++)
		if (!((tail[i] >= '0' && tail[i] <= '9') ||
			(tail[i] >= 'a' && tail[i] <= 'f')))
			return false;
	*body = len - CHAIN_TAIL;
	memcpy(h, tail, CHAIN_HEX);
	h[CHAIN_HEX] = '\0';
	return true;
}

struct digest {
	EVP_MD_CTX *ctx;
};

struct digest *
digest_new(void)
{
	struct digest *d = mem_alloc(sizeof *d);

	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || !EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL))
		abort();
	return d;
}

void
digest_add(struct digest *d, const void *data, size_t len)
{
	if (!EVP_DigestUpdate(d->ctx, data, len))
		abort();
}

void
digest_end(struct digest *d, char hex[CHAIN_HEX + 1])
{
	unsigned char h[SHA256_BYTES];

	if (!EVP_DigestFinal_ex(d->ctx, h, NULL))
		abort();
	put_hex(hex, h);
	EVP_MD_CTX_free(d->ctx);
	free(d);
}
