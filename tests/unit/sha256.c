/* SPDX-License-Identifier: GPL-3.0-or-later */
/* FIPS 180-4, for tests only: the constants are computed, as the standard defines them.
 */
#include "sha256.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint32_t k[64], first[8];

/* The first 32 bits of the fraction of n's root (2 or 3), by bisection. */
static uint32_t
root_fraction(unsigned n, int power)
{
	unsigned __int128 lo = 0, hi = (unsigned __int128)64 << 32;
	unsigned __int128 want = (unsigned __int128)n << (power == 2 ? 64 : 96);

	while (hi - lo > 1) {
		unsigned __int128 mid = (lo + hi) / 2;
		unsigned __int128 p = power == 2 ? mid * mid : mid * mid * mid;

		if (p <= want)
			lo = mid;
		else
			hi = mid;
	}
	return (uint32_t)lo;
}

static void
constants(void)
{
	int found = 0;

	for (unsigned n = 2; found < 64; n++) {
		unsigned d = 2;

		while (d * d <= n && n % d)
			d++;
		if (d * d <= n)
			continue;
		if (found < 8)
			first[found] = root_fraction(n, 2);
		k[found++] = root_fraction(n, 3);
	}
}

static uint32_t
ror(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void
block(uint32_t h[8], const unsigned char *p)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		    (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++)
		w[i] = w[i - 16] + w[i - 7] +
		    (ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3) +
		    (ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10);
	memcpy(v, h, sizeof v);
	for (int i = 0; i < 64; i++) {
		uint32_t s1 = ror(v[4], 6) ^ ror(v[4], 11) ^ ror(v[4], 25);
		uint32_t s0 = ror(v[0], 2) ^ ror(v[0], 13) ^ ror(v[0], 22);
		uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
		uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof *v);
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

void
sha256_hex(const void *data, size_t len, char out[65])
{
	const unsigned char *p = data;
	unsigned char tail[128] = {0};
	uint32_t h[8];
	size_t rest = len % 64, n = rest < 56 ? 64 : 128;

	constants();
	memcpy(h, first, sizeof h);
	for (size_t i = 0; i + 64 <= len; i += 64)
		block(h, p + i);
	if (rest)
		memcpy(tail, p + len - rest, rest);
	tail[rest] = 0x80;
	for (int i = 0; i < 8; i++)
		tail[n - 1 - (size_t)i] = (unsigned char)((uint64_t)len * 8 >> (8 * i));
	for (size_t i = 0; i < n; i += 64)
		block(h, tail + i);
	for (int i = 0; i < 8; i++)
		sprintf(out + 8 * i, "%08x", h[i]);
}
