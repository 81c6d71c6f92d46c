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
#include "wire/chain.h"

#define START_WAIT_MS 800   /* a disk that has not answered by then waits for later */
#define START_TOTAL_MS 5000 /* reading a long journal may take so long */
#define SYNC_WAITERS 16

struct queued {
	struct queued *next;
	struct line *line; /* NULL: a call */
	incident_told_fn *cb;
	void *arg;
	unsigned generation;
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
	char *dir, *path;
	char id[INCIDENT_ID_MAX]; /* of the newest file */
	int64_t began_ms, quiet_ms;
	char why[256];
};

struct incident {
	uv_loop_t *loop;
	const struct incident_events *ev;
	void *arg;
	char *dir;
	char id[INCIDENT_ID_MAX];	/* "" when none is open */
	char numbered[INCIDENT_ID_MAX]; /* the one that the numbers and the file belong to
					 */
	unsigned generation;
	char *path;
	uint64_t seq;	   /* last number given */
	uint64_t released; /* last number told */
	struct journal *journal;
	char head[CHAIN_HEX + 1]; /* h of the last record handed to the journal */
	uint64_t ticket;	  /* of the last record handed to the journal */
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

/* What is still told of an incident that is over has no place in the ring. */
static void
incident_release(struct incident *i, struct line *l, unsigned generation)
{
	if (l->seq && generation == i->generation) {
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
		if (q->line)
			incident_release(i, q->line, q->generation);
		else
			q->cb(q->arg);
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

/* The disk is tried every few seconds: only news is told. */
static bool
journal_is_told(struct incident *i, const char *state, const char *why)
{
	const struct js *was = present_get(&i->present, "journal", NULL);
	const char *old = was ? js_str(was, "why") : NULL;

	return was && js_is(was, "state", state) &&
	    js_is(was, "path", i->path ? i->path : "") &&
	    strcmp(old ? old : "", why) == 0;
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
	if (journal_is_told(i, names[state], why))
		return;
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

static struct queued *
incident_queue(struct incident *i, uint64_t ticket)
{
	struct queued *q = mem_alloc(sizeof *q);

	/* What is no record waits for the record before it. */
	q->ticket = ticket ? ticket : i->ticket;
	q->generation = i->generation;
	*i->last = q;
	i->last = &q->next;
	return q;
}

void
incident_after(struct incident *i, incident_told_fn *cb, void *arg)
{
	struct queued *q;

	if (!i->first) {
		cb(arg);
		return;
	}
	q = incident_queue(i, 0);
	q->cb = cb;
	q->arg = arg;
}

static void
incident_tell_lost(struct incident *i)
{
	LOG("journal", "memory for records is full, seq %llu on is lost",
	    (unsigned long long)i->seq);
	i->overflowed = true;
	on_journal_state(
	    JOURNAL_MEMORY, "memory is full: records from here on are lost", i);
}

static void
incident_pass(struct incident *i, enum fact kind, struct js *fact, bool journaled)
{
	uint64_t ticket = 0;
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
		else if (!i->overflowed)
			incident_tell_lost(i);
	}
	if (!i->first && (ticket == 0 || journal_state(i->journal) != JOURNAL_OK)) {
		incident_release(i, l, i->generation);
		line_free(l);
		return;
	}
	incident_queue(i, ticket)->line = l;
	if (journal_state(i->journal) != JOURNAL_OK)
		incident_drain(i, UINT64_MAX);
}

static void
incident_add(struct incident *i, enum fact kind, struct js *fact, bool journaled)
{
	incident_pass(i, kind, js_ref(fact), journaled);
	if (i->ev->fact)
		i->ev->fact(fact, i->arg);
	js_free(fact);
}

static bool
incident_opens_with(enum fact kind)
{
	return kind == FACT_PROMPT || kind == FACT_VERB || kind == FACT_TOOL ||
	    kind == FACT_NOTE || kind == FACT_ASK;
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
	snprintf(i->numbered, sizeof i->numbered, "%s", id);
	i->generation++;
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

const char *
incident_head(const struct incident *i)
{
	return i->head;
}

enum journal_state
incident_journal(const struct incident *i)
{
	return journal_state(i->journal);
}

unsigned
incident_generation(const struct incident *i)
{
	return i->generation;
}

bool
incident_is(const struct incident *i, const char *id)
{
	return id && i->numbered[0] && strcmp(i->numbered, id) == 0;
}

uint64_t
incident_ring_first(const struct incident *i)
{
	return i->ring_count ? i->ring[0]->seq : i->released + 1;
}

struct line *
incident_ring_from(const struct incident *i, uint64_t seq)
{
	uint64_t first = incident_ring_first(i);
	size_t k = seq > first ? (size_t)(seq - first) : 0; /* the ring has no gaps */

	return k < i->ring_count ? i->ring[k] : NULL;
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

	return n > 6 && n < INCIDENT_ID_MAX && d->d_name[0] >= '0' &&
	    d->d_name[0] <= '9' && strcmp(d->d_name + n - 6, ".jsonl") == 0;
}

/* In the thread pool: ids begin with their time, so the newest sorts last. */
static void
on_look(uv_work_t *work)
{
	struct start *s = work->data;
	char *sub = mem_printf("%s/incidents", s->dir);
	struct dirent **names = NULL;
	struct stat st;
	struct err err;
	int n;

	if (fd_safe_dir(s->dir, &err) < 0 || fd_own_dir(sub, &err) < 0) {
		snprintf(s->why, sizeof s->why, "%.250s", err.words);
	} else if ((n = scandir(sub, &names, is_incident_file, alphasort)) > 0) {
		snprintf(s->id, sizeof s->id, "%.*s",
		    (int)strlen(names[n - 1]->d_name) - 6, names[n - 1]->d_name);
		while (n > 0)
			free(names[--n]);
		s->path = mem_printf("%s/%s.jsonl", sub, s->id);
		if (stat(s->path, &st) == 0)
			s->quiet_ms = clock_wall_ms() - (int64_t)st.st_mtime * 1000;
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

static void
on_start_late(uv_timer_t *t)
{
	struct incident *i = t->data;

	on_journal_state(JOURNAL_SLOW, "the disk of sessions_dir does not answer", i);
	incident_ready(i);
}

static void
start_free(struct start *s)
{
	free(s->dir);
	free(s->path);
	free(s);
}

/* The disk answers: a long journal may take longer, a hung one may not. */
static void
start_wait(struct start *s)
{
	if (clock_mono_ms() - s->began_ms < START_TOTAL_MS)
		uv_timer_start(&s->i->timer, on_start_late, START_WAIT_MS, 0);
}

/* Nine of ten bytes are output: of those the number is enough. */
static void
on_old_record(char *text, size_t len, struct incident *i)
{
	uint64_t seq = journal_line_seq(text, len);
	struct err err;
	struct js *r;

	if (seq > i->seq)
		i->seq = seq;
	if (strncmp(text, "{\"t\":\"output\"", 13) == 0)
		return;
	r = js_parse(text, len, &err);
	if (r)
		i->ev->found(r, i->arg);
	js_free(r);
}

static void
start_continue(struct start *s)
{
	struct incident *i = s->i;

	i->released = i->seq;
	incident_name_file(i, s->id);
	journal_open(i->journal, i->path);
	if (s->quiet_ms > INCIDENT_QUIET_MS)
		incident_close(i, "engine", INCIDENT_QUIET_WHY);
	incident_ready(i);
}

static void
on_old_records(const char *data, size_t len, const char *why, void *arg)
{
	struct start *s = arg;
	struct incident *i = s->i;
	uint64_t before = i ? i->seq : 0;
	char *copy, *p, *lf;

	if (!i) {
		start_free(s);
		return;
	}
	copy = mem_dupn(data, len);
	for (p = copy; (lf = strchr(p, '\n')) != NULL; p = lf + 1)
		on_old_record(p, (size_t)(lf - p), i);
	free(copy);
	if (i->seq > before) {
		start_wait(s);
		journal_read(i->loop, s->path, i->seq + 1, 0, 0, on_old_records, s);
		return;
	}
	start_continue(s);
	start_free(s);
}

static void
on_newest_record(const char *data, size_t len, const char *why, void *arg)
{
	struct start *s = arg;
	struct incident *i = s->i;
	const char *lf = memchr(data, '\n', len);
	struct err err;
	struct js *r = lf ? js_parse(data, (size_t)(lf - data), &err) : NULL;

	if (i &&
	    (len == 0 || (r && js_is(r, "t", "incident") && js_is(r, "state", "closed"))))
		incident_ready(i);
	js_free(r);
	if (!s->i) {
		start_free(s);
		return;
	}
	start_wait(s);
	journal_read(i->loop, s->path, 1, 0, 0, on_old_records, s);
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
		start_wait(s);
		journal_read(i->loop, s->path, 0, 0, 1, on_newest_record, s);
		return;
	} else if (i) {
		incident_ready(i);
	}
	start_free(s);
}

void
incident_start(struct incident *i)
{
	struct start *s = mem_alloc(sizeof *s);

	s->i = i;
	s->began_ms = clock_mono_ms();
	s->dir = mem_dup(i->dir);
	s->work.data = s;
	i->start = s;
	uv_queue_work(i->loop, &s->work, on_look, on_looked);
	uv_timer_start(&i->timer, on_start_late, START_WAIT_MS, 0);
}

struct incident *
incident_new(
    uv_loop_t *loop, const char *dir, const struct incident_events *ev, void *arg)
{
	struct incident *i = mem_alloc(sizeof *i);

	i->loop = loop;
	i->dir = mem_dup(dir);
	i->ev = ev;
	i->arg = arg;
	i->last = &i->first;
	chain_begin(i->head);
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
		if (q->cb)
			q->cb(q->arg);
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
	i->waiter_count = 0; /* who waits for a sync has gone already */
	journal_free(i->journal, wait_ms);
	i->journal = NULL;
	uv_close((uv_handle_t *)&i->timer, on_incident_closed);
}
