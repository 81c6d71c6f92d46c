/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/secret_private.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SEED 32 /* bytes of an ed25519 key; its public half follows */

struct part {
	const unsigned char *p, *end;
};

/* --- OpenSSH's own format: strings with their length in front --- */

static bool
take_string(struct part *in, struct part *out)
{
	uint32_t n;

	if (in->end - in->p < 4)
		return false;
	n = (uint32_t)in->p[0] << 24 | (uint32_t)in->p[1] << 16 |
	    (uint32_t)in->p[2] << 8 | in->p[3];
	if (n > (size_t)(in->end - in->p) - 4)
		return false;
	out->p = in->p + 4;
	out->end = out->p + n;
	in->p = out->end;
	return true;
}

static bool
skip_strings(struct part *in, int n)
{
	struct part s;

	while (n-- > 0)
		if (!take_string(in, &s))
			return false;
	return true;
}

static bool
is(const struct part *s, const char *word)
{
	size_t n = strlen(word);

	return (size_t)(s->end - s->p) >= n && memcmp(s->p, word, n) == 0;
}

static bool
openssh(struct part in, struct part *found)
{
	struct part type, s;

	in.p += 15; /* the magic, its NUL included */
	if (!skip_strings(&in, 3) || in.end - in.p < 4)
		return false;
	in.p += 4; /* one key */
	if (!skip_strings(&in, 1) || !take_string(&in, &s) || s.end - s.p < 8)
		return false;
	in = s;
	in.p += 8; /* two check words */
	if (!take_string(&in, &type))
		return false;
	if (is(&type, "ssh-ed25519")) {
		if (!skip_strings(&in, 1) || !take_string(&in, found) ||
		    found->end - found->p < SEED)
			return false;
		found->end = found->p + SEED;
		return true;
	}
	if (!is(&type, "ssh-rsa"))
		return skip_strings(&in, 2) && take_string(&in, found); /* a curve */
	if (!skip_strings(&in, 2))
		return false;
	found->p = in.p;
	if (!skip_strings(&in, 4))
		return false;
	found->end = in.p;
	return true;
}

/* --- DER --- */

static bool
take_der(struct part *in, int want, struct part *out)
{
	size_t n;
	int more;

	if (in->end - in->p < 2 || (want && in->p[0] != want))
		return false;
	n = in->p[1];
	in->p += 2;
	if (n & 0x80) {
		more = (int)(n & 0x7f);
		if (more < 1 || more > 3 || in->end - in->p < more)
			return false;
		for (n = 0; more > 0; more--)
			n = n << 8 | *in->p++;
	}
	if (n > (size_t)(in->end - in->p))
		return false;
	out->p = in->p;
	out->end = in->p += n;
	return true;
}

/* RSA's own format, a curve's, and the one for all that wraps them. */
static bool
der(struct part in, struct part *found)
{
	struct part all, version, s;

	for (int depth = 0; depth < 3; depth++) {
		if (!take_der(&in, 0x30, &all) || !take_der(&all, 0x02, &version) ||
		    all.p == all.end)
			return false;
		if (*all.p == 0x30) { /* which kind; then the key in its own format */
			if (!take_der(&all, 0x30, &s) || !take_der(&all, 0x04, found))
				return false;
			if (found->p == found->end || *found->p != 0x30)
				return true;
			in = *found;
			continue;
		}
		if (*all.p == 0x04)
			return take_der(&all, 0x04, found);
		if (!take_der(&all, 0x02, &s) || !take_der(&all, 0x02, &s))
			return false;
		*found = all;
		return true;
	}
	return false;
}

void
secret_private(const unsigned char *raw, size_t len, size_t *from, size_t *to)
{
	struct part in = {raw, raw + len}, found;
	bool ours = len > 15 && memcmp(raw, "openssh-key-v1", 15) == 0;

	if (!(ours ? openssh(in, &found) : der(in, &found))) {
		found = in;
		found.p += len / 2;
	}
	*from = (size_t)(found.p - raw);
	*to = (size_t)(found.end - raw);
}
