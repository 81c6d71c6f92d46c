/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "host/out.h"
#include "host/pending.h"

#define SHOWN_MAX 512 /* bytes of a line */

struct line {
	const char *text;
	size_t len;
};

static bool
next_line(const char **p, const char *end, struct line *l)
{
	const char *nl;

	if (*p >= end)
		return false;
	nl = memchr(*p, '\n', (size_t)(end - *p));
	l->text = *p;
	l->len = (size_t)((nl ? nl : end) - *p);
	*p = nl ? nl + 1 : end;
	return true;
}

static bool
has_tag(const struct line *l, const char *tag)
{
	return l->len > 4 && memcmp(l->text, tag, 3) == 0 && l->text[3] == ' ';
}

/* The key of "tag KEY: VALUE" or "tag KEY". */
static struct line
key_of(const struct line *l, size_t skip)
{
	struct line k = {l->text + skip, 0};

	while (skip + k.len < l->len && k.text[k.len] != ':' && k.text[k.len] != ' ')
		k.len++;
	return k;
}

static bool
same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

static bool
is_staged(const struct line *key, const char *text, const char *end)
{
	struct line l, k;

	while (next_line(&text, end, &l)) {
		if (!has_tag(&l, "new") && !has_tag(&l, "del"))
			continue;
		k = key_of(&l, 4);
		if (same(&k, key))
			return true;
	}
	return false;
}

static bool
is_secret(const struct line *key)
{
	static const char *const names[] = {"args", "cicustom", "cipassword",
	    "description", "sshkeys", "smbios1", "vmgenid"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (key->len == strlen(names[i]) &&
		    memcmp(key->text, names[i], key->len) == 0)
			return true;
	return false;
}

static void
show(struct out *o, const struct line *l, size_t skip)
{
	struct line key = key_of(l, skip);
	char text[SHOWN_MAX];

	if (is_secret(&key)) {
		snprintf(text, sizeof(text), "%.*s%.*s: (not shown)", (int)skip, l->text,
		    (int)key.len, key.text);
		out_quote(o, text, strlen(text));
	} else
		out_quote(o, l->text, l->len);
}

int
pending_print(struct out *o, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct line l, key;
	int staged = 0;

	while (next_line(&p, end, &l)) {
		bool change = has_tag(&l, "new") || has_tag(&l, "del");

		if (!change && !has_tag(&l, "cur"))
			continue;
		key = key_of(&l, 4);
		staged += change;
		if (change || is_staged(&key, text, end))
			show(o, &l, 4);
	}
	return staged;
}

void
config_print(struct out *o, const char *text, size_t len)
{
	const char *p = text, *end = text + len;
	struct line l;

	while (next_line(&p, end, &l))
		if (l.len > 0 && l.text[0] != '#')
			show(o, &l, 0);
}
