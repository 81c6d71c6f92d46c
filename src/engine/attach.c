/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * attach.c: what a peer missed, exactly once, then live.
 *
 *   state facts -> records from the file -> records from the ring -> the open
 *   text block -> state facts again (the replayed ones are older) -> caught_up
 *
 * The peer becomes LIVE in the same step that sends the last of the ring, so no
 * record can fall between.  Records older than the ring are read in parts in
 * the thread pool; the next part, and the next of the ring, go out when the
 * peer's queue has drained, so that nothing of a replay is ever skipped.
 */
#include <string.h>

#include "engine/runbook/part.h"

static void
to_peer(struct line *line, void *arg)
{
	peer_send(arg, line);
}

/* As much of the ring as the peer's queue takes; true when that was the rest. */
static bool
attach_send_ring(struct peer *p)
{
	struct line *l;

	while (p->state == PEER_REPLAYING &&
	    (l = incident_ring_from(p->hub->incident, p->next_seq)) != NULL) {
		if (p->queued > HUB_QUEUE_SKIP) {
			p->hold = true;
			return false;
		}
		p->next_seq = l->seq + 1;
		peer_send(p, l);
	}
	return p->state == PEER_REPLAYING;
}

static void
attach_finish(struct peer *p)
{
	struct incident *i = p->hub->incident;
	struct js *f;

	if (!attach_send_ring(p))
		return;
	p->state = PEER_LIVE;
	p->hub->ev->replayed(p, p->hub->arg);
	incident_present(i, to_peer, p);
	f = incident_fact(FACT_CAUGHT_UP, "engine");
	js_set_int(f, "upto", (int64_t)incident_last(i));
	peer_tell(p, FACT_CAUGHT_UP, f);
}

/* What is not in the file, or not to be had: say so, go on with what is in memory. */
static void
attach_skip_file(struct peer *p, const char *why)
{
	if (why)
		peer_error(p, NULL, "attach", why,
		    "older records are missing here; what follows is from memory");
	p->next_seq = incident_ring_first(p->hub->incident);
}

/* A hung disk keeps nobody from attaching: then why says so. */
static void
on_part(struct peer *p, const char *data, size_t len, const char *why, void *arg)
{
	uint64_t seq = len ? journal_last_seq(data, len) : 0;

	if (p->state != PEER_REPLAYING)
		return;
	p->reading = false;
	p->tail = 0;
	if (p->incident != incident_generation(p->hub->incident)) {
		/* Records of an incident that is over: attach_go_on begins anew. */
	} else if (len && seq >= p->next_seq) {
		struct line *l = line_raw(data, len);

		peer_send(p, l);
		line_free(l);
		p->next_seq = seq + 1;
	} else {
		attach_skip_file(p, why);
	}
	if (p->queued > HUB_QUEUE_SKIP)
		p->hold = true;
	else
		attach_go_on(p);
}

void
attach_go_on(struct peer *p)
{
	struct incident *i = p->hub->incident;
	uint64_t first = incident_ring_first(i);

	p->hold = false;
	if (p->state != PEER_REPLAYING || p->reading)
		return;
	if (p->incident != incident_generation(i)) {
		/* Another incident was opened in the middle: all of that one. */
		p->incident = incident_generation(i);
		p->next_seq = 1;
		p->tail = 0;
	}
	if (p->next_seq >= first) {
		attach_finish(p);
		return;
	}
	p->reading = true;
	part_read(p, p->next_seq, first, p->tail, on_part, NULL);
}

void
attach_start(struct peer *p, uint64_t since, size_t tail)
{
	struct incident *i = p->hub->incident;
	uint64_t last = incident_last(i), first = incident_ring_first(i);

	incident_present(i, to_peer, p);
	p->incident = incident_generation(i);
	if (tail) {
		/* seq has no gaps, so the last tail records start here */
		p->next_seq = last > tail ? last - tail + 1 : 1;
		p->tail = p->next_seq < first ? (size_t)(first - p->next_seq) : 0;
	} else {
		p->next_seq = since + 1;
	}
	attach_go_on(p);
}
