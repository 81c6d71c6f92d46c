/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/files_match.h"

#include <string.h>

enum kind {
	CHARACTER,
	ONE,	    /* ? */
	CLASS,	    /* [...] */
	STAR,	    /* any run without a slash */
	ALL,	    /* ** that is not a whole folder: any run */
	DEEP_ENTER, /* "**" and a slash: nothing, or ... */
	DEEP_IN,    /* ... folders, each with its slash */
	END
};

/* One character; a byte that is no UTF-8 stands for itself. */
static const char *
take(const char *p, uint32_t *cp)
{
	unsigned char c = (unsigned char)*p;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	*cp = more ? c & (0x3fu >> more) : c;
	for (int i = 1; i <= more; i++) {
		if (((unsigned char)p[i] & 0xc0) != 0x80) {
			*cp = c;
			return p + 1;
		}
		*cp = *cp << 6 | ((unsigned char)p[i] & 0x3f);
	}
	return p + 1 + more;
}

/* The end of a class that begins behind its '[', or NULL; a ']' may stand first. */
static const char *
class_end(const char *p)
{
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	while (*p && *p != ']')
		p++;
	return *p ? p : NULL;
}

static bool
class_has(const char *p, uint32_t cp)
{
	const char *end = class_end(p);
	bool negated = *p == '!' || *p == '^', found = false;

	if (negated)
		p++;
	while (p < end) {
		uint32_t from, to;

		p = take(p, &from);
		to = from;
		if (*p == '-' && p + 1 < end)
			p = take(p + 1, &to);
		found |= cp >= from && cp <= to;
	}
	return cp != '/' && found != negated;
}

static void
add(struct files_match *m, enum kind kind, size_t at, uint32_t cp)
{
	m->tokens[m->n].kind = (uint8_t)kind;
	m->tokens[m->n].at = (uint16_t)at;
	m->tokens[m->n++].cp = cp;
}

static const char *
stars(struct files_match *m, const char *p)
{
	bool first = p == m->pattern || p[-1] == '/';
	const char *end = p + strspn(p, "*");

	if (end - p == 1)
		add(m, STAR, 0, 0);
	else if (first && *end == '/') {
		add(m, DEEP_ENTER, 0, 0);
		add(m, DEEP_IN, 0, 0);
		end++;
	} else
		add(m, ALL, 0, 0);
	return end;
}

const char *
files_match_compile(struct files_match *m, const char *pattern)
{
	const char *p = pattern, *end;
	uint32_t cp;

	m->pattern = pattern;
	m->n = 0;
	if (!*p || strlen(p) > FILES_PATTERN_MAX)
		return "the pattern is empty or longer than 1024 bytes";
	while (*p) {
		if (*p == '*') {
			p = stars(m, p);
		} else if (*p == '?') {
			add(m, ONE, 0, 0);
			p++;
		} else if (*p == '[' && (end = class_end(p + 1)) != NULL) {
			add(m, CLASS, (size_t)(p + 1 - pattern), 0);
			p = end + 1;
		} else if (*p == '{') {
			return "{a,b} is not understood here: ask once for each";
		} else {
			if (*p == '\\' && p[1])
				p++;
			p = take(p, &cp);
			add(m, CHARACTER, 0, cp);
		}
	}
	add(m, END, 0, 0);
	return NULL;
}

/* Adds a state and those that are reached from it without a character. */
static void
reach(const struct files_match *m, bool *set, size_t i)
{
	for (;;) {
		if (set[i])
			return;
		set[i] = true;
		switch (m->tokens[i].kind) {
		case DEEP_ENTER:
			set[i + 1] = true; /* from there only by characters */
			i += 2;
			break;
		case STAR:
		case ALL:
			i++;
			break;
		default:
			return;
		}
	}
}

static void
step(const struct files_match *m, bool *next, size_t i, uint32_t cp)
{
	const struct files_token *t = &m->tokens[i];

	switch (t->kind) {
	case CHARACTER:
		if (cp == t->cp)
			reach(m, next, i + 1);
		break;
	case ONE:
		if (cp != '/')
			reach(m, next, i + 1);
		break;
	case CLASS:
		if (class_has(m->pattern + t->at, cp))
			reach(m, next, i + 1);
		break;
	case STAR:
		if (cp != '/')
			reach(m, next, i);
		break;
	case ALL:
		reach(m, next, i);
		break;
	case DEEP_IN:
		next[i] = true;
		if (cp == '/')
			reach(m, next, i + 1);
		break;
	}
}

bool
files_match(const struct files_match *m, const char *path)
{
	bool sets[2][FILES_PATTERN_MAX + 2] = {{false}};
	bool *now = sets[0], *next = sets[1], *swap;

	reach(m, now, 0);
	while (*path) {
		uint32_t cp;

		path = take(path, &cp);
		memset(next, 0, m->n * sizeof *next);
		for (size_t i = 0; i < m->n; i++)
			if (now[i])
				step(m, next, i, cp);
		swap = now;
		now = next;
		next = swap;
	}
	return now[m->n - 1];
}
