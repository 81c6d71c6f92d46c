/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * incident_ring.c: recent records in memory, for attaching; and the present.
 *
 * What is not in the file yet stays here however much it is: who attaches while
 * no disk takes the journal misses nothing.  The journal bounds how much may wait.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/record/incident_int.h"

/* Trimming goes a step further than it must, so that it comes seldom. */
#define RING_TRIMMED (INCIDENT_RING_MAX / 8 * 7)

static bool
ring_may_drop(const struct incident *i, const struct line *l)
{
	return l->ticket <= i->written; /* a lost one has no ticket */
}

static void
ring_trim(struct incident *i)
{
	size_t most = RING_TRIMMED + journal_waiting(i->journal), keep = 0;

	for (size_t k = 0; k < i->ring_count; k++) {
		struct line *l = i->ring[k];

		if (i->ring_bytes > most && k + 1 < i->ring_count &&
		    ring_may_drop(i, l)) {
			i->ring_bytes -= l->len;
			line_free(l);
		} else {
			i->ring[keep++] = l;
		}
	}
	i->ring_count = keep;
}

void
incident_ring_keep(struct incident *i, struct line *l)
{
	if (i->ring_count == i->ring_size) {
		i->ring_size = i->ring_size ? i->ring_size * 2 : 256;
		i->ring = mem_resize(i->ring, i->ring_size * sizeof *i->ring);
	}
	i->ring[i->ring_count++] = line_ref(l);
	i->ring_bytes += l->len;
	if (i->ring_bytes > INCIDENT_RING_MAX + journal_waiting(i->journal))
		ring_trim(i);
}

void
incident_ring_clear(struct incident *i)
{
	for (size_t k = 0; k < i->ring_count; k++)
		line_free(i->ring[k]);
	i->ring_count = i->ring_bytes = 0;
}

uint64_t
incident_ring_first(const struct incident *i)
{
	return i->ring_count ? i->ring[0]->seq : i->released + 1;
}

struct line *
incident_ring_from(const struct incident *i, uint64_t seq)
{
	size_t lo = 0, hi = i->ring_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (i->ring[mid]->seq < seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < i->ring_count ? i->ring[lo] : NULL;
}

void
incident_present(struct incident *i, void (*f)(struct line *line, void *arg), void *arg)
{
	for (size_t k = 0; k < i->present.count; k++) {
		struct line *l;

		js_set_int(i->present.facts[k], "seq", 0);
		l = line_new(FACT_STATE, 0, i->present.facts[k]);
		f(l, arg);
		line_free(l);
	}
}

const struct js *
incident_state(const struct incident *i, const char *what, const char *host)
{
	return present_get(&i->present, what, host);
}
