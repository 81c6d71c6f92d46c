/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/incident.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/present.h"

#define START_WAIT_MS 800 /* a disk that has not shown its incidents by then waits for later */
#define SYNC_WAITERS 16

struct queued {
	struct queued *next;
	struct line *line;
	uint64_t ticket; /* 0: wire only */
};

struct waiter {
	incident_sync_fn *cb;
	void *arg;
	uint64_t ticket;
};

struct start {
	uv_work_t work;
	struct incident *i; /* NULL once the incident has stopped waiting */
	char *dir;
	char id[INCIDENT_ID_MAX];
	char why[256];
};

struct incident {
	uv_loop_t *loop;
	const struct incident_events *ev;
	void *arg;
	char *dir;
	char id[INCIDENT_ID_MAX];
	char *path;
	uint64_t seq;      /* last number given */
	uint64_t released; /* last number told */
	struct journal *journal;
	uint64_t ticket; /* of the last record handed to the journal */
	bool overflowed;
	struct queued *first, **last;
	struct waiter waiters[SYNC_WAITERS];
	size_t waiter_count;
	struct line **ring; /* released records, oldest first */
	size_t ring_count, ring_size, ring_bytes;
	struct present present;
	struct start *start;
	uv_timer_t timer;
	bool ready;
};

static void
ring_keep(struct incident *i, struct line *l)
{
	size_t drop = 0;

	if (i->ring_count == i->ring_size) {
		i->ring_size = i->ring_size ? i->ring_size * 2 : 256;
		i->ring = mem_resize(i->ring, i->ring_size * sizeof *i->ring);
	}
	i->ring[i->ring_count++] = line_ref(l);
	i->ring_bytes += l->len;
	while (i->ring_bytes > INCIDENT_RING_MAX && drop + 1 < i->ring_count) {
		i->ring_bytes -= i->ring[drop]->len;
		line_free(i->ring[drop++]);
	}
	if (drop) {
		i->ring_count -= drop;
		memmove(i->ring, i->ring + drop, i->ring_count * sizeof *i->ring);
	}
}

static void
ring_clear(struct incident *i)
{
	for (size_t k = 0; k < i->ring_count; k++)
		line_free(i->ring[k]);
	i->ring_count = i->ring_bytes = 0;
}

static void
incident_release(struct incident *i, struct line *l)
{
	if (l->seq) {
		i->released = l->seq;
		ring_keep(i, l);
	}
	i->ev->release(l, i->arg);
}

/* Tells everything in the queue up to a ticket; wire-only lines go with their turn. */
static void
incident_drain(struct incident *i, uint64_t upto)
{
	while (i->first && i->first->ticket <= upto) {
		struct queued *q = i->first;

		i->first = q->next;
		if (!i->first)
			i->last = &i->first;
		incident_release(i, q->line);
		line_free(q->line);
		free(q);
	}
}

static void
incident_wake(struct incident *i, uint64_t upto, bool on_disk, const char *why)
{
	size_t keep = 0;
	struct waiter due[SYNC_WAITERS];
	size_t count = 0;

	for (size_t k = 0; k < i->waiter_count; k++) {
		if (i->waiters[k].ticket <= upto)
			due[count++] = i->waiters[k];
		else
			i->waiters[keep++] = i->waiters[k];
	}
	i->waiter_count = keep;
	for (size_t k = 0; k < count; k++)
		due[k].cb(on_disk, why, due[k].arg);
}

static void
on_written(uint64_t ticket, bool synced, void *arg)
{
	struct incident *i = arg;

	incident_drain(i, ticket);
	if (synced)
		incident_wake(i, ticket, true, "");
}

static void
on_journal_state(enum journal_state state, const char *why, void *arg)
{
	static const char *const names[JOURNAL_STATES] = {"ok", "slow", "memory"};
	struct incident *i = arg;
	struct js *f;

	if (state != JOURNAL_OK) {
		incident_drain(i, UINT64_MAX);
		incident_wake(i, UINT64_MAX, false, why);
	}
	if (state == JOURNAL_OK)
		i->overflowed = false;
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "journal");
	js_set_str(f, "state", names[state]);
	js_set_str(f, "path", i->path);
	if (state != JOURNAL_OK) {
		js_set_str(f, "why", why);
		js_set_str(f, "todo",
		    "the keys work; records are kept in memory: free or mend the disk of sessions_dir");
	}
	present_keep(&i->present, f);
	incident_tell(i, FACT_STATE, f);
}

static const struct journal_events journal_events = {on_written, on_journal_state};

struct js *
incident_fact(enum fact kind, const char *by)
{
	struct js *f = message_new(fact_names[kind]);
	char at[CLOCK_AT_LEN];

	js_set_int(f, "seq", 0); /* early in the line: journal_line_seq looks there */
	js_set_str(f, "at", clock_at(clock_wall_ms(), at));
	js_set_int(f, "mono_ms", clock_mono_ms());
	js_set_str(f, "by", by);
	return f;
}

