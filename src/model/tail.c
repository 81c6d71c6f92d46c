/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/tail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/incident.h"
#include "model/tail_int.h"
#include "wire/messages.h"

struct feeding {
	struct tail *t;
	struct tail_run *r;
	int stream;
};

void
tail_init(struct tail *t)
{
	memset(t, 0, sizeof *t);
	t->next_serial = TAIL_FIRST_SERIAL;
}

static void
free_run(struct tail *t, size_t i)
{
	t->bytes -= t->runs[i]->bytes;
	tail_run_free(t->runs[i]);
	t->count--;
	memmove(&t->runs[i], &t->runs[i + 1], (t->count - i) * sizeof t->runs[0]);
}

void
tail_fini(struct tail *t)
{
	while (t->count > 0)
		free_run(t, t->count - 1);
}

struct tail_run *
tail_by_id(const struct tail *t, const char *id)
{
	for (size_t i = t->count; i-- > 0;)
		if (strcmp(t->runs[i]->id, id) == 0)
			return t->runs[i];
	return NULL;
}

struct tail_run *
tail_by_serial(const struct tail *t, uint64_t serial)
{
	for (size_t i = t->count; i-- > 0;)
		if (t->runs[i]->serial == serial)
			return t->runs[i];
	return NULL;
}

/* --- what the sanitiser hands over --- */

static void
on_text(void *arg, const char *text, size_t len, uint32_t style)
{
	struct feeding *f = arg;
	struct tail_line *l;

	l = f->r->open == f->stream ? tail_last_line(f->r)
				    : tail_new_line(f->t, f->r, f->stream);
	f->r->open = f->stream;
	if (f->stream == TAIL_OUT)
		len = tail_mark_keeps(f->r, l, text, len);
	if (f->r->restart)
		tail_clear_line(f->t, f->r, l);
	f->r->restart = false;
	while (len > 0) {
		size_t room = TAIL_LINE_MAX - l->len, n = len;

		if (n > room)
			n = text_cut(text, room);
		tail_add_text(f->t, f->r, l, text, n, style);
		text += n;
		len -= n;
		if (len > 0) {
			l->wraps = true;
			l = tail_new_line(f->t, f->r, f->stream);
		}
	}
}

static void
on_newline(void *arg)
{
	struct feeding *f = arg;

	if (f->r->open != f->stream)
		tail_new_line(f->t, f->r, f->stream);
	f->r->newlines++;
	tail_last_line(f->r)->end = f->r->fed[f->stream];
	if (f->stream == TAIL_OUT && f->r->verb[0])
		tail_mark_line(f->t, f->r);
	f->r->open = -1;
	f->r->restart = false;
}

static void
on_restart(void *arg)
{
	struct feeding *f = arg;

	f->r->restart = f->r->open == f->stream;
}

static const struct scrub_sink tail_sink = {on_text, on_newline, on_restart};

void
tail_feed(struct tail *t, struct tail_run *r, int stream, int64_t off, const char *data,
    size_t len)
{
	struct feeding f = {t, r, stream};
	const char *lf;

	r->scrub[stream].sink = &tail_sink;
	r->scrub[stream].arg = &f;
	r->fed[stream] = off;
	while (len > 0) { /* line by line: each knows where it ends */
		size_t n = len;

		lf = memchr(data, '\n', len);
		if (lf)
			n = (size_t)(lf + 1 - data);
		r->fed[stream] += (int64_t)n;
		scrub_feed(&r->scrub[stream], data, n);
		data += n;
		len -= n;
	}
}

void
tail_feed_end(struct tail *t, struct tail_run *r, int stream)
{
	struct feeding f = {t, r, stream};

	r->scrub[stream].sink = &tail_sink;
	r->scrub[stream].arg = &f;
	scrub_finish(&r->scrub[stream]);
}

/* Bytes of that stream were not sent. */
static void
add_gap(struct tail *t, struct tail_run *r, int stream, int64_t from, int64_t to)
{
	struct tail_line *l = tail_new_line(t, r, stream);
	size_t before = tail_line_cost(l);

	l->kind = TAIL_GAP;
	l->gap = mem_alloc(sizeof *l->gap);
	*l->gap = (struct tail_gap){.from = from, .to = to};
	r->gaps++;
	r->next_place += (uint64_t)(to - from);
	r->bytes += tail_line_cost(l) - before;
	t->bytes += tail_line_cost(l) - before;
	r->open = -1;
	scrub_init(&r->scrub[stream], &tail_sink, NULL, 0);
}

/* --- facts --- */

static struct tail_run *
new_run(struct tail *t, const struct js *fact)
{
	struct tail_run *r;

	if (t->count == TAIL_RUNS_MAX) {
		size_t oldest = 0;

		while (oldest < t->count - 1 && !t->runs[oldest]->ended)
			oldest++;
		free_run(t, oldest);
	}
	r = mem_alloc(sizeof *r);
	r->serial = t->next_serial++;
	r->began = js_int(fact, "mono_ms", 0);
	r->next_place = TAIL_FIRST_PLACE;
	r->open = -1;
	incident_label(fact, "id", r->id, sizeof r->id);
	incident_label(fact, "at", r->at, sizeof r->at);
	t->runs[t->count++] = r;
	return r;
}

