/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action/gaps.h"

#include <string.h>

#include "base/log.h"
#include "wire/messages.h"

#define PIECE (64 * 1024)   /* bytes: some screens */
#define ANSWER (384 * 1024) /* bytes: its records may begin before it, end behind it */
#define REQ "gap"

void
gaps_init(struct gaps *g, struct screen *s,
    int (*send)(void *arg, struct js *request, struct err *err), void *arg)
{
	memset(g, 0, sizeof *g);
	g->screen = s;
	g->send = send;
	g->arg = arg;
	buf_init(&g->data, ANSWER);
}

void
gaps_fini(struct gaps *g)
{
	buf_fini(&g->data);
}

static struct tail_gap *
gap_of(const struct gaps *g, struct tail_run **run)
{
	*run = tail_by_serial(&g->screen->model.tools, g->run);
	return *run ? tail_gap_at(*run, g->place) : NULL;
}

void
gaps_lost(struct gaps *g)
{
	struct tail_run *r;
	struct tail_gap *gap = g->asked ? gap_of(g, &r) : NULL;

	if (gap)
		gap->asked = false;
	g->asked = false;
	buf_fini(&g->data);
}

static void
ask(struct gaps *g, const struct tail_run *r, uint64_t place, struct tail_gap *gap)
{
	const struct tail_line *l = tail_line(r, tail_index(r, place));
	struct js *m = message_new("fetch");
	struct err err;

	g->run = r->serial;
	g->place = place;
	g->from = gap->from;
	g->to = gap->to;
	if (g->at_end && g->to - g->from > PIECE)
		g->from = g->to - PIECE;
	else if (g->to - g->from > PIECE)
		g->to = g->from + PIECE;
	js_set_str(m, "id", r->id);
	js_set_str(m, "stream", l->stream == TAIL_ERR ? "err" : "out");
	js_set_int(m, "from", g->from);
	js_set_int(m, "to", g->to);
	if (r->seq > 0)
		js_set_int(m, "after", r->seq);
	js_set_str(m, "req", REQ);
	if (g->send(g->arg, m, &err) < 0) {
		LOG("console", "fetch: %s", err.words);
		return;
	}
	g->asked = gap->asked = true;
	buf_clear(&g->data);
}

static bool
open_front(struct gaps *g, uint64_t serial)
{
	struct tail *t = &g->screen->model.tools;
	struct tail_run *r = tail_by_serial(t, serial);

	return r && tail_open_front(t, r);
}

bool
gaps_look(struct gaps *g)
{
	struct screen *s = g->screen;
	const struct view_tools *v = &s->tools;
	struct tail_run *r = tail_by_serial(&s->model.tools, v->gap.pos.unit);
	struct tail_gap *gap = r ? tail_gap_at(r, v->gap.pos.part) : NULL;

	/* Of an incident that is closed the engine has nothing more to tell. */
	if (g->asked || !v->scroll.away || !s->link_up || s->replay.on ||
	    !s->model.incident.caught_up || !s->model.incident.open)
		return false;
	if (v->gap.front && open_front(g, v->gap.front))
		return true;
	if (!gap || !tail_has_room(&s->model.tools, r))
		return false;
	g->at_end = v->down ? gap->cut_from : !gap->cut_to;
	if (g->at_end ? !gap->cut_to : !gap->cut_from)
		ask(g, r, v->gap.pos.part, gap);
	return false;
}

/* Bytes that go on where those that are here end; behind a hole it begins anew. */
static void
take(struct gaps *g, const struct js *fact)
{
	int64_t off = js_int(fact, "off", 0), end = g->off + (int64_t)g->data.len;
	struct buf piece;

	if (g->data.len > 0 && off != end && !g->at_end)
		return;
	if (g->data.len > 0 && off != end)
		buf_clear(&g->data);
	buf_init(&piece, ANSWER);
	if (js_bytes(fact, "data", &piece) == 0) {
		if (g->data.len == 0)
			g->off = off;
		buf_add_some(&g->data, buf_str(&piece), piece.len);
	}
	buf_fini(&piece);
}

static void
fill(struct gaps *g)
{
	struct tail *t = &g->screen->model.tools;
	struct tail_run *r;
	struct tail_gap *gap = gap_of(g, &r);
	int64_t end = g->off + (int64_t)g->data.len;

	g->asked = false;
	if (!gap)
		return;
	gap->asked = false;
	if (g->at_end && (g->data.len == 0 || end < gap->to || g->off >= gap->to))
		gap->cut_to = true;
	else if (!g->at_end &&
	    (g->data.len == 0 || g->off > gap->from || end <= gap->from))
		gap->cut_from = true;
	else if (!tail_fill(t, r, g->place, g->off, g->data.data, g->data.len))
		gap->cut_from = gap->cut_to = true;
	g->screen->tools.kept.unit = 0;
	if (g->at_end)
		view_tools_filled(&g->screen->tools, &g->screen->model);
	buf_fini(&g->data);
}

/* Asked again at each picture it would be refused for ever. */
static void
refused(struct gaps *g)
{
	struct tail_run *r;
	struct tail_gap *gap = gap_of(g, &r);

	gaps_lost(g);
	if (gap)
		gap->cut_from = gap->cut_to = true;
}

bool
gaps_fact(struct gaps *g, const struct js *fact)
{
	if (!js_is(fact, "req", REQ))
		return false;
	if (!g->asked)
		return true;
	if (js_is(fact, "t", "output"))
		take(g, fact);
	else if (js_is(fact, "t", "fetched"))
		fill(g);
	else if (js_is(fact, "t", "error"))
		refused(g);
	return true;
}