static void
incident_add(struct incident *i, enum fact kind, struct js *fact, bool journaled)
{
	uint64_t ticket = 0;
	struct queued *q;
	struct line *l;

	if (kind == FACT_STATE)
		present_keep(&i->present, fact);
	if (journaled)
		js_set_int(fact, "seq", (int64_t)++i->seq);
	l = line_new(kind, journaled ? i->seq : 0, fact);
	js_free(fact);
	if (journaled) {
		ticket = journal_add(i->journal, l->data, l->len);
		if (ticket)
			i->ticket = ticket;
		else if (!i->overflowed) {
			i->overflowed = true;
			LOG("journal", "memory for records is full, seq %llu on is lost",
			    (unsigned long long)i->seq);
		}
	}
	if (!i->first && (ticket == 0 || journal_state(i->journal) != JOURNAL_OK)) {
		incident_release(i, l);
		line_free(l);
		return;
	}
	q = mem_alloc(sizeof *q);
	q->line = l;
	/* A wire-only line waits for the record before it. */
	q->ticket = ticket ? ticket : i->ticket;
	*i->last = q;
	i->last = &q->next;
	if (journal_state(i->journal) != JOURNAL_OK)
		incident_drain(i, UINT64_MAX);
}

static bool
incident_opens_with(enum fact kind)
{
	return kind == FACT_PROMPT || kind == FACT_VERB || kind == FACT_TOOL || kind == FACT_NOTE;
}

void
incident_emit(struct incident *i, enum fact kind, struct js *fact)
{
	if (!i->id[0] && incident_opens_with(kind))
		incident_open(i, js_str(fact, "by"), "");
	incident_add(i, kind, fact, i->id[0] && fact_journaled[kind]);
}

void
incident_tell(struct incident *i, enum fact kind, struct js *fact)
{
	incident_add(i, kind, fact, false);
}

static void
incident_name_file(struct incident *i, const char *id)
{
	snprintf(i->id, sizeof i->id, "%s", id);
	free(i->path);
	i->path = mem_printf("%s/incidents/%s.jsonl", i->dir, id);
}

static void
incident_mark(struct incident *i, const char *by, const char *state, const char *reason)
{
	struct js *f = incident_fact(FACT_INCIDENT, by);

	js_set_str(f, "state", state);
	js_set_str(f, "id", i->id);
	js_set_int(f, "v", WIRE_VERSION);
	if (reason && reason[0])
		js_set_str(f, "reason", reason);
	incident_add(i, FACT_INCIDENT, f, true);
}

void
incident_open(struct incident *i, const char *by, const char *reason)
{
	time_t now = time(NULL);
	char id[INCIDENT_ID_MAX];
	unsigned char r[2];
	struct tm tm;
	size_t n;

	incident_close(i, by, "a new incident was opened");
	gmtime_r(&now, &tm);
	n = strftime(id, sizeof id, "%Y%m%dT%H%M%SZ", &tm);
	if (getrandom(r, sizeof r, GRND_NONBLOCK) != sizeof r)
		memcpy(r, &now, sizeof r);
	snprintf(id + n, sizeof id - n, "-%02x%02x", r[0], r[1]);
	incident_name_file(i, id);
	i->seq = i->released = 0;
	ring_clear(i);
	journal_open(i->journal, i->path);
	incident_mark(i, by ? by : "engine", "opened", reason);
}

void
incident_close(struct incident *i, const char *by, const char *reason)
{
	if (!i->id[0])
		return;
	incident_mark(i, by ? by : "engine", "closed", reason);
	journal_sync(i->journal);
	i->id[0] = '\0';
}

void
incident_sync(struct incident *i, incident_sync_fn *cb, void *arg)
{
	if (journal_state(i->journal) != JOURNAL_OK || i->waiter_count == SYNC_WAITERS) {
		cb(false, "no disk takes the journal", arg);
		return;
	}
	i->waiters[i->waiter_count++] = (struct waiter){cb, arg, i->ticket};
	journal_sync(i->journal);
}

const char *
incident_id(const struct incident *i)
{
	return i->id;
}

const char *
incident_path(const struct incident *i)
{
	return i->path ? i->path : "";
}

uint64_t
incident_last(const struct incident *i)
{
	return i->released;
}

size_t
incident_pressure(const struct incident *i)
{
	return journal_waiting(i->journal);
}

enum journal_state
incident_journal(const struct incident *i)
{
	return journal_state(i->journal);
}

uint64_t
incident_ring_first(const struct incident *i)
{
	return i->ring_count ? i->ring[0]->seq : i->released + 1;
}

void
incident_ring_each(struct incident *i, uint64_t from, void (*f)(struct line *line, void *arg),
    void *arg)
{
	for (size_t k = 0; k < i->ring_count; k++)
		if (i->ring[k]->seq >= from)
			f(i->ring[k], arg);
}

void
incident_present(struct incident *i, void (*f)(struct line *line, void *arg), void *arg)
{
	for (size_t k = 0; k < i->present.count; k++) {
		struct line *l;

		js_set_int(i->present.facts[k], "seq", 0);
		l = line_new(FACT_STATE, 0, i->present.facts[k]);
		f(l, arg);
		line_free(l);
	}
}

