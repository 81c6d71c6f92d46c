/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/mark.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char MARK_HEAD[] = "#bg ";

/*
 * Cuts the next value off p: quoted up to the closing quote, else up to a space.
 * Of the escapes, a quote and a backslash are taken back; \xHH stays as it is: it
 * stands for a byte that was not printable.
 */
static char *
mark_value(char *p, const char **value)
{
	bool quoted = *p == '"';
	char end = quoted ? '"' : ' ', *to;

	p += quoted;
	*value = to = p;
	while (*p && *p != end) {
		if (quoted && *p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		*to++ = *p++;
	}
	if (*p)
		p++;
	*to = '\0';
	return p;
}

bool
mark_parse(struct mark *m, const char *line, size_t len)
{
	char *p;

	if (len < sizeof MARK_HEAD || len >= sizeof m->text ||
	    memcmp(line, MARK_HEAD, sizeof MARK_HEAD - 1) != 0)
		return false;
	memcpy(m->text, line, len);
	m->text[len] = '\0';
	if (m->text[len - 1] == '\r')
		m->text[len - 1] = '\0';
	m->kind = NULL;
	m->count = 0;
	p = m->text + sizeof MARK_HEAD - 1;
	while (*p) {
		char *word = p;
		size_t n;

		while (*p == ' ')
			word = ++p;
		n = strcspn(p, "= ");
		p += n;
		if (*p != '=') {
			if (*p)
				*p++ = '\0';
			if (!m->kind)
				m->kind = word;
			continue;
		}
		*p++ = '\0';
		if (!m->kind)
			m->kind = word;
		if (m->count == MARK_PAIRS_MAX)
			return false;
		m->keys[m->count] = word;
		p = mark_value(p, &m->values[m->count]);
		m->count++;
	}
	return m->kind != NULL;
}

const char *
mark_get(const struct mark *m, const char *key)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->keys[i], key) == 0)
			return m->values[i];
	return NULL;
}

long
mark_int(const struct mark *m, const char *key, long def)
{
	const char *s = mark_get(m, key);
	char *end;
	long n;

	if (!s || !*s)
		return def;
	errno = 0;
	n = strtol(s, &end, 10);
	return errno || *end ? def : n;
}
