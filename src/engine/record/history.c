/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/history.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/runbook/part.h"

struct history {
	unsigned incident; /* generation of the incident that was asked about */
	uint64_t before;
	size_t count;
	bool reading;
	char *req;
	struct line **lines; /* of the ring: kept, for it moves on meanwhile */
	size_t line_count;
};

void
history_drop(struct peer *p)
{
	struct history *h = p->history;

	p->history = NULL;
	if (!h)
		return;
	for (size_t k = 0; k < h->line_count; k++)
		line_free(h->lines[k]);
	free(h->lines);
	free(h->req);
	free(h);
}

static void
history_refuse(struct peer *p, const struct history *h, const char *why)
{
	struct js *m = js_new();

	js_set_str(m, "req", h->req);
	peer_error(p, m, "history", why,
	    "what you see is whole; \"breakglass replay\" shows all when the disk answers");
	js_free(m);
}

/* The youngest of the ring below before: count of them at most, and a part's bytes. */
static void
history_keep_ring(struct history *h, struct incident *i)
{
	uint64_t from = h->before > h->count ? h->before - h->count : 1;
	size_t bytes = 0, drop = 0;
	struct line *l;

	h->lines = mem_alloc(h->count * sizeof *h->lines);
	while (h->line_count < h->count && (l = incident_ring_from(i, from)) != NULL &&
	    l->seq < h->before) {
		h->lines[h->line_count++] = line_ref(l);
		bytes += l->len;
		from = l->seq + 1;
	}
	while (drop + 1 < h->line_count && bytes > JOURNAL_PART_MAX) {
		bytes -= h->lines[drop]->len;
		line_free(h->lines[drop++]);
	}
	h->line_count -= drop;
	memmove(h->lines, h->lines + drop, h->line_count * sizeof *h->lines);
}

/* As raw records they are never skipped. */
static void
history_send(struct peer *p, const char *data, size_t len)
{
	struct line *l = line_raw(data, len);

	peer_send(p, l);
	line_free(l);
}

/* whole: what is in front of these is nothing, not only nothing that was read. */
static void
history_tell(struct peer *p, const char *data, size_t len, bool whole)
{
	struct history *h = p->history;
	struct js *f = incident_fact(FACT_HISTORY, "engine");
	uint64_t from = len ? journal_line_seq(data, len)
	    : h->line_count ? h->lines[0]->seq
			    : 0;
	uint64_t to = h->line_count ? h->lines[h->line_count - 1]->seq
	    : len		    ? journal_last_seq(data, len)
				    : 0;

	p->history = NULL; /* what is sent may close the peer */
	if (len)
		history_send(p, data, len);
	for (size_t k = 0; k < h->line_count; k++)
		history_send(p, h->lines[k]->data, h->lines[k]->len);
	if (from) {
		js_set_int(f, "from", (int64_t)from);
		js_set_int(f, "to", (int64_t)to);
	}
	js_set_bool(f, "first", whole && from <= 1);
	js_set_str(f, "req", h->req);
	peer_tell(p, FACT_HISTORY, f);
	p->history = h;
	history_drop(p);
}

static void
on_part(struct peer *p, const char *data, size_t len, const char *why, void *arg)
{
	struct history *h = p->history;

	if (!h || h != arg || !peer_is_here(p))
		return;
	if (h->incident != incident_generation(p->hub->incident)) {
		history_refuse(p, h, "another incident was opened");
		history_drop(p);
	} else if (why && h->line_count == 0) {
		history_refuse(p, h, why);
		history_drop(p);
	} else {
		history_tell(p, data, len, !why);
	}
}

void
history_go_on(struct peer *p)
{
	struct history *h = p->history;
	uint64_t first, from;

	if (!h || h->reading || p->queued > HUB_QUEUE_SKIP)
		return;
	h->reading = true;
	history_keep_ring(h, p->hub->incident);
	first = h->line_count ? h->lines[0]->seq : h->before;
	from = h->before > h->count ? h->before - h->count : 1;
	if (first <= from || h->line_count == h->count ||
	    first > incident_ring_first(p->hub->incident))
		history_tell(
		    p, "", 0, true); /* the ring had them all, or a part's worth */
	else
		part_read(p, 0, first, h->count - h->line_count, on_part, h);
}

void
history_start(struct peer *p, const struct js *m)
{
	int64_t before = js_int(m, "before", 0),
		count = js_int(m, "count", HISTORY_COUNT);
	struct incident *i = p->hub->incident;
	struct err err;

	if (message_only(m, "before count incident", &err) < 0) {
		peer_error(p, m, "history", err.words, "see docs/protocol.md");
	} else if (before < 1 || count < 1 || count > HISTORY_COUNT_MAX) {
		peer_error(p, m, "history", "before is a seq, count 1 to 2000",
		    "see docs/protocol.md");
	} else if (!incident_path(i)[0] ||
	    (js_has(m, "incident") && !incident_is(i, js_str(m, "incident")))) {
		peer_error(p, m, "history", "that incident is not the one in hand",
		    "\"breakglass replay\" shows it");
	} else if (p->state != PEER_LIVE || p->history) {
		peer_error(p, m, "history", "one at a time, after caught_up", NULL);
	} else {
		p->history = mem_alloc(sizeof *p->history);
		p->history->incident = incident_generation(i);
		p->history->before = (uint64_t)before;
		p->history->count = (size_t)count;
		p->history->req = mem_dup(js_str(m, "req"));
		history_go_on(p);
	}
}