static void
begin(struct tail *t, const struct js *fact)
{
	struct tail_run *r = new_run(t, fact);
	struct buf what;

	incident_label(fact, "by", r->by, sizeof r->by);
	incident_label(fact, "asked", r->asked, sizeof r->asked);
	incident_label(fact, "host", r->host, sizeof r->host);
	incident_label(fact, "verb", r->verb, sizeof r->verb);
	buf_init(&what, 256 * 1024);
	if (js_bytes(fact, "what", &what) == 0)
		tail_command(r, buf_str(&what), what.len);
	buf_fini(&what);
	r->has_input = js_bool(fact, "stdin", false);
	t->bytes += r->bytes;
	if (js_has(fact, "what_bytes"))
		tail_command_is_cut(t, r, js_int(fact, "what_bytes", 0));
	r->seq = js_int(fact, "seq", 0);
	for (size_t i = 0; i + 1 < t->count; i++)
		if (!t->runs[i]->ended && strcmp(t->runs[i]->host, "local") == 0 &&
		    strcmp(r->asked, "agent") == 0 && strcmp(r->host, "local") != 0)
			t->runs[i]->wraps_others = true;
}

/* Its beginning is older than what this console was told. */
static struct tail_run *
begin_stub(struct tail *t, const struct js *fact)
{
	struct tail_run *r = new_run(t, fact);

	r->stub = true;
	snprintf(r->what, sizeof r->what, "(it began earlier)");
	return r;
}

static bool
output(struct tail *t, struct tail_run *r, const struct js *fact)
{
	int stream = js_is(fact, "stream", "err") ? TAIL_ERR : TAIL_OUT;
	int64_t off = js_int(fact, "off", r->next[stream]);
	struct buf data;
	size_t seen;

	buf_init(&data, 256 * 1024);
	if (off < 0 || js_bytes(fact, "data", &data) < 0) {
		buf_fini(&data);
		return false;
	}
	if (r->stub && !r->met[stream])
		r->next[stream] = off;
	r->met[stream] = true;
	if (off > r->next[stream])
		add_gap(t, r, stream, r->next[stream], off);
	seen = off < r->next[stream] ? (size_t)(r->next[stream] - off) : 0;
	if (seen < data.len) {
		tail_feed(
		    t, r, stream, off + (int64_t)seen, data.data + seen, data.len - seen);
		r->next[stream] = off + (int64_t)data.len;
		if (r->said < js_int(fact, "mono_ms", 0))
			r->said = js_int(fact, "mono_ms", 0);
	}
	buf_fini(&data);
	return true;
}

static void
end(struct tail *t, struct tail_run *r, const struct js *fact)
{
	char why[128];

	for (int s = 0; s < TAIL_STREAMS; s++) {
		tail_feed_end(t, r, s);
		r->total[s] = js_int(fact, s == TAIL_OUT ? "out" : "err", r->next[s]);
		if (r->stub && !r->met[s])
			r->next[s] = r->total[s]; /* what it said is older */
		if (r->total[s] > r->next[s] + TAIL_FETCH_MAX) {
			add_gap(t, r, s, r->next[s], r->total[s] - TAIL_FETCH_MAX);
			r->next[s] = r->total[s] - TAIL_FETCH_MAX;
		}
	}
	tail_mark_end(t, r);
	r->ended = true;
	r->open = -1;
	r->exit = js_int(fact, "exit", -1);
	r->ms = js_int(fact, "ms", 0);
	r->cut = js_int(fact, "cut", 0);
	if (js_str(fact, "failed")) {
		incident_label(fact, "failed", r->end, sizeof r->end);
	} else if (js_has(fact, "signal")) {
		if (js_str(fact, "signal"))
			incident_label(fact, "signal", why, sizeof why);
		else
			snprintf(why, sizeof why, "%" PRId64, js_int(fact, "signal", 0));
		snprintf(r->end, sizeof r->end, "signal %s", why);
	} else {
		snprintf(r->end, sizeof r->end, "exit %" PRId64, r->exit);
	}
}

void
tail_end_lost(struct tail *t, const char *started)
{
	for (size_t i = 0; i < t->count; i++) {
		struct tail_run *r = t->runs[i];

		if (r->ended || !r->at[0] || !started[0] || strcmp(r->at, started) >= 0)
			continue;
		tail_mark_end(t, r);
		r->ended = true;
		r->open = -1;
		r->exit = -1;
		r->ms = 0;
		for (int s = 0; s < TAIL_STREAMS; s++)
			r->total[s] = r->next[s];
		snprintf(
		    r->end, sizeof r->end, "its engine is gone, and its end with it");
	}
}

bool
tail_apply(struct tail *t, const struct js *fact)
{
	int kind = message_fact(fact);
	struct tail_run *r;
	char id[16];

	if (kind == FACT_TOOL) {
		begin(t, fact);
		return true;
	}
	if (kind != FACT_OUTPUT && kind != FACT_INPUT && kind != FACT_SKIPPED &&
	    kind != FACT_TOOL_END)
		return false;
	incident_label(fact, "id", id, sizeof id);
	r = tail_by_id(t, id);
	if (!r && (!id[0] || kind == FACT_SKIPPED))
		return false;
	if (!r)
		r = begin_stub(t, fact);
	if (kind == FACT_OUTPUT)
		return output(t, r, fact);
	if (kind == FACT_INPUT)
		return tail_input(t, r, fact);
	if (kind == FACT_TOOL_END)
		end(t, r, fact);
	return kind == FACT_TOOL_END; /* skipped: the next offset tells it */
}
