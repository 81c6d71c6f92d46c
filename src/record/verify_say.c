/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/verify_say.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "record/record.h"
#include "wire/json.h"

static const char *const end_names[VERIFY_ENDS] = {
    "none", "closed", "left", "engine", "anchor"};

static const char *
result_word(int rc)
{
	return rc == RECORD_OK	    ? "intact"
	    : rc == RECORD_FAILED   ? "damaged"
	    : rc == RECORD_UNPROVEN ? "unproven"
				    : "unasked";
}

/* --- for a person --- */

static void
say_finding(FILE *to, int columns, const struct verify_finding *f)
{
	char where[120];
	int n = 0;

	where[0] = '\0';
	if (f->line)
		n += snprintf(where, sizeof where, "line %" PRIu64, f->line);
	if (f->seq && n >= 0 && n < 100)
		n += snprintf(where + n, sizeof where - (size_t)n, "%srecord %" PRIu64,
		    n ? ", " : "", f->seq);
	if (f->byte >= 0 && n >= 0 && n < 100)
		n += snprintf(where + n, sizeof where - (size_t)n, "%sbyte %" PRId64,
		    n ? ", " : "", f->byte);
	record_wrapf(to, columns, 2, 6, "%s %s: %s%s%s", f->damage ? "!!" : "--",
	    verify_kind_names[f->kind], where, n ? ": " : "", f->text);
}

static void
say_end(FILE *to, int columns, const struct verify *v)
{
	switch (v->end) {
	case END_CLOSED:
		record_wrapf(to, columns, 2, 6,
		    "its end: the incident was closed, and nothing is behind that");
		break;
	case END_LEFT:
		record_wrapf(to, columns, 2, 6,
		    "its end: an engine left in order; that a later one continued the incident could only be seen in anchors");
		break;
	case END_ENGINE:
		record_wrapf(to, columns, 2, 6,
		    "its end: the engine that holds the incident says the same");
		break;
	case END_ANCHOR:
		record_wrapf(to, columns, 2, 6, "its end: the last record has an anchor");
		break;
	default:
		record_wrapf(to, columns, 2, 6,
		    "its end: nothing proves that the last record is the last one that was written");
	}
}

static void
say_elsewhere(FILE *to, int columns, const struct verify *v, const struct verify_asked *a)
{
	if (a->anchors && v->anchor_count == 0)
		record_wrapf(to, columns, 2, 6, "anchors: none is of this incident");
	else if (a->anchors)
		record_wrapf(to, columns, 2, 6,
		    "anchors: %" PRIu64 " of this incident; proven up to record %" PRIu64,
		    v->anchor_count, v->anchor_last);
	if (a->host && a->host_why)
		record_wrapf(to, columns, 2, 6, "host: not asked: %s", a->host_why);
	else if (a->host)
		record_wrapf(to, columns, 2, 6,
		    "host: lists %zu runs of mutating verbs, the journal names %zu",
		    a->host_runs, v->run_count);
}

static void
say_meaning(FILE *to, int columns, const struct verify *v, int rc)
{
	if (rc == RECORD_FAILED) {
		record_wrap(to, columns, 2, 6,
		    "proves: it is not as it was written, where it says so above");
		if (v->last > v->unchained)
			record_wrap(to, columns, 2, 6,
			    "proves: every other record of version 2 follows from the one before it");
		record_wrap(to, columns, 2, 6,
		    "does not prove: who did it, when, or what stood there");
		return;
	}
	if (v->unchained)
		record_wrapf(to, columns, 2, 6,
		    "does not prove: anything about the first %" PRIu64
		    " records; they are of version 1 and have no chain",
		    v->unchained);
	if (v->last > v->unchained)
		record_wrap(to, columns, 2, 6,
		    "proves: no record was changed, moved, taken out or put in, unless all that is behind it was written anew");
	if (v->anchor_last < v->last)
		record_wrap(to, columns, 2, 6,
		    "does not prove: that nobody wrote it anew as a whole; the chain has no key. Heads that were kept elsewhere show that: --anchors with syslog's or a pod's lines, --host");
}

void
verify_say(FILE *to, const struct verify *v, const struct verify_asked *a, int rc)
{
	int columns = record_columns();
	char bytes[24];

	record_wrapf(to, columns, 0, 2, "%s: %s", v->id[0] ? v->id : a->path,
	    rc == RECORD_OK		? "intact, and its end is proven"
		: rc == RECORD_FAILED	? "DAMAGED"
		: rc == RECORD_UNPROVEN ? "intact as far as it goes"
					: "intact here, but the host could not be asked");
	record_wrapf(to, columns, 2, 6, "%s", a->path);
	record_wrapf(to, columns, 2, 6,
	    "%" PRIu64 " records, the last is %" PRIu64 ", %s", v->lines, v->last,
	    record_bytes(v->bytes, bytes, sizeof bytes));
	if (v->head[0])
		record_wrapf(to, columns, 2, 6, "head: %s", v->head);
	for (size_t i = 0; i < v->count; i++)
		say_finding(to, columns, &v->findings[i]);
	if (v->more)
		record_wrapf(to, columns, 2, 6, "and %" PRIu64 " more findings", v->more);
	say_end(to, columns, v);
	say_elsewhere(to, columns, v, a);
	say_meaning(to, columns, v, rc);
}

/* --- for a program --- */

static struct js *
findings_json(const struct verify *v)
{
	struct js *list = js_array();

	for (size_t i = 0; i < v->count; i++) {
		const struct verify_finding *f = &v->findings[i];
		struct js *m = js_new();

		js_set_str(m, "kind", verify_kind_names[f->kind]);
		js_set_bool(m, "damage", f->damage);
		if (f->line)
			js_set_int(m, "line", (int64_t)f->line);
		if (f->seq)
			js_set_int(m, "seq", (int64_t)f->seq);
		if (f->byte >= 0)
			js_set_int(m, "byte", f->byte);
		js_set_str(m, "text", f->text);
		js_add(list, m);
	}
	return list;
}

void
verify_say_json(FILE *to, const struct verify *v, const struct verify_asked *a, int rc)
{
	struct js *m = js_new();
	struct buf b;

	js_set_str(m, "path", a->path);
	js_set_str(m, "incident", v->id);
	js_set_str(m, "result", result_word(rc));
	js_set_int(m, "exit", rc);
	js_set_int(m, "records", (int64_t)v->lines);
	js_set_int(m, "last", (int64_t)v->last);
	js_set_str(m, "head", v->head);
	js_set_int(m, "bytes", v->bytes);
	js_set_int(m, "torn", v->torn);
	js_set_int(m, "unchained", (int64_t)v->unchained);
	js_set_str(m, "end", end_names[v->end]);
	js_set_bool(m, "engine", a->engine);
	if (a->anchors) {
		js_set_int(m, "anchors", (int64_t)v->anchor_count);
		js_set_int(m, "anchored", (int64_t)v->anchor_last);
	}
	if (a->host && a->host_why)
		js_set_str(m, "host_why", a->host_why);
	else if (a->host)
		js_set_int(m, "host_runs", (int64_t)a->host_runs);
	js_set(m, "findings", findings_json(v));
	js_set_int(m, "more", (int64_t)v->more);
	buf_init(&b, 256 * 1024);
	if (js_print(m, &b) == 0)
		fprintf(to, "%s\n", b.data);
	buf_fini(&b);
	js_free(m);
}
