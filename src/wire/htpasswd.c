/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/htpasswd.h"

#include <string.h>

static int
bad(struct err *err, int number, const char *why)
{
	return err_set(err, ERR_USAGE, "line %d: %s", number, why);
}

/* The digits of a cost; -1: none that is taken. */
static int
cost_of(const char *hash)
{
	int cost;

	if (hash[4] < '0' || hash[4] > '9' || hash[5] < '0' || hash[5] > '9')
		return -1;
	cost = (hash[4] - '0') * 10 + hash[5] - '0';
	return cost < HTPASSWD_COST_MIN || cost > HTPASSWD_COST_MAX ? -1 : cost;
}

static const char *
take_hash(struct htpasswd_line *l, const char *text, size_t len)
{
	static const char letters[] = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz";

	if (len < 4 || (memcmp(text, "$2y$", 4) != 0 && memcmp(text, "$2b$", 4) != 0))
		return "the password is not hashed by bcrypt ($2y$ or $2b$): htpasswd -B "
		       "-C 12 makes such a line";
	if (len != HTPASSWD_HASH)
		return "a bcrypt hash has 60 letters";
	memcpy(l->hash, text, HTPASSWD_HASH);
	l->hash[HTPASSWD_HASH] = '\0';
	l->cost = cost_of(l->hash);
	if (l->cost < 0)
		return "the cost of its hash is not 04 to 14: htpasswd -B -C 12";
	if (l->hash[6] != '$' || strspn(l->hash + 7, letters) != HTPASSWD_HASH - 7)
		return "its bcrypt hash is damaged: copy the line again";
	return NULL;
}

static const char *
take_name(struct htpasswd_line *l, const char *text, size_t len)
{
	if (len == 0 || len > WIRE_NAME_MAX)
		return "a name has 1 to 32 letters";
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f)
			return "a name is printable ASCII without blanks";
	memcpy(l->name, text, len);
	l->name[len] = '\0';
	return NULL;
}

static int
take_line(struct htpasswd *h, const char *text, size_t len, int number, struct err *err)
{
	struct htpasswd_line *l;
	const char *colon, *why;

	if (len > 0 && text[len - 1] == '\r')
		len--;
	if (len == 0 || text[0] == '#')
		return 0;
	if (h->count == HTPASSWD_LINES_MAX)
		return bad(err, number, "256 names are the most");
	colon = memchr(text, ':', len);
	if (!colon)
		return bad(err, number, "a line is NAME:HASH");
	l = &h->line[h->count];
	why = take_name(l, text, (size_t)(colon - text));
	if (!why)
		why = take_hash(l, colon + 1, len - (size_t)(colon + 1 - text));
	if (why)
		return bad(err, number, why);
	for (int i = 0; i < h->count; i++)
		if (strcmp(h->line[i].name, l->name) == 0)
			return bad(err, number, "this name stands above already");
	h->count++;
	return 0;
}

int
htpasswd_parse(struct htpasswd *h, const char *text, size_t len, struct err *err)
{
	int number = 0;

	memset(h, 0, sizeof *h);
	if (len > HTPASSWD_FILE_MAX)
		return err_set(err, ERR_LIMIT, "larger than 64 KiB");
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;

		if (take_line(h, text + at, n, ++number, err) < 0) {
			explicit_bzero(h, sizeof *h);
			return -1;
		}
		at += n + 1;
	}
	return 0;
}

/* Equal, in a time that does not tell where they differ. */
static unsigned
same(const char *a, const char *b, size_t len)
{
	unsigned char d = 0;

	for (size_t i = 0; i < len; i++)
		d |= (unsigned char)(a[i] ^ b[i]);
	return d == 0;
}

const struct htpasswd_line *
htpasswd_find(const struct htpasswd *h, const char *name)
{
	char want[WIRE_NAME_MAX + 1] = "";
	size_t len = strlen(name);
	const struct htpasswd_line *found = NULL;

	memcpy(want, name, len < sizeof want ? len : sizeof want - 1);
	for (int i = 0; i < h->count; i++) {
		char have[WIRE_NAME_MAX + 1] = "";

		memcpy(have, h->line[i].name, strlen(h->line[i].name));
		if (same(have, want, sizeof want) && len < sizeof want)
			found = &h->line[i];
	}
	return found;
}

int
htpasswd_is(const char *hash, const char *got)
{
	char padded[HTPASSWD_HASH + 1] = "";
	size_t len = got ? strnlen(got, HTPASSWD_HASH + 1) : 0;

	if (len == HTPASSWD_HASH)
		memcpy(padded, got, len);
	return same(hash, padded, HTPASSWD_HASH);
}
