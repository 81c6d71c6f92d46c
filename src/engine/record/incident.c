/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/incident.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"
#include "engine/record/incident_int.h"

/* What is still told of an incident that is over has no place in the ring. */
static void
incident_release(struct incident *i, struct line *l, unsigned generation)
{
	if (l->seq && generation == i->generation) {
		i->released = l->seq;
		incident_ring_keep(i, l);
	}
	i->ev->release(l, i->arg);
}

/* Tells everything in the queue up to a ticket; wire-only lines go with their turn. */
void
incident_drain(struct incident *i, uint64_t upto)
{
	while (i->first && i->first->ticket <= upto) {
		struct incident_queued *q = i->first;

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

static struct incident_queued *
incident_queue(struct incident *i, uint64_t ticket)
{
	struct incident_queued *q = mem_alloc(sizeof *q);

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
	struct incident_queued *q;

	if (!i->first) {
		cb(arg);
		return;
	}
	q = incident_queue(i, 0);
	q->cb = cb;
	q->arg = arg;
}

/*
 * Numbered, chained and handed to the journal.  What it cannot take is lost: that
 * record is told, but stands in no chain.
 */
static struct line *
incident_record(struct incident *i, enum fact kind, struct js *fact)
{
	char head[CHAIN_HEX + 1];
	struct line *l;

	js_set_int(fact, "seq", (int64_t)++i->seq);
	memcpy(head, i->head, sizeof head);
	l = line_record(kind, i->seq, fact, head);
	l->ticket = journal_add(i->journal, l->data, l->len);
	if (l->ticket) {
		memcpy(i->head, head, sizeof head);
		i->ticket = l->ticket;
		i->bytes += l->len;
		return l;
	}
	line_free(l);
	incident_lose(i);
	return line_new(kind, i->seq, fact);
}

static void
incident_pass(struct incident *i, enum fact kind, struct js *fact, bool journaled)
{
	uint64_t ticket;
	struct line *l;

	if (kind == FACT_STATE)
		present_keep(&i->present, fact);
	l = journaled ? incident_record(i, kind, fact) : line_new(kind, 0, fact);
	js_free(fact);
	ticket = l->ticket;
	if (!i->first && (ticket == 0 || journal_state(i->journal) != JOURNAL_OK)) {
		incident_release(i, l, i->generation);
		line_free(l);
		return;
	}
	incident_queue(i, ticket)->line = l;
	if (journal_state(i->journal) != JOURNAL_OK)
		incident_drain(i, UINT64_MAX);
}

void
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

void
incident_name_file(struct incident *i, const char *id)
{
	snprintf(i->id, sizeof i->id, "%s", id);
	snprintf(i->numbered, sizeof i->numbered, "%s", id);
	i->generation++;
	free(i->path);
	i->path = mem_printf("%s/incidents/%s.jsonl", i->dir, id);
}

void
incident_boot(char boot[INCIDENT_BOOT_LEN])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, boot, INCIDENT_BOOT_LEN - 1);

	boot[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		close(fd);
}

void
incident_engine_members(struct js *f)
{
	char boot[INCIDENT_BOOT_LEN];

	incident_boot(boot);
	js_set_int(f, "pid", getpid());
	js_set_str(f, "version", PACKAGE_VERSION);
	if (boot[0])
		js_set_str(f, "boot", boot);
}

void
incident_mark(struct incident *i, struct js *f, const char *state, const char *reason)
{
	js_set_str(f, "state", state);
	js_set_str(f, "id", i->id);
	js_set_int(f, "v", INCIDENT_VERSION);
	if (reason && reason[0])
		js_set_str(f, "reason", reason);
	incident_add(i, FACT_INCIDENT, f, true);
}

static bool
is_of_the_beginning(const struct js *state)
{
	return js_is(state, "what", "vm") || js_is(state, "what", "link") ||
	    js_is(state, "what", "agent") || js_is(state, "what", "autonomy");
}

/*
 * What was true when it began: told before there was an incident, so on no record.
 * Who looks back (a replay, a report) knows it from here.
 */
static void
incident_record_present(struct incident *i)
{
	size_t count = i->present.count;
	struct js *begun[PRESENT_MAX];

	for (size_t k = 0; k < count; k++)
		begun[k] = js_ref(i->present.facts[k]);
	for (size_t k = 0; k < count; k++) {
		struct js *f = is_of_the_beginning(begun[k])
		    ? incident_fact(FACT_STATE, "engine")
		    : NULL;

		if (f) {
			js_fill(f, begun[k]);
			js_del(f, "quiet_ms"); /* wire only */
			js_del(f, "retry_ms");
			js_del(f, "progress");
			incident_add(i, FACT_STATE, f, true);
		}
		js_free(begun[k]);
	}
}

/* The second, and a number: the next one, for another incident may be a moment old. */
static void
make_id(struct incident *i, char id[INCIDENT_ID_MAX])
{
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	gmtime_r(&now, &tm);
	n = strftime(id, INCIDENT_ID_MAX, "%Y%m%dT%H%M%SZ", &tm);
	snprintf(id + n, INCIDENT_ID_MAX - n, "-%04x", (unsigned)i->number++);
}

void
incident_open(struct incident *i, const char *by, const char *reason)
{
	char id[INCIDENT_ID_MAX];
	struct js *f;

	incident_close(i, by, "a new incident was opened");
	make_id(i, id);
	incident_name_file(i, id);
	i->seq = i->released = i->inherited = i->lost = i->bytes = 0;
	incident_ring_clear(i);
	chain_begin(i->head);
	journal_open(i->journal, i->path, -1);
	f = incident_fact(FACT_INCIDENT, by ? by : "engine");
	incident_engine_members(f);
	incident_mark(i, f, "opened", reason);
	incident_record_present(i);
}

void
incident_close(struct incident *i, const char *by, const char *reason)
{
	if (!i->id[0])
		return;
	incident_mark(
	    i, incident_fact(FACT_INCIDENT, by ? by : "engine"), "closed", reason);
	journal_sync(i->journal);
	journal_shut(i->journal);
	i->id[0] = '\0';
}

void
incident_leave(struct incident *i, const char *reason)
{
	free(i->left_why);
	i->left_why = mem_dup(reason);
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

uint64_t
incident_inherited(const struct incident *i)
{
	return i->inherited;
}

size_t
incident_pressure(const struct incident *i)
{
	return journal_waiting(i->journal);
}

bool
incident_is_full(const struct incident *i)
{
	return i->bytes > INCIDENT_FULL_BYTES;
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
	if (!random_try(&i->number, sizeof i->number))
		i->number = (uint16_t)getpid();
	i->journal = journal_new(loop, &incident_journal_events, i);
	uv_timer_init(loop, &i->timer);
	uv_unref((uv_handle_t *)&i->timer);
	i->timer.data = i;
	return i;
}

static void
on_incident_closed(uv_handle_t *h)
{
	struct incident *i = h->data;
	struct incident_queued *q;

	while ((q = i->first) != NULL) {
		i->first = q->next;
		if (q->cb)
			q->cb(q->arg);
		line_free(q->line);
		free(q);
	}
	incident_ring_clear(i);
	free(i->ring);
	present_fini(&i->present);
	free(i->left_why);
	free(i->dir);
	free(i->path);
	free(i);
}

void
incident_free(struct incident *i, int64_t wait_ms)
{
	if (!i)
		return;
	incident_start_forget(i);
	i->waiter_count = 0; /* who waits for a sync has gone already */
	if (i->id[0])
		incident_mark(i, incident_fact(FACT_INCIDENT, "engine"), "left",
		    i->left_why ? i->left_why : "the engine ended");
	i->id[0] = '\0';
	journal_free(i->journal, wait_ms);
	i->journal = NULL;
	uv_close((uv_handle_t *)&i->timer, on_incident_closed);
}
