/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/part.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define LOOK_MS 250

struct part {
	struct part *next;
	struct hub *hub;
	struct peer *peer; /* ours to keep */
	int64_t since_ms;
	bool reading; /* the thread pool has it */
	part_fn *cb;  /* NULL: was told */
	void *arg;
};

static void
part_tell(struct part *r, const char *data, size_t len, const char *why)
{
	part_fn *cb = r->cb;

	r->cb = NULL;
	if (cb)
		cb(r->peer, data, len, why, r->arg);
}

static void
part_free(struct part *r)
{
	struct part **at = &r->hub->parts;
	struct hub *h = r->hub;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	if (!h->parts && !h->freed)
		uv_timer_stop(&h->reads);
	peer_unref(r->peer);
	free(r);
	hub_release(h);
}

static void
on_part(const char *data, size_t len, const char *why, void *arg)
{
	struct part *r = arg;

	if (!r->cb)
		r->hub->hung--;
	part_tell(r, data, len, why);
	part_free(r);
}

/* The hub's timer: gives up what waits for too long. */
static void
on_look(uv_timer_t *t)
{
	struct hub *h = t->data;
	struct part *next;

	for (struct part *r = h->parts; r; r = next) {
		next = r->next;
		if (!r->cb || clock_mono_ms() - r->since_ms < PART_READ_MS)
			continue;
		h->hung += r->reading;
		part_tell(r, "", 0, "the disk of the journal does not answer");
		next = r->next; /* another read may have begun meanwhile, in front */
		if (!r->reading)
			part_free(r);
	}
}

void
part_read(
    struct peer *p, uint64_t from, uint64_t before, size_t tail, part_fn *cb, void *arg)
{
	struct hub *h = p->hub;
	struct part *r = mem_alloc(sizeof *r);

	r->hub = h;
	r->peer = p;
	peer_ref(p);
	h->handles++;
	r->cb = cb;
	r->arg = arg;
	r->since_ms = clock_mono_ms();
	r->reading = h->hung < PART_HUNG_MAX;
	if (!r->reading)
		r->since_ms -= PART_READ_MS;
	r->next = h->parts;
	h->parts = r;
	if (!uv_is_active((uv_handle_t *)&h->reads))
		uv_timer_start(&h->reads, on_look, LOOK_MS, LOOK_MS);
	if (r->reading)
		journal_read(
		    h->loop, incident_path(h->incident), from, before, tail, on_part, r);
}
