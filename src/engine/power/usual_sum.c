/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/usual_sum.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void
usual_sum_init(struct usual_sum *s)
{
	memset(s, 0, sizeof *s);
	course_init(&s->course);
}

static void
ring_add(struct usual_ring *r, int64_t ms)
{
	if (ms >= 0)
		r->ms[r->count++ % USUAL_LAST] = ms;
}

static int
by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Of an even number the smaller one of the middle: no time that nobody measured. */
static int64_t
ring_median(const struct usual_ring *r)
{
	size_t n = r->count < USUAL_LAST ? r->count : USUAL_LAST;
	int64_t sorted[USUAL_LAST];

	if (n == 0)
		return -1;
	memcpy(sorted, r->ms, n * sizeof sorted[0]);
	qsort(sorted, n, sizeof sorted[0], by_size);
	return sorted[(n - 1) / 2];
}

/* One that is asked for again before the devvm came back counts as far as it came. */
static bool
take(struct usual_sum *s)
{
	const struct course *c = &s->course;
	int verb = c->verb;

	if (s->taken || verb < 0 || c->exit != 0 || c->unknown)
		return false;
	s->taken = true;
	s->verb[verb].count++;
	ring_add(&s->verb[verb].whole, c->whole_ms);
	for (int i = 0; i < COURSE_STAGES; i++)
		if (i < COURSE_SSH || c->healthy)
			ring_add(&s->verb[verb].stage[i], c->took[i]);
	return true;
}

bool
usual_sum_fact(struct usual_sum *s, const struct js *fact)
{
	bool confirmed = js_is(fact, "t", "verb") && js_is(fact, "state", "confirmed");
	bool changed = confirmed && take(s);

	if (!course_apply(&s->course, fact))
		return changed;
	if (confirmed)
		s->taken = false;
	return (s->course.state == COURSE_OVER && take(s)) || changed;
}

static bool
begins(const char *line, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len > n && memcmp(line, with, n) == 0;
}

/* A journal is mostly output: only what may be one of the two kinds is parsed. */
void
usual_sum_line(struct usual_sum *s, const char *line, size_t len)
{
	static const char proof[] = "\"what\":\"proof\"";
	struct js *record;
	struct err err;

	if (!begins(line, len, "{\"t\":\"verb\",") &&
	    !(begins(line, len, "{\"t\":\"state\",") &&
		memmem(line, len, proof, sizeof proof - 1)))
		return;
	record = js_parse(line, len, &err);
	if (record)
		usual_sum_fact(s, record);
	js_free(record);
}

void
usual_sum_end(struct usual_sum *s)
{
	take(s);
	course_init(&s->course);
	s->taken = false;
}

static void
ring_join(struct usual_ring *r, const struct usual_ring *newer)
{
	unsigned n = newer->count < USUAL_LAST ? newer->count : USUAL_LAST;

	for (unsigned i = newer->count - n; i < newer->count; i++)
		ring_add(r, newer->ms[i % USUAL_LAST]);
}

void
usual_sum_add(struct usual_sum *s, const struct usual_sum *newer)
{
	for (int v = 0; v < VERBS; v++) {
		s->verb[v].count += newer->verb[v].count;
		ring_join(&s->verb[v].whole, &newer->verb[v].whole);
		for (int i = 0; i < COURSE_STAGES; i++)
			ring_join(&s->verb[v].stage[i], &newer->verb[v].stage[i]);
	}
}

int64_t
usual_sum_ms(const struct usual_sum *s, enum verb verb)
{
	return ring_median(&s->verb[verb].whole);
}

bool
usual_sum_fill(const struct usual_sum *s, enum verb verb, struct js *fact)
{
	unsigned n = s->verb[verb].count;
	struct js *list;

	if (n == 0)
		return false;
	list = js_array();
	js_set_str(fact, "verb", verb_rows[verb].name);
	js_set_int(fact, "n", n < USUAL_LAST ? n : USUAL_LAST);
	if (usual_sum_ms(s, verb) >= 0)
		js_set_int(fact, "ms", usual_sum_ms(s, verb));
	for (int i = 0; i < COURSE_STAGES; i++) {
		int64_t ms = ring_median(&s->verb[verb].stage[i]);
		struct js *one;

		if (ms < 0)
			continue;
		one = js_new();
		js_set_str(one, "name", course_stage_name((enum course_stage)i));
		js_set_int(one, "ms", ms);
		js_add(list, one);
	}
	js_set(fact, "stages", list);
	return true;
}
