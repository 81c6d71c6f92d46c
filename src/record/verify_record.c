/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_record.c: what a record says of itself, and what anchors say of it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/anchors.h"
#include "record/verify_int.h"
#include "wire/journal_file.h"
#include "wire/json.h"

#define SEQ_WITHIN 96 /* bytes of a record in which its number stands */

/* Digits only: a number that a reader would take for another is none. */
uint64_t
verify_seq(const char *line, size_t len)
{
	const char *p = memmem(line, len < SEQ_WITHIN ? len : SEQ_WITHIN, "\"seq\":", 6);
	const char *end = line + len;
	uint64_t n = 0;

	if (!p)
		return 0;
	for (p += 6; p < end && *p >= '0' && *p <= '9'; p++) {
		if (n > UINT64_MAX / 10 - 1)
			return 0;
		n = n * 10 + (uint64_t)(*p - '0');
	}
	return n;
}

static bool
has_grammar(const struct js *m, uint64_t seq)
{
	const char *at = js_str(m, "at");

	return js_str(m, "t") && js_str(m, "by") && at && clock_from(at) >= 0 &&
	    js_int(m, "mono_ms", -1) >= 0 && seq > 0 &&
	    js_int(m, "seq", -1) == (int64_t)seq;
}

static void
on_incident(struct verify *v, const struct js *m)
{
	const char *state = js_str(m, "state"), *id = js_str(m, "id");

	if (v->lines == 1) {
		v->version = (int)js_int(m, "v", 0);
		snprintf(v->id, sizeof v->id, "%s", id ? id : "");
		snprintf(v->began_at, sizeof v->began_at, "%s", js_str(m, "at"));
	}
	snprintf(v->last_state, sizeof v->last_state, "%s", state ? state : "");
	v->last_state_line = v->lines;
	if (js_is(m, "state", "continued"))
		v->lost_here = 0;
}

static void
on_state(struct verify *v, const struct js *m)
{
	int64_t lost = js_int(m, "lost", 0);

	/* an engine counts all that it lost */
	if (js_is(m, "what", "journal") && lost > 0 && (uint64_t)lost > v->lost_here) {
		v->lost += (uint64_t)lost - v->lost_here;
		v->lost_here = (uint64_t)lost;
	}
	if (js_is(m, "what", "clock") && js_is(m, "host", "pve"))
		v->host_skew_ms = js_int(m, "skew_ms", 0);
}

static void
on_first(struct verify *v, const struct verify_rec *r, const struct js *m)
{
	if (!v->damaged && r->seq == 1 &&
	    !(js_is(m, "t", "incident") && js_is(m, "state", "opened")))
		verify_add(v, VERIFY_BROKEN, 1, r->seq, r->byte,
		    "the first record does not open an incident");
}

/* A line that is chained was written so; nine of ten bytes are output. */
static bool
is_plain_output(const struct verify_rec *r, bool proven)
{
	static const char head[] = "{\"t\":\"output\",\"seq\":";

	return proven && r->len > sizeof head &&
	    memcmp(r->line, head, sizeof head - 1) == 0;
}

void
verify_record(struct verify *v, const struct verify_rec *r, bool proven)
{
	struct err err;
	struct js *m;

	if (is_plain_output(r, proven)) {
		v->outputs++;
		return;
	}
	m = r->len < JOURNAL_FILE_LINE_MAX ? js_parse(r->line, r->len, &err) : NULL;
	if (!m || !has_grammar(m, r->seq)) {
		/* a line that does not follow is told of already */
		if (proven || (!v->chained && v->version == 1))
			verify_add(v, VERIFY_BROKEN, v->lines, r->seq, r->byte,
			    m ? "it has not the members of a record (t, seq, at, mono_ms, by)"
			      : "it is no JSON object");
		js_free(m);
		return;
	}
	snprintf(v->end_at, sizeof v->end_at, "%s", js_str(m, "at"));
	if (v->lines == 1)
		on_first(v, r, m);
	if (js_is(m, "t", "output"))
		v->outputs++;
	else if (js_is(m, "t", "incident"))
		on_incident(v, m);
	else if (js_is(m, "t", "state"))
		on_state(v, m);
	else if (js_is(m, "t", "verb"))
		verify_verb(v, r, m);
	js_free(m);
}

/* --- anchors --- */

void
verify_anchor(struct verify *v, const struct verify_rec *r)
{
	size_t count, lo = 0, hi;
	const struct anchor *a = anchors_of(v->anchors, v->id, &count);

	hi = count;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (a[mid].seq < r->seq)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < count && a[lo].seq == r->seq; lo++)
		if (memcmp(a[lo].h, r->h, CHAIN_HEX) != 0)
			verify_add(v, VERIFY_REWRITTEN, v->lines, r->seq, r->byte,
			    "an anchor says that the h of record %" PRIu64 " was %.16s…",
			    r->seq, a[lo].h);
		else if (r->seq > v->anchor_last && !v->damaged)
			v->anchor_last = r->seq;
}

void
verify_anchors_left(struct verify *v)
{
	size_t count;
	const struct anchor *a = anchors_of(v->anchors, v->id, &count);

	v->anchor_count = count;
	if (count && a[count - 1].seq > v->last)
		verify_add(v, VERIFY_CUT, v->lines, v->last, -1,
		    "an anchor says that there was a record %" PRIu64
		    ", and the last one here is %" PRIu64
		    ": the end was cut off, or its engine died before a disk took it",
		    a[count - 1].seq, v->last);
}
