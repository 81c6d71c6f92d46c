/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_chain.c: which line follows from which, and what it means when it does not. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/verify_int.h"

const char *const verify_kind_names[VERIFY_KINDS] = {"edited", "swapped", "missing",
    "inserted", "cut", "broken", "rewritten", "lost", "odd"};

void
verify_init(struct verify *v, const struct anchors *anchors, const char *engine_head)
{
	memset(v, 0, sizeof *v);
	v->anchors = anchors;
	v->engine_head = engine_head && engine_head[0] ? engine_head : NULL;
	v->known = mem_alloc(VERIFY_KNOWN * sizeof *v->known);
	chain_begin(v->prev);
}

void
verify_fini(struct verify *v)
{
	free(v->known);
	free(v->runs);
	v->runs = NULL;
	v->known = NULL;
}

static struct verify_finding *
finding_new(struct verify *v, enum verify_kind kind, bool damage)
{
	struct verify_finding *f;

	v->damaged |= damage;
	if (v->count == VERIFY_FINDINGS_MAX) {
		v->more++;
		return NULL;
	}
	f = &v->findings[v->count++];
	memset(f, 0, sizeof *f);
	f->kind = kind;
	f->damage = damage;
	return f;
}

void
verify_add(struct verify *v, enum verify_kind kind, uint64_t line, uint64_t seq,
    int64_t byte, const char *fmt, ...)
{
	struct verify_finding *f = finding_new(v, kind, true);
	va_list ap;

	if (!f)
		return;
	f->line = line;
	f->seq = seq;
	f->byte = byte;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

void
verify_note(struct verify *v, enum verify_kind kind, uint64_t line, int64_t byte,
    const char *fmt, ...)
{
	struct verify_finding *f = finding_new(v, kind, false);
	va_list ap;

	if (!f)
		return;
	f->line = line;
	f->byte = byte;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof f->text, fmt, ap);
	va_end(ap);
}

/* --- the records that were seen, by number --- */

static struct verify_known *
known_slot(struct verify *v, uint64_t seq)
{
	return &v->known[seq % VERIFY_KNOWN];
}

static struct verify_known *
known_get(struct verify *v, uint64_t seq)
{
	struct verify_known *k = known_slot(v, seq);

	return k->h[0] && k->seq == seq ? k : NULL;
}

/* The first one with a number stays: a copy of it changes nothing. */
static void
known_put(struct verify *v, uint64_t seq, uint64_t line, const char *h)
{
	struct verify_known *k = known_slot(v, seq);

	if (known_get(v, seq))
		return;
	k->seq = seq;
	k->line = line;
	memcpy(k->h, h, sizeof k->h);
}

/* --- missing numbers --- */

static void
missing_add(struct verify *v, uint64_t from, uint64_t to, const struct verify_wait *w)
{
	verify_add(v, VERIFY_MISSING, w->line, w->seq, w->byte,
	    from == to ? "record %" PRIu64 " is not here: it was taken out"
		       : "records %" PRIu64 " to %" PRIu64
			 " are not here: they were taken out",
	    from, to);
	if (v->findings[v->count - 1].kind == VERIFY_MISSING &&
	    v->findings[v->count - 1].line == w->line) {
		v->findings[v->count - 1].from = from;
		v->findings[v->count - 1].to = to;
		v->findings[v->count - 1].lost = to - from + 1;
	}
}

/* A number that was missed stands elsewhere: it is not missing. */
static void
missing_seen(struct verify *v, uint64_t seq)
{
	for (size_t i = 0; i < v->count; i++) {
		struct verify_finding *f = &v->findings[i];

		if (f->kind != VERIFY_MISSING || seq < f->from || seq > f->to)
			continue;
		if (f->lost > 0 && --f->lost == 0) {
			f->kind = VERIFY_SWAPPED;
			snprintf(f->text, sizeof f->text,
			    "it stands before record %" PRIu64
			    ", which it was written behind",
			    f->from);
		}
		return;
	}
}

/* --- a line that follows from nothing --- */

static void
say_edited(struct verify *v, const struct verify_wait *w, const char *how)
{
	verify_add(v, VERIFY_EDITED, w->line, w->seq, w->byte, "%s", how);
	v->last = w->last + 1; /* a number that was changed is not to be believed */
}

