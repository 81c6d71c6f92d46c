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

/* Bytes that wait for a disk: no more bodies. */
#define RUN_PRESSURE_MAX (4 * 1024 * 1024)

#define RUN_TURNS 16	/* changes of the stream that are kept in order, in one turn */
#define RUN_CHARACTER 4 /* bytes of one, at most: a piece has none in half */
/* The rest is for other facts. */
#define RUN_ROOM (JOURNAL_MEMORY_MAX - 2 * 1024 * 1024)
#define RUN_RECORD 400 /* bytes of a record beside its output, at most */

struct piece {
	struct piece *next;
	int stream;
	uint64_t off;
	size_t len;
	char data[WIRE_CHUNK_MAX];
};

struct run {
	struct run *next;
	struct runs *runs;
	char id[LINE_RUN_MAX];
	char *asked, *by;
	struct redact_stream *text[3]; /* of each stream; [0] unused */
	run_clean_fn *reader;
	run_after_fn *after;
	void *reader_arg;
	struct buf raw[3]; /* of each stream, what came in this turn of the loop */
	int turns;	   /* how often the stream changed in it */
	bool gathers;	   /* something came in it */
	int64_t began_ms, sampled_ms;
	uint64_t off[3];     /* bytes of each stream so far; [0] unused */
	struct buf clean[3]; /* what is not recorded yet, of each stream */
	size_t read[3];	     /* bytes of that which the reader was given */
	bool has_input;
	uint64_t in, in_cut; /* bytes of its standard input, and of those not kept */
	uint64_t in_share;   /* what its records count as */
	uint64_t journaled;
	bool full;		      /* the journal's share is used up */
	struct piece *tail, *last[2]; /* then: the newest bytes; its last two pieces */
	size_t tail_bytes;
	uint64_t cut;
};

struct runs {
	uv_prepare_t flush; /* before the loop waits: what was gathered goes out */
	struct incident *incident;
	const struct redact *redact;
	struct run *first;
	unsigned last_id;
};

