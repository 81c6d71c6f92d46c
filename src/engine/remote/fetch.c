/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct fetch {
	uv_loop_t *loop;
	struct incident *incident;
	struct peer *peer; /* ours to keep; may have gone */
	char incident_id[INCIDENT_ID_MAX];
	char run[LINE_RUN_MAX];
	char needle[LINE_RUN_MAX + 8]; /* "id":"r12" as a record carries it */
	const char *stream;	       /* NULL: both, in the order in which they came */
	int64_t from, to;
	char req[33];	 /* "": nobody asked to be told where it ends */
	const char *why; /* what was sent is not all that was asked for; NULL */
	uint64_t next_seq;
	size_t sent;
	bool more; /* enough was sent, there is more */
};

static bool
fetch_is_wanted(struct fetch *f)
{
	return peer_is_here(f->peer) && incident_is(f->incident, f->incident_id);
}

/* The last word: where the next request goes on. */
static void
fetch_done(struct fetch *f)
{
	struct js *m;

	if (!f->req[0] || !peer_is_here(f->peer))
		return;
	m = incident_fact(FACT_FETCHED, "engine");
	js_set_str(m, "id", f->run);
	js_set_str(m, "stream", f->stream);
	js_set_int(m, "from", f->from);
	js_set_int(m, "to", f->to);
	js_set_int(m, "next", (int64_t)f->next_seq - 1);
	js_set_bool(m, "more", f->more);
	js_set_str(m, "req", f->req);
	peer_answer(f->peer, FACT_FETCHED, m);
}

static void
fetch_failed(struct fetch *f)
{
	struct js *m;

	if (!peer_is_here(f->peer))
		return;
	m = js_new();
	js_set_str(m, "req", f->req[0] ? f->req : NULL);
	peer_error(f->peer, m, "fetch", f->why, NULL);
	js_free(m);
}

static void
fetch_free(struct fetch *f)
{
	if (f->why)
		fetch_failed(f);
	else
		fetch_done(f);
	peer_unref(f->peer);
	free(f);
}

/* Returns false when the run has ended or enough was sent. */
static bool
fetch_record(struct fetch *f, char *line, size_t len)
{
	struct err err;
	struct js *r;
	int64_t off;
	bool more = true;

	f->next_seq = journal_line_seq(line, len) + 1;
	if (!memmem(line, len, f->needle, strlen(f->needle)))
		return true;
	r = js_parse(line, len, &err);
	if (r && js_is(r, "t", "tool_end") && js_is(r, "id", f->run)) {
		more = false;
	} else if (r && js_is(r, "t", "output") && js_is(r, "id", f->run) &&
	    (!f->stream || js_is(r, "stream", f->stream))) {
		off = f->stream ? js_int(r, "off", 0) : f->from;
		if (off < f->to && off + js_int(r, "len", 0) > f->from) {
			f->sent += (size_t)js_int(r, "len", 0);
			js_set_int(r, "seq", 0);
			js_set_str(r, "req", f->req[0] ? f->req : NULL);
			peer_answer(f->peer, FACT_OUTPUT, js_ref(r));
		}
		f->more = off < f->to && f->sent >= FETCH_MAX;
		more = off < f->to && !f->more;
	}
	js_free(r);
	return more;
}

static void
on_part(const char *data, size_t len, const char *why, void *arg)
{
	struct fetch *f = arg;
	char *copy = mem_dupn(data, len), *p = copy, *lf;
	bool more = len > 0 && fetch_is_wanted(f);

	if (!incident_is(f->incident, f->incident_id))
		f->why = "another incident has begun, and the run is of the one before";
	else if (why)
		f->why = "the journal cannot be read: what came of the run is not whole";
	while (more && (lf = strchr(p, '\n')) != NULL) {
		more = fetch_record(f, p, (size_t)(lf - p)) && fetch_is_wanted(f);
		p = lf + 1;
	}
	free(copy);
	if (more)
		journal_read(
		    f->loop, incident_path(f->incident), f->next_seq, 0, 0, on_part, f);
	else
		fetch_free(f);
}

void
fetch_start(
    uv_loop_t *loop, struct incident *incident, struct peer *p, const struct js *m)
{
	const char *run = js_str(m, "id");
	struct fetch *f;
	int64_t after;

	if (!run || strlen(run) >= LINE_RUN_MAX || !incident_id(incident)[0]) {
		peer_error(p, m, "fetch", "there is no such run in this incident", NULL);
		return;
	}
	f = mem_alloc(sizeof *f);
	f->loop = loop;
	f->incident = incident;
	f->peer = p;
	peer_ref(p);
	snprintf(f->incident_id, sizeof f->incident_id, "%s", incident_id(incident));
	snprintf(f->run, sizeof f->run, "%s", run);
	snprintf(f->needle, sizeof f->needle, "\"id\":\"%s\"", run);
	if (js_has(m, "stream"))
		f->stream = js_is(m, "stream", "err") ? "err" : "out";
	f->from = f->stream ? js_int(m, "from", 0) : 0;
	f->to = f->stream ? js_int(m, "to", INT64_MAX) : INT64_MAX;
	snprintf(
	    f->req, sizeof f->req, "%.32s", js_str(m, "req") ? js_str(m, "req") : "");
	after = js_int(m, "after", 0);
	f->next_seq = after > 0 ? (uint64_t)after + 1 : 1;
	journal_read(loop, incident_path(incident), f->next_seq, 0, 0, on_part, f);
}