static void
settle_by_number(struct verify *v, const struct verify_wait *w)
{
	struct verify_known *k = w->seq ? known_get(v, w->seq) : NULL;

	if (w->seq == 0 || w->seq == w->last + 1)
		say_edited(v, w,
		    w->has_h
			? "its bytes are not those that its h was made of"
			: "it has no h at its end: its bytes were changed, or it is no record of ours");
	else if (w->seq > w->last + 1)
		missing_add(v, w->last + 1, w->seq - 1, w);
	else if (k && k->line != w->line)
		verify_add(v, VERIFY_INSERTED, w->line, w->seq, w->byte,
		    "there is a record of this number already, in line %" PRIu64,
		    k->line);
	else
		verify_add(v, VERIFY_SWAPPED, w->line, w->seq, w->byte,
		    "it stands behind record %" PRIu64, w->last);
}

/* The next line tells what is the matter with the one that waits. */
static void
settle(struct verify *v, enum verify_link next, uint64_t next_seq)
{
	struct verify_wait w = v->wait;

	if (!w.on)
		return;
	v->wait.on = false;
	if (next == LINK_COMPUTED)
		say_edited(
		    v, &w, "its h was changed; its other bytes are as they were written");
	else if (next == LINK_PREV && next_seq == w.last + 2)
		say_edited(v, &w, "its bytes are not those that its h was made of");
	else if (next == LINK_ELSEWHERE && next_seq == w.last + 1)
		verify_add(v, VERIFY_INSERTED, w.line, w.seq, w.byte,
		    "the record behind it follows from the one before it: this line was put in");
	else
		settle_by_number(v, &w);
}

/* --- a line --- */

static enum verify_link
link_of(struct verify *v, struct verify_rec *r)
{
	struct verify_known *k = r->seq ? known_get(v, r->seq - 1) : NULL;
	char h[CHAIN_HEX + 1];

	if (v->prev[0]) {
		memcpy(r->computed, v->prev, sizeof r->computed);
		chain_next(r->computed, r->line, r->body);
		if (memcmp(r->computed, r->h, CHAIN_HEX) == 0)
			return LINK_PREV;
	}
	if (v->wait.on && v->wait.computed[0]) {
		memcpy(h, v->wait.computed, sizeof h);
		chain_next(h, r->line, r->body);
		if (memcmp(h, r->h, CHAIN_HEX) == 0)
			return LINK_COMPUTED;
	}
	if (k && k->line != v->prev_line) {
		memcpy(h, k->h, sizeof h);
		chain_next(h, r->line, r->body);
		if (memcmp(h, r->h, CHAIN_HEX) == 0)
			return LINK_ELSEWHERE;
	}
	return v->prev[0] ? LINK_NONE : LINK_BLIND;
}

static void
wait_for_next(struct verify *v, const struct verify_rec *r)
{
	v->damaged = true;
	v->wait.on = true;
	v->wait.has_h = r->has_h;
	v->wait.line = v->lines;
	v->wait.seq = r->seq;
	v->wait.last = v->last;
	v->wait.byte = r->byte;
	memcpy(v->wait.computed, r->computed, sizeof v->wait.computed);
}

/* It is as it was written, and stands at the wrong place, or behind one that does. */
static void
on_elsewhere(struct verify *v, const struct verify_rec *r)
{
	struct verify_known *k = known_get(v, r->seq);

	v->damaged = true;
	if (k && memcmp(k->h, r->h, CHAIN_HEX) == 0)
		verify_add(v, VERIFY_INSERTED, v->lines, r->seq, r->byte,
		    "it is a copy of line %" PRIu64, k->line);
	else if (r->seq <= v->last)
		verify_add(v, VERIFY_SWAPPED, v->lines, r->seq, r->byte,
		    "it stands behind record %" PRIu64
		    " and follows from record %" PRIu64,
		    v->last, r->seq - 1);
}

/* The chain is whole here: what is missing was never in it. */
static void
on_gap(struct verify *v, const struct verify_rec *r)
{
	if (v->gaps == 0) {
		v->gap_line = v->lines;
		v->gap_byte = r->byte;
	}
	v->gaps += r->seq - v->last - 1;
}

static void
on_chained(struct verify *v, struct verify_rec *r)
{
	enum verify_link link = link_of(v, r);

	settle(v, link, r->seq);
	if (link == LINK_NONE)
		wait_for_next(v, r);
	else if (link == LINK_ELSEWHERE)
		on_elsewhere(v, r);
	else if (r->seq > v->last + 1 && link == LINK_PREV)
		on_gap(v, r);
	else if (r->seq <= v->last && !v->damaged)
		verify_add(v, VERIFY_BROKEN, v->lines, r->seq, r->byte,
		    "its number does not grow, though the chain is whole");
	missing_seen(v, r->seq);
	if (r->seq)
		known_put(v, r->seq, v->lines, r->h);
	verify_record(v, r, link == LINK_PREV);
	verify_anchor(v, r);
}

