/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_older.c: older runs in front of those that are kept. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/tail_int.h"

/* The end of its lines keeps its place: a view that stands there does not move. */
static void
take_place(struct tail_run *r, const struct tail_run *stub)
{
	uint64_t shift = stub->next_place - r->next_place;

	r->serial = stub->serial;
	for (size_t i = 0; i < r->count; i++)
		r->lines[(r->head + i) % r->size].at += shift;
	r->next_place += shift;
	if (r->heading)
		r->heading += shift;
	if (r->picture)
		r->picture += shift;
	r->wraps_others |= stub->wraps_others;
}

/* Its facts were too many to keep: it stays as it is, but is named. */
static void
take_name(struct tail_run *stub, const struct tail_run *r)
{
	memcpy(stub->by, r->by, sizeof stub->by);
	memcpy(stub->asked, r->asked, sizeof stub->asked);
	memcpy(stub->host, r->host, sizeof stub->host);
	memcpy(stub->verb, r->verb, sizeof stub->verb);
	memcpy(stub->what, r->what, sizeof stub->what);
	memcpy(stub->at, r->at, sizeof stub->at);
	if (r->command)
		stub->command = mem_dup(r->command);
	stub->more = r->more;
	stub->has_input = r->has_input;
	stub->in = r->in;
	stub->seq = r->seq;
	stub->began = r->began;
	stub->stub = r->stub;
}

static void
add_front(struct tail *t, struct tail_run *r)
{
	memmove(t->runs + 1, t->runs, t->count * sizeof t->runs[0]);
	r->serial = t->count ? t->runs[1]->serial - 1 : t->next_serial - 1;
	t->runs[0] = r;
	t->count++;
	t->bytes += r->bytes;
}

static bool
merge(struct tail *t, struct tail_run *r)
{
	for (size_t i = 0; i < t->count; i++) {
		struct tail_run *stub = t->runs[i];

		if (!stub->stub || strcmp(stub->id, r->id) != 0)
			continue;
		if (stub->lost) {
			take_name(stub, r);
			tail_run_free(r);
			return true;
		}
		take_place(r, stub);
		t->bytes += r->bytes - stub->bytes;
		t->runs[i] = r;
		tail_run_free(stub);
		return true;
	}
	return false;
}

void
tail_prepend(struct tail *t, struct tail *older)
{
	for (size_t i = older->count; i-- > 0;) {
		struct tail_run *r = older->runs[i];

		if (merge(t, r))
			continue;
		t->full |=
		    t->count == TAIL_RUNS_MAX || t->bytes + r->bytes > TAIL_BYTES_MAX;
		if (t->full)
			tail_run_free(r);
		else
			add_front(t, r);
	}
	older->count = older->bytes = 0;
}
