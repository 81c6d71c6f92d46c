/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/run.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/remote/redact.h"

#define RUN_PRESSURE_MAX                                              \
	(4 * 1024 * 1024) /* bytes waiting for a disk: no more bodies \
			   */

struct piece {
	struct piece *next;
	int stream;
	uint64_t off;
	size_t len;
	char data[];
};

struct run {
	struct run *next;
	struct runs *runs;
	char id[LINE_RUN_MAX];
	char *asked, *by;
	struct redact_stream *text[3]; /* of each stream; [0] unused */
	run_clean_fn *reader;
	void *reader_arg;
	int64_t began_ms, sampled_ms;
	uint64_t off[3];     /* bytes of each stream so far; [0] unused */
	struct buf clean[3]; /* what is not recorded yet, of each stream */
	size_t read[3];	     /* bytes of that which the reader was given */
	uint64_t journaled;
	bool full;			/* the journal's share is used up */
	struct piece *tail, **tail_end; /* then: the newest bytes */
	size_t tail_bytes;
	uint64_t cut;
};

struct runs {
	struct incident *incident;
	const struct redact *redact;
	struct run *first;
	unsigned last_id;
};

struct runs *
runs_new(struct incident *incident)
{
	struct runs *rs = mem_alloc(sizeof *rs);

	rs->incident = incident;
	return rs;
}

void
runs_redact(struct runs *rs, const struct redact *redact)
{
	rs->redact = redact;
}

static void
run_free(struct run *r)
{
	struct run **at = &r->runs->first;
	struct piece *p;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	while ((p = r->tail) != NULL) {
		r->tail = p->next;
		free(p);
	}
	redact_stream_free(r->text[1]);
	redact_stream_free(r->text[2]);
	buf_fini(&r->clean[1]);
	buf_fini(&r->clean[2]);
	free(r->asked);
	free(r->by);
	free(r);
}

void
runs_free(struct runs *rs)
{
	if (!rs)
		return;
	while (rs->first)
		run_free(rs->first);
	free(rs);
}

void
runs_found(struct runs *rs, const struct js *record)
{
	const char *id = js_is(record, "t", "tool") ? js_str(record, "id") : NULL;
	unsigned n = id && id[0] == 'r' ? (unsigned)strtoul(id + 1, NULL, 10) : 0;

	if (n > rs->last_id)
		rs->last_id = n;
}

struct run *
run_begin(struct runs *rs, const struct run_info *info)
{
	struct run *r = mem_alloc(sizeof *r);
	size_t what_len = text_cut(info->what,
	    info->what_len < WIRE_CHUNK_MAX ? info->what_len : WIRE_CHUNK_MAX);
	struct js *f = incident_fact(FACT_TOOL, info->by);

	r->runs = rs;
	r->next = rs->first;
	rs->first = r;
	r->asked = mem_dup(info->asked);
	r->by = mem_dup(info->by);
	r->began_ms = clock_mono_ms();
	r->tail_end = &r->tail;
	r->text[1] = redact_stream_new(rs->redact);
	r->text[2] = redact_stream_new(rs->redact);
	buf_init(&r->clean[1], WIRE_CHUNK_MAX);
	buf_init(&r->clean[2], WIRE_CHUNK_MAX);
	snprintf(r->id, sizeof r->id, "r%u", ++rs->last_id);
	js_set_str(f, "id", r->id);
	if (info->turn)
		js_set_int(f, "turn", info->turn);
	js_set_str(f, "asked", info->asked);
	js_set_str(f, "host", info->host);
	js_set_str(f, "name", info->name);
	js_set_str(f, "verb", info->verb);
	js_set_bytes(f, "what", info->what, what_len);
	incident_emit(rs->incident, FACT_TOOL, f);
	return r;
}

const char *
run_id(const struct run *r)
{
	return r->id;
}

static void
run_emit(
    struct run *r, int stream, uint64_t off, const char *data, size_t len, bool journaled)
{
	struct js *f = incident_fact(FACT_OUTPUT, r->by);

	js_set_str(f, "id", r->id);
	js_set_str(f, "stream", stream == 2 ? "err" : "out");
	js_set_int(f, "off", (int64_t)off);
	js_set_int(f, "len", (int64_t)len);
	js_set_bytes(f, "data", data, len);
	if (journaled) {
		incident_emit(r->runs->incident, FACT_OUTPUT, f);
	} else {
		js_set_bool(f, "live", true);
		incident_tell(r->runs->incident, FACT_OUTPUT, f);
	}
}

/* Keeps the newest RUN_TAIL_MAX bytes; what falls out is the cut. */
static void
run_keep_tail(struct run *r, int stream, const char *data, size_t len)
{
	struct piece *p = mem_alloc(sizeof *p + len);

	p->stream = stream;
	p->off = r->off[stream];
	p->len = len;
	memcpy(p->data, data, len);
	*r->tail_end = p;
	r->tail_end = &p->next;
	r->tail_bytes += len;
	while (r->tail_bytes > RUN_TAIL_MAX && r->tail != p) {
		struct piece *old = r->tail;

		r->tail = old->next;
		r->tail_bytes -= old->len;
		r->cut += old->len;
		free(old);
	}
}

