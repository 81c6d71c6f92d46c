/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/fetch.h"

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
	const char *stream;
	int64_t from, to;
	uint64_t next_seq;
	size_t sent;
};

static bool
fetch_is_wanted(struct fetch *f)
{
	return peer_is_here(f->peer) && incident_is(f->incident, f->incident_id);
}

static void
fetch_free(struct fetch *f)
{
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
	    js_is(r, "stream", f->stream)) {
		off = js_int(r, "off", 0);
		if (off < f->to && off + js_int(r, "len", 0) > f->from) {
			f->sent += (size_t)js_int(r, "len", 0);
			js_set_int(r, "seq", 0);
			peer_answer(f->peer, FACT_OUTPUT, js_ref(r));
		}
		more = off < f->to && f->sent < FETCH_MAX;
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
	f->stream = js_is(m, "stream", "err") ? "err" : "out";
	f->from = js_int(m, "from", 0);
	f->to = js_int(m, "to", INT64_MAX);
	f->next_seq = 1;
	journal_read(loop, incident_path(incident), 1, 0, 0, on_part, f);
}