const struct js *
incident_state(const struct incident *i, const char *what, const char *host)
{
	return present_get(&i->present, what, host);
}

/* --- start: is there an incident that was not closed? --- */

static int
is_incident_file(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 6 && n < INCIDENT_ID_MAX && strcmp(d->d_name + n - 6, ".jsonl") == 0;
}

/* In the thread pool: ids begin with their time, so the newest sorts last. */
static void
on_look(uv_work_t *work)
{
	struct start *s = work->data;
	char *sub = mem_printf("%s/incidents", s->dir);
	struct dirent **names = NULL;
	struct err err;
	int n;

	if (fd_own_dir(s->dir, &err) < 0 || fd_own_dir(sub, &err) < 0) {
		snprintf(s->why, sizeof s->why, "%.250s", err.words);
	} else if ((n = scandir(sub, &names, is_incident_file, alphasort)) > 0) {
		snprintf(s->id, sizeof s->id, "%.*s", (int)strlen(names[n - 1]->d_name) - 6,
		    names[n - 1]->d_name);
		while (n > 0)
			free(names[--n]);
	}
	free(names);
	free(sub);
}

static void
incident_ready(struct incident *i)
{
	if (i->ready)
		return;
	i->ready = true;
	uv_timer_stop(&i->timer);
	if (i->start)
		i->start->i = NULL;
	i->start = NULL;
	i->ev->ready(i->arg);
}

static bool
on_old_record(char *text, size_t len, struct incident *i, bool *closed)
{
	struct err err;
	struct js *r = js_parse(text, len, &err);

	if (!r)
		return false;
	*closed = js_is(r, "t", "incident") && js_is(r, "state", "closed");
	i->seq = (uint64_t)js_int(r, "seq", (int64_t)i->seq);
	i->ev->found(r, i->arg);
	js_free(r);
	return true;
}

static void
on_old_records(const char *data, size_t len, const char *why, void *arg)
{
	struct start *s = arg;
	struct incident *i = s->i;
	bool closed = true;

	if (i && !i->ready) {
		char *copy = mem_dupn(data, len), *p = copy, *lf;

		for (; (lf = strchr(p, '\n')) != NULL; p = lf + 1)
			on_old_record(p, (size_t)(lf - p), i, &closed);
		free(copy);
		if (closed) {
			i->seq = 0;
		} else {
			i->released = i->seq;
			incident_name_file(i, s->id);
			journal_open(i->journal, i->path);
		}
		incident_ready(i);
	}
	free(s->dir);
	free(s);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct start *s = work->data;
	struct incident *i = s->i;

	if (i && s->why[0]) {
		on_journal_state(JOURNAL_MEMORY, s->why, i);
		incident_ready(i);
	} else if (i && s->id[0]) {
		char *path = mem_printf("%s/incidents/%s.jsonl", s->dir, s->id);

		journal_read(i->loop, path, 0, 0, 2000, on_old_records, s);
		free(path);
		return;
	} else if (i) {
		incident_ready(i);
	}
	free(s->dir);
	free(s);
}

static void
on_start_late(uv_timer_t *t)
{
	struct incident *i = t->data;

	on_journal_state(JOURNAL_SLOW, "the disk of sessions_dir does not answer", i);
	incident_ready(i);
}

void
incident_start(struct incident *i)
{
	struct start *s = mem_alloc(sizeof *s);

	s->i = i;
	s->dir = mem_dup(i->dir);
	s->work.data = s;
	i->start = s;
	uv_queue_work(i->loop, &s->work, on_look, on_looked);
	uv_timer_start(&i->timer, on_start_late, START_WAIT_MS, 0);
}

struct incident *
incident_new(uv_loop_t *loop, const char *dir, const struct incident_events *ev, void *arg)
{
	struct incident *i = mem_alloc(sizeof *i);

	i->loop = loop;
	i->dir = mem_dup(dir);
	i->ev = ev;
	i->arg = arg;
	i->last = &i->first;
	i->journal = journal_new(loop, &journal_events, i);
	uv_timer_init(loop, &i->timer);
	uv_unref((uv_handle_t *)&i->timer);
	i->timer.data = i;
	return i;
}

static void
on_incident_closed(uv_handle_t *h)
{
	struct incident *i = h->data;
	struct queued *q;

	while ((q = i->first) != NULL) {
		i->first = q->next;
		line_free(q->line);
		free(q);
	}
	ring_clear(i);
	free(i->ring);
	present_fini(&i->present);
	free(i->dir);
	free(i->path);
	free(i);
}

void
incident_free(struct incident *i, int64_t wait_ms)
{
	if (!i)
		return;
	if (i->start)
		i->start->i = NULL;
	journal_free(i->journal, wait_ms);
	i->journal = NULL;
	uv_close((uv_handle_t *)&i->timer, on_incident_closed);
}