static void
run_sample(struct run *r, int stream, const char *data, size_t len)
{
	int64_t now = clock_mono_ms();
	size_t from = len > RUN_SAMPLE_MAX ? len - RUN_SAMPLE_MAX : 0;

	if (now - r->sampled_ms < RUN_SAMPLE_MS)
		return;
	r->sampled_ms = now;
	while (from && from < len && ((unsigned char)data[from] & 0xc0) == 0x80)
		from++;
	run_emit(r, stream, r->off[stream] + from, data + from, len - from, false);
}

static void
run_piece(struct run *r, int stream, const char *data, size_t len)
{
	if (!r->full &&
	    (r->journaled + len > RUN_HEAD_MAX ||
		incident_pressure(r->runs->incident) > RUN_PRESSURE_MAX ||
		incident_is_full(r->runs->incident)))
		r->full = true;
	if (!r->full) {
		r->journaled += len;
		run_emit(r, stream, r->off[stream], data, len, true);
	} else {
		run_keep_tail(r, stream, data, len);
		run_sample(r, stream, data, len);
	}
	r->off[stream] += len;
}

void
run_reader(struct run *r, run_clean_fn *fn, void *arg)
{
	r->reader = fn;
	r->reader_arg = arg;
}

/*
 * What was gathered is recorded, then given to who reads along; the start of a
 * character whose end has not come waits.
 */
static void
run_settle(struct run *r, int stream)
{
	struct buf *b = &r->clean[stream];
	size_t whole, rest;

	if (!b->len)
		return;
	whole = text_cut(b->data, b->len);
	rest = b->len - whole;
	if (whole)
		run_piece(r, stream, b->data, whole);
	if (r->reader && b->len > r->read[stream])
		r->reader(stream, b->data + r->read[stream], b->len - r->read[stream],
		    r->reader_arg);
	memmove(b->data, b->data + whole, rest);
	b->len = r->read[stream] = rest;
}

/* What is left of the text comes in small pieces: each were a record of its own. */
static void
run_clean(struct run *r, int stream, const char *data, size_t len)
{
	struct buf *b = &r->clean[stream];

	while (len > 0) {
		size_t room = WIRE_CHUNK_MAX - b->len, n = len < room ? len : room;

		if (buf_add(b, data, n) < 0)
			abort(); /* there is room for n */
		data += n;
		len -= n;
		if (b->len == WIRE_CHUNK_MAX)
			run_settle(r, stream);
	}
}

static void
on_clean_out(const char *data, size_t len, void *arg)
{
	run_clean(arg, 1, data, len);
}

static void
on_clean_err(const char *data, size_t len, void *arg)
{
	run_clean(arg, 2, data, len);
}

void
run_output(struct run *r, int stream, const char *data, size_t len)
{
	assert(stream == 1 || stream == 2);
	redact_feed(
	    r->text[stream], data, len, stream == 2 ? on_clean_err : on_clean_out, r);
	run_settle(r, stream);
}

static void
run_flush(struct run *r)
{
	struct piece *p;

	redact_end(r->text[1], on_clean_out, r);
	redact_end(r->text[2], on_clean_err, r);

	for (int stream = 1; stream <= 2; stream++) {
		struct buf *b = &r->clean[stream];

		run_settle(r, stream);
		if (b->len)
			run_piece(r, stream, b->data, b->len);
		b->len = 0;
	}
	while ((p = r->tail) != NULL) {
		r->tail = p->next;
		run_emit(r, p->stream, p->off, p->data, p->len, true);
		free(p);
	}
}

/* What is held and the tail go first; the caller says how it ended. */
static struct js *
run_end_fact(struct run *r)
{
	run_flush(r);
	return incident_fact(FACT_TOOL_END, r->by);
}

/* Consumes the run. */
static void
run_end(struct run *r, struct js *f)
{
	js_set_str(f, "id", r->id);
	js_set_int(f, "ms", clock_mono_ms() - r->began_ms);
	js_set_int(f, "out", (int64_t)r->off[1]);
	js_set_int(f, "err", (int64_t)r->off[2]);
	js_set_int(f, "cut", (int64_t)r->cut);
	incident_emit(r->runs->incident, FACT_TOOL_END, f);
	run_free(r);
}

void
run_exit(struct run *r, int status)
{
	struct js *f = run_end_fact(r);

	js_set_int(f, "exit", status);
	run_end(r, f);
}

void
run_signal(struct run *r, const char *signal)
{
	struct js *f = run_end_fact(r);

	js_set_str(f, "signal", signal);
	run_end(r, f);
}

void
run_fail(struct run *r, const char *why)
{
	struct js *f = run_end_fact(r);

	js_set_str(f, "failed", why);
	run_end(r, f);
}

void
runs_list(const struct runs *rs, const char *asked, struct js *array)
{
	for (const struct run *r = rs->first; r; r = r->next)
		if (strcmp(r->asked, asked) == 0)
			js_add_str(array, r->id);
}