/* Lines without an h: a journal of version 1, or damage. */
static void
on_unchained(struct verify *v, struct verify_rec *r)
{
	verify_record(v, r, false);
	if (!v->chained && v->version == 1) {
		v->unchained++;
		if (r->seq > v->last + 1)
			verify_add(v, VERIFY_MISSING, v->lines, r->seq, r->byte,
			    "records %" PRIu64 " to %" PRIu64 " are not here",
			    v->last + 1, r->seq - 1);
		else if (r->seq && r->seq <= v->last)
			verify_add(v, VERIFY_SWAPPED, v->lines, r->seq, r->byte,
			    "it stands behind record %" PRIu64, v->last);
		return;
	}
	settle(v, LINK_NONE, r->seq);
	wait_for_next(v, r);
}

/* At the first record, or where a later engine continued a journal of version 1. */
static void
begin_chain(struct verify *v, const struct verify_rec *r)
{
	static const char member[] = "\"state\":\"continued\"";

	if (v->unchained && !memmem(r->line, r->len, member, sizeof member - 1))
		verify_add(v, VERIFY_EDITED, v->lines, r->seq, r->byte,
		    "the chain begins here, and this record continues no incident");
	v->chained = true;
	if (v->unchained)
		chain_begin(v->prev);
	if (v->prev[0])
		known_put(v, v->last, v->lines - 1, v->prev);
	v->prev_line = v->lines - 1;
}

void
verify_line(struct verify *v, const char *line, size_t len, int64_t byte)
{
	struct verify_rec r = {.line = line, .len = len, .byte = byte};

	v->lines++;
	r.seq = verify_seq(line, len);
	r.has_h = chain_split(line, len, &r.body, r.h);
	if (r.has_h && !v->chained)
		begin_chain(v, &r);
	if (r.has_h)
		on_chained(v, &r);
	else
		on_unchained(v, &r);
	if (v->chained || v->wait.on) {
		memcpy(v->prev, r.h, sizeof v->prev);
		v->prev_line = v->lines;
	}
	if (r.has_h && v->engine_head && memcmp(v->engine_head, r.h, CHAIN_HEX) == 0)
		v->engine_seen = true;
	if (r.seq > v->last)
		v->last = r.seq;
}

/* --- the end --- */

static void
say_gaps(struct verify *v)
{
	if (v->gaps == 0)
		return;
	if (v->gaps <= v->lost)
		verify_note(v, VERIFY_LOST, v->gap_line, v->gap_byte,
		    "%" PRIu64
		    " records are not here from this line on: no disk and no memory took them, and the journal says so",
		    v->gaps);
	else
		verify_add(v, VERIFY_MISSING, v->gap_line, 0, v->gap_byte,
		    "%" PRIu64
		    " numbers are not here from this line on, though the chain is whole, and the journal does not say that so many were lost",
		    v->gaps);
}

/* A crash leaves the same as a cut; only behind the last word there is none. */
static void
say_torn(struct verify *v)
{
	if (v->torn && v->last_state_line == v->lines &&
	    strcmp(v->last_state, "closed") == 0)
		verify_add(v, VERIFY_INSERTED, v->lines + 1, 0, v->bytes - v->torn,
		    "%" PRId64 " bytes stand behind the record that closes the incident",
		    v->torn);
	else if (v->torn)
		verify_note(v, VERIFY_CUT, v->lines + 1, v->bytes - v->torn,
		    "the last %" PRId64
		    " bytes are no whole record: a crash in the middle of a write, or a cut",
		    v->torn);
}

static void
find_end(struct verify *v)
{
	bool last = v->last_state_line == v->lines && v->lines > 0;

	if (v->torn)
		return;
	if (last && strcmp(v->last_state, "closed") == 0)
		v->end = END_CLOSED;
	else if (last && strcmp(v->last_state, "left") == 0)
		v->end = END_LEFT;
	else if (v->engine_seen)
		v->end = END_ENGINE;
	else if (v->anchor_last && v->anchor_last == v->last)
		v->end = END_ANCHOR;
}

void
verify_finish(struct verify *v, int64_t bytes, int64_t torn)
{
	settle(v, LINK_NONE, 0);
	v->bytes = bytes;
	v->torn = torn;
	if (v->chained)
		memcpy(v->head, v->prev, sizeof v->head);
	say_gaps(v);
	say_torn(v);
	if (v->lines == 0)
		verify_add(v, VERIFY_CUT, 0, 0, 0, "there is no whole record in it");
	else if (strcmp(v->last_state, "closed") == 0 && v->last_state_line < v->lines)
		verify_note(v, VERIFY_ODD, v->last_state_line, -1,
		    "the incident was closed here, and there are records behind it");
	verify_anchors_left(v);
	find_end(v);
}
