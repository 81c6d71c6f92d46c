/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "host/jwalk.h"

struct walk {
	const char *p;
	const char *end;
	char path[JWALK_PATH_MAX];
	size_t path_len;
	int depth;
	jwalk_fn *fn;
	void *arg;
};

static int walk_value(struct walk *w);

static void
skip_space(struct walk *w)
{
	while (w->p < w->end &&
	    (*w->p == ' ' || *w->p == '\t' || *w->p == '\n' || *w->p == '\r'))
		w->p++;
}

static bool
take(struct walk *w, char c)
{
	skip_space(w);
	if (w->p >= w->end || *w->p != c)
		return false;
	w->p++;
	return true;
}

static int
read_string(struct walk *w, const char **start, size_t *len)
{
	if (!take(w, '"'))
		return -1;
	*start = w->p;
	for (; w->p < w->end; w->p++) {
		if (*w->p == '\\' && w->p + 1 < w->end)
			w->p++;
		else if (*w->p == '"') {
			*len = (size_t)(w->p - *start);
			w->p++;
			return 0;
		}
	}
	return -1;
}

/* Appends ".word"; what does not fit is cut, so such a path matches nothing. */
static size_t
path_push(struct walk *w, const char *word, size_t len)
{
	size_t old = w->path_len, room = sizeof(w->path) - 1 - old;

	if (old > 0 && room > 0) {
		w->path[w->path_len++] = '.';
		room--;
	}
	if (len > room)
		len = room;
	memcpy(w->path + w->path_len, word, len);
	w->path_len += len;
	w->path[w->path_len] = '\0';
	return old;
}

static void
path_pop(struct walk *w, size_t old)
{
	w->path_len = old;
	w->path[old] = '\0';
}

static int
walk_object(struct walk *w)
{
	const char *key;
	size_t len, old;

	if (take(w, '}'))
		return 0;
	do {
		if (read_string(w, &key, &len) < 0 || !take(w, ':'))
			return -1;
		old = path_push(w, key, len);
		if (walk_value(w) < 0)
			return -1;
		path_pop(w, old);
	} while (take(w, ','));
	return take(w, '}') ? 0 : -1;
}

static int
walk_array(struct walk *w)
{
	char number[24];
	size_t old;
	int n;

	if (take(w, ']'))
		return 0;
	for (unsigned i = 0;; i++) {
		n = snprintf(number, sizeof(number), "%u", i);
		old = path_push(w, number, (size_t)n);
		if (walk_value(w) < 0)
			return -1;
		path_pop(w, old);
		if (!take(w, ','))
			break;
	}
	return take(w, ']') ? 0 : -1;
}

static int
walk_scalar(struct walk *w)
{
	const char *start;
	size_t len;

	if (*w->p == '"') {
		if (read_string(w, &start, &len) < 0)
			return -1;
		w->fn(w->arg, w->path, start, len, true);
		return 0;
	}
	start = w->p;
	while (w->p < w->end &&
	    strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *w->p) && *w->p != '\0')
		w->p++;
	if (w->p == start)
		return -1;
	w->fn(w->arg, w->path, start, (size_t)(w->p - start), false);
	return 0;
}

static int
walk_value(struct walk *w)
{
	int rc;

	skip_space(w);
	if (w->p >= w->end || w->depth >= JWALK_DEPTH_MAX)
		return -1;
	w->depth++;
	if (take(w, '{'))
		rc = walk_object(w);
	else if (take(w, '['))
		rc = walk_array(w);
	else
		rc = walk_scalar(w);
	w->depth--;
	return rc;
}

int
jwalk(const char *text, size_t len, jwalk_fn *fn, void *arg)
{
	struct walk w = {.p = text, .end = text + len, .fn = fn, .arg = arg};

	if (walk_value(&w) < 0)
		return -1;
	skip_space(&w);
	return w.p == w.end ? 0 : -1;
}
