/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "spoil.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/record.h"
#include "record/verify.h"

const char *const spoil_names[SPOIL_WAYS] = {"edits", "swaps", "removals",
    "doubled lines", "cuts in a line", "cuts at a line's end"};

static const enum verify_kind want[SPOIL_WAYS] = {VERIFY_EDITED, VERIFY_SWAPPED,
    VERIFY_MISSING, VERIFY_INSERTED, VERIFY_CUT, VERIFY_CUT};

struct spoil {
	const char *data;
	size_t len, *lines, count; /* where each line begins; one more: the end */
	uint64_t state;
	char *out;
	size_t out_len;
	size_t where; /* the first line that is wrong, from 1; 0: none is */
};

static uint64_t
pick(struct spoil *s, uint64_t below)
{
	s->state ^= s->state << 13;
	s->state ^= s->state >> 7;
	s->state ^= s->state << 17;
	return s->state % below;
}

static void
put(struct spoil *s, size_t from, size_t upto)
{
	memcpy(s->out + s->out_len, s->data + from, upto - from);
	s->out_len += upto - from;
}

static void
put_line(struct spoil *s, size_t i)
{
	put(s, s->lines[i], s->lines[i + 1]);
}

static size_t
line_at(const struct spoil *s, size_t at)
{
	size_t i = 0;

	while (s->lines[i + 1] <= at)
		i++;
	return i;
}

static void
spoil_edit(struct spoil *s)
{
	size_t at = pick(s, s->len);
	char was = s->data[at];

	put(s, 0, s->len);
	do
		s->out[at] = (char)pick(s, 256);
	while (s->out[at] == was);
	s->where = line_at(s, at) + 1;
}

static bool
same_line(const struct spoil *s, size_t a, size_t b)
{
	size_t n = s->lines[a + 1] - s->lines[a];

	return n == s->lines[b + 1] - s->lines[b] &&
	    memcmp(s->data + s->lines[a], s->data + s->lines[b], n) == 0;
}

static void
spoil_swap(struct spoil *s)
{
	size_t a, b;

	do {
		a = pick(s, s->count);
		b = pick(s, 3) ? pick(s, s->count) : (a + 1) % s->count;
	} while (same_line(s, a, b));
	for (size_t i = 0; i < s->count; i++)
		put_line(s, i == a ? b : i == b ? a : i);
	s->where = (a < b ? a : b) + 1;
}

static void
spoil_remove(struct spoil *s)
{
	size_t a = pick(s, s->count - 1), n = 1;

	if (pick(s, 4) == 0)
		n += pick(s, s->count - 1 - a);
	put(s, 0, s->lines[a]);
	put(s, s->lines[a + n], s->len);
	s->where = a + 1;
}

static void
spoil_double(struct spoil *s)
{
	size_t a = pick(s, s->count), b = pick(s, 2) ? a + 1 : pick(s, s->count + 1);

	put(s, 0, s->lines[b]);
	put_line(s, a);
	put(s, s->lines[b], s->len);
	/* before itself or behind itself is the same file */
	s->where = (b == a ? a + 1 : b) + 1;
}

static void
spoil_cut_line(struct spoil *s)
{
	size_t at;

	do
		at = 1 + pick(s, s->len - 1);
	while (s->data[at - 1] == '\n');
	put(s, 0, at);
	s->where = line_at(s, at - 1) + 1;
}

static void
spoil_cut_end(struct spoil *s)
{
	put(s, 0, s->lines[pick(s, s->count)]);
	s->where = 0; /* the file alone does not show that there was more */
}

static void (*const ways[SPOIL_WAYS])(struct spoil *s) = {
    spoil_edit, spoil_swap, spoil_remove, spoil_double, spoil_cut_line, spoil_cut_end};

static int
check(const char *data, size_t len, struct verify *v)
{
	const char *p = data, *end = data + len, *lf;

	verify_init(v, NULL, NULL);
	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		verify_line(v, p, (size_t)(lf - p), p - data);
		p = lf + 1;
	}
	verify_finish(v, (int64_t)len, end - p);
	return verify_exit(v);
}

static void
tell_missed(const struct spoil *s, enum spoil_way way, const struct verify *v)
{
	fprintf(stderr, "not found: one of the %s, at line %zu; exit 0, %zu findings\n",
	    spoil_names[way], s->where, v->count);
	for (size_t i = 0; i < v->count && i < 4; i++)
		fprintf(stderr, "    line %llu: %s: %s\n",
		    (unsigned long long)v->findings[i].line,
		    verify_kind_names[v->findings[i].kind], v->findings[i].text);
}

static void
spoil_once(struct spoil *s, enum spoil_way way, struct spoil_count *c)
{
	struct verify v;
	bool placed = s->where == 0, named = false;
	int rc;

	s->out_len = 0;
	ways[way](s);
	rc = check(s->out, s->out_len, &v);
	c->tried++;
	c->found += rc != RECORD_OK;
	placed = s->where == 0 && v.end == END_NONE;
	named = placed;
	for (size_t i = 0; i < v.count; i++) {
		placed |= v.findings[i].line == s->where;
		named |= v.findings[i].kind == want[way];
	}
	c->placed += placed;
	c->named += named;
	if (rc == RECORD_OK)
		tell_missed(s, way, &v);
	else if (getenv("SPOIL_VERBOSE") && !(placed && named)) {
		fprintf(stderr, "unnamed or unplaced: ");
		tell_missed(s, way, &v);
	}
	verify_fini(&v);
}

static void
find_lines(struct spoil *s)
{
	s->lines = mem_alloc((s->len + 2) * sizeof *s->lines);
	for (size_t i = 0; i < s->len; i++)
		if (s->data[i] == '\n')
			s->lines[++s->count] = i + 1;
}

int
spoil_run(const char *data, size_t len, unsigned rounds, uint64_t seed,
    struct spoil_count counts[SPOIL_WAYS])
{
	struct spoil s = {.data = data, .len = len, .state = seed | 1};
	struct verify v;
	int rc = check(data, len, &v);

	memset(counts, 0, SPOIL_WAYS * sizeof counts[0]);
	for (size_t i = 0; rc != RECORD_OK && i < v.count; i++)
		fprintf(stderr, "as it is: line %llu: %s\n",
		    (unsigned long long)v.findings[i].line, v.findings[i].text);
	verify_fini(&v);
	if (rc != RECORD_OK)
		return -1;
	find_lines(&s);
	s.out = mem_alloc(2 * len + 1);
	for (unsigned i = 0; i < rounds; i++) {
		/* half of all are edits of a single byte */
		enum spoil_way way = i % 2 ? 1 + i / 2 % (SPOIL_WAYS - 1) : SPOIL_EDIT;

		spoil_once(&s, way, &counts[way]);
	}
	free(s.out);
	free(s.lines);
	return 0;
}