struct runs *
runs_new(uv_loop_t *loop, struct incident *incident)
{
	struct runs *rs = mem_alloc(sizeof *rs);

	rs->incident = incident;
	uv_prepare_init(loop, &rs->flush);
	uv_unref((uv_handle_t *)&rs->flush);
	rs->flush.data = rs;
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
	for (int stream = 1; stream <= 2; stream++) {
		buf_fini(&r->raw[stream]);
		buf_fini(&r->clean[stream]);
	}
	free(r->asked);
	free(r->by);
	free(r);
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
	bool cut = info->what_len > WIRE_CHUNK_MAX; /* of a tool of claude's own */
	size_t what_len = cut ? text_cut(info->what, WIRE_CHUNK_MAX) : info->what_len;
	struct js *f = incident_fact(FACT_TOOL, info->by);

	r->runs = rs;
	r->next = rs->first;
	rs->first = r;
	r->asked = mem_dup(info->asked);
	r->by = mem_dup(info->by);
	r->has_input = info->has_input;
	r->began_ms = clock_mono_ms();
	r->text[1] = redact_stream_new(rs->redact);
	r->text[2] = redact_stream_new(rs->redact);
	for (int stream = 1; stream <= 2; stream++) {
		buf_init(&r->raw[stream], WIRE_CHUNK_MAX);
		buf_init(&r->clean[stream], WIRE_CHUNK_MAX);
	}
	snprintf(r->id, sizeof r->id, "r%u", ++rs->last_id);
	js_set_str(f, "id", r->id);
	if (info->turn)
		js_set_int(f, "turn", info->turn);
	js_set_str(f, "asked", info->asked);
	js_set_str(f, "host", info->host);
	js_set_str(f, "name", info->name);
	js_set_str(f, "verb", info->verb);
	js_set_bytes(f, "what", info->what, what_len);
	if (cut)
		js_set_int(f, "what_bytes", (int64_t)info->what_len);
	if (info->has_input)
		js_set_bool(f, "stdin", true);
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

/* What falls out of the tail is the cut. */
static void
run_drop_piece(struct run *r)
{
	struct piece *old = r->tail;

	r->tail = old->next;
	r->tail_bytes -= old->len;
	r->cut += old->len;
	for (size_t i = 0; i < ARRAY_LEN(r->last); i++)
		if (r->last[i] == old)
			r->last[i] = NULL;
	free(old);
}

/*
 * The piece that these bytes go on, or a new one.  Of two streams that take turns each
 * has a piece that is filled, so the tail has few of them, whatever comes.
 */
static struct piece *
run_piece_for(struct run *r, int stream)
{
	struct piece *p;

	for (size_t i = 0; i < ARRAY_LEN(r->last); i++)
		if (r->last[i] && r->last[i]->stream == stream &&
		    r->last[i]->len + RUN_CHARACTER <= sizeof r->last[i]->data)
			return r->last[i];
	p = mem_alloc(sizeof *p);
	p->stream = stream;
	if (r->last[0])
		r->last[0]->next = p;
	else
		r->tail = p;
	r->last[1] = r->last[0];
	r->last[0] = p;
	return p;
}

/* Keeps the newest RUN_TAIL_MAX bytes.  off[stream] is moved by who calls. */
static void
run_keep_tail(struct run *r, int stream, const char *data, size_t len)
{
	uint64_t off = r->off[stream];

	while (len > 0) {
		struct piece *p = run_piece_for(r, stream);
		size_t room = sizeof p->data - p->len;
		size_t n = len <= room ? len : text_cut(data, room);

		n = n ? n : room; /* no text at all */
		if (p->len == 0)
			p->off = off;
		memcpy(p->data + p->len, data, n);
		p->len += n;
		off += n;
		data += n;
		len -= n;
		r->tail_bytes += n;
		while (r->tail_bytes > RUN_TAIL_MAX && r->tail != p)
			run_drop_piece(r);
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
		r->journaled += len < RUN_LEAST ? RUN_LEAST : len;
		run_emit(r, stream, r->off[stream], data, len, true);
	} else {
		run_keep_tail(r, stream, data, len);
		run_sample(r, stream, data, len);
	}
	r->off[stream] += len;
}

void
run_reader(struct run *r, run_clean_fn *fn, run_after_fn *after, void *arg)
{
	r->reader = fn;
	r->after = after;
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

/* Small pieces are put together in b; full takes them out of it, a chunk at a time. */
static void
run_gather(struct run *r, int stream, struct buf *b, const char *data, size_t len,
    void (*full)(struct run *r, int stream))
{
	while (len > 0) {
		size_t room = WIRE_CHUNK_MAX - b->len, n = len < room ? len : room;

		if (buf_add(b, data, n) < 0)
			abort(); /* there is room for n */
		data += n;
		len -= n;
		if (b->len == WIRE_CHUNK_MAX)
			full(r, stream);
	}
}

/* What is left of the text comes in small pieces: each were a record of its own. */
static void
run_clean(struct run *r, int stream, const char *data, size_t len)
{
	run_gather(r, stream, &r->clean[stream], data, len, run_settle);
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

static void
run_take(struct run *r, int stream, const char *data, size_t len)
{
	redact_feed(
	    r->text[stream], data, len, stream == 2 ? on_clean_err : on_clean_out, r);
	run_settle(r, stream);
}

static void
run_take_gathered(struct run *r, int stream)
{
	struct buf *b = &r->raw[stream];

	if (b->len)
		run_take(r, stream, b->data, b->len);
	buf_clear(b);
}

static void
on_flush(uv_prepare_t *flush)
{
	struct runs *rs = flush->data;
	struct run *r = rs->first;

	while (r) {
		if (!r->gathers) {
			r = r->next;
			continue;
		}
		r->gathers = false;
		r->turns = 0;
		run_take_gathered(r, 1);
		run_take_gathered(r, 2);
		if (r->after)
			r->after(r->reader_arg); /* and any of them may be gone */
		r = rs->first;
	}
	uv_prepare_stop(flush);
}

/* Both streams in their order, as long as they do not change all the time. */
void
run_output(struct run *r, int stream, const char *data, size_t len)
{
	int other = 3 - stream;

	assert(stream == 1 || stream == 2);
	if (r->raw[other].len && r->turns < RUN_TURNS) {
		r->turns++;
		run_take_gathered(r, other);
	}
	run_gather(r, stream, &r->raw[stream], data, len, run_take_gathered);
	r->gathers = true;
	if (!uv_is_active((uv_handle_t *)&r->runs->flush))
		uv_prepare_start(&r->runs->flush, on_flush);
}

static void
on_runs_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void
runs_free(struct runs *rs)
{
	if (!rs)
		return;
	while (rs->first) {
		rs->first->reader = NULL;
		run_take_gathered(rs->first, 1);
		run_take_gathered(rs->first, 2);
		run_free(rs->first);
	}
	uv_close((uv_handle_t *)&rs->flush, on_runs_closed);
}

/* len 0: the rest of it is not kept. */
static void
run_emit_input(struct run *r, const char *data, size_t len)
{
	struct js *f = incident_fact(FACT_INPUT, r->by);

	js_set_str(f, "id", r->id);
	js_set_int(f, "off", (int64_t)r->in);
	js_set_int(f, "len", (int64_t)len);
	if (len)
		js_set_bytes(f, "data", data, len);
	else
		js_set_bool(f, "cut", true);
	incident_emit(r->runs->incident, FACT_INPUT, f);
}

/* How much of it goes into one record: whole characters, where it is text. */
static size_t
run_input_chunk(const struct run *r, const char *data, size_t len)
{
	uint64_t room = r->in_share < RUN_STDIN_MAX ? RUN_STDIN_MAX - r->in_share : 0;
	size_t n = len < WIRE_CHUNK_MAX ? len : WIRE_CHUNK_MAX, whole;

	if (incident_pressure(r->runs->incident) > RUN_PRESSURE_MAX ||
	    incident_is_full(r->runs->incident))
		return 0;
	n = n < room ? n : (size_t)room;
	whole = n < len ? text_cut(data, n) : n;
	return whole ? whole : n;
}

void
run_input(struct run *r, const char *data, size_t len)
{
	while (len > 0 && !r->in_cut) {
		size_t n = run_input_chunk(r, data, len);

		run_emit_input(r, data, n);
		if (n == 0)
			break;
		r->in += n;
		r->in_share += n < RUN_STDIN_LEAST ? RUN_STDIN_LEAST : n;
		data += n;
		len -= n;
	}
	r->in += len;
	r->in_cut += len;
}

/* Bytes that its record takes, no less. */
static size_t
run_piece_cost(const struct piece *p)
{
	size_t cost = RUN_RECORD;

	for (size_t i = 0; i < p->len; i++) {
		unsigned char c = (unsigned char)p->data[i];

		/* a character of two or three bytes is \u and four digits, of four twice
		 * that
		 */
		cost += c < 0x20 || c == 0x7f ? 6
		    : c >= 0x80		      ? 3
		    : strchr("\"\\/", c)      ? 2
					      : 1;
	}
	return cost;
}

/* What the journal would not take at once goes out of it first, and is counted. */
static void
run_flush_tail(struct run *r)
{
	size_t waits = incident_pressure(r->runs->incident);
	size_t room = waits < RUN_ROOM ? RUN_ROOM - waits : 0, cost = 0;
	struct piece *p;

	for (p = r->tail; p; p = p->next)
		cost += run_piece_cost(p);
	while (r->tail && cost > room) {
		cost -= run_piece_cost(r->tail);
		run_drop_piece(r);
	}
	while ((p = r->tail) != NULL) {
		r->tail = p->next;
		run_emit(r, p->stream, p->off, p->data, p->len, true);
		free(p);
	}
}

static void
run_flush(struct run *r)
{
	run_take_gathered(r, 1);
	run_take_gathered(r, 2);
	redact_end(r->text[1], on_clean_out, r);
	redact_end(r->text[2], on_clean_err, r);
	for (int stream = 1; stream <= 2; stream++) {
		struct buf *b = &r->clean[stream];

		run_settle(r, stream);
		if (b->len)
			run_piece(r, stream, b->data, b->len);
		b->len = 0;
	}
	run_flush_tail(r);
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
	if (r->has_input) {
		js_set_int(f, "in", (int64_t)r->in);
		js_set_int(f, "in_cut", (int64_t)r->in_cut);
	}
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
