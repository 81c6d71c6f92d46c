/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * incident_journal.c: what the journal says of itself, and who is told.
 *
 * That no disk takes the journal is itself on record: the fact waits in memory
 * like all others, and its "ok" follows it into the file once there is one.
 */
#include <string.h>

#include "base/log.h"
#include "engine/record/incident_int.h"

#define LOST_WHY "memory is full: records from here on are lost"

static void
incident_wake(struct incident *i, uint64_t upto, bool on_disk, const char *why)
{
	struct incident_waiter due[INCIDENT_SYNC_WAITERS];
	size_t count = 0, keep = 0;

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

	i->written = ticket;
	if (synced)
		i->synced = ticket;
	incident_drain(i, ticket);
	/* What the start had to say of the disk is over, too. */
	if (i->banner && journal_state(i->journal) == JOURNAL_OK)
		incident_journal_says(i, JOURNAL_OK, "");
	if (synced)
		incident_wake(i, ticket, true, "");
}

static void
on_rewritten(size_t bytes, void *arg)
{
	((struct incident *)arg)->rewritten = bytes;
}

/* The disk is tried every few seconds: only news is told. */
static bool
journal_is_told(struct incident *i, const char *state, const char *why)
{
	const struct js *was = present_get(&i->present, "journal", NULL);
	const char *old = was ? js_str(was, "why") : NULL;

	if (i->overflowed && !i->asked)
		return true; /* that is worse, and true until the disk is well */
	return was && !i->asked && js_is(was, "state", state) &&
	    js_is(was, "path", i->path ? i->path : "") &&
	    strcmp(old ? old : "", why) == 0;
}

static struct js *
journal_fact(struct incident *i, enum journal_state state, const char *why)
{
	static const char *const names[JOURNAL_STATES] = {"ok", "slow", "memory"};
	struct js *f = incident_fact(FACT_STATE, "engine");

	js_set_str(f, "what", "journal");
	js_set_str(f, "state", names[state]);
	js_set_str(f, "path", i->path);
	js_set_int(f, "lost", (int64_t)i->lost);
	js_set_int(f, "waiting", (int64_t)journal_waiting(i->journal));
	if (state != JOURNAL_OK) {
		js_set_str(f, "why", why);
		js_set_str(f, "todo",
		    "the keys work; records are kept in memory: free or mend the disk of sessions_dir");
	} else if (i->rewritten) {
		js_set_int(f, "rewritten", (int64_t)i->rewritten);
	}
	return f;
}

void
incident_journal_says(struct incident *i, enum journal_state state, const char *why)
{
	static const char *const names[JOURNAL_STATES] = {"ok", "slow", "memory"};
	bool recorded = i->id[0] &&
	    ((state == JOURNAL_MEMORY && !i->overflowed) ||
		(state == JOURNAL_OK && i->refused));
	struct js *f;

	if (state == JOURNAL_OK)
		i->refused = i->overflowed = false;
	if (journal_is_told(i, names[state], why))
		return;
	i->asked = false;
	i->refused |= state == JOURNAL_MEMORY;
	i->banner = state != JOURNAL_OK;
	f = journal_fact(i, state, why);
	if (state == JOURNAL_OK)
		i->rewritten = 0;
	incident_add(i, FACT_STATE, f, recorded);
}

static void
on_journal_state(enum journal_state state, const char *why, void *arg)
{
	struct incident *i = arg;

	if (state != JOURNAL_OK) {
		incident_drain(i, UINT64_MAX);
		incident_wake(i, UINT64_MAX, false, why);
	}
	incident_journal_says(i, state, why);
}

const struct journal_events incident_journal_events = {
    on_written, on_rewritten, on_journal_state};

/* Told once; how many it were is said with the end of it. */
void
incident_lose(struct incident *i)
{
	i->lost++;
	if (i->overflowed)
		return;
	LOG("journal", "memory for records is full, seq %llu on is lost",
	    (unsigned long long)i->seq);
	i->overflowed = i->refused = true;
	incident_add(i, FACT_STATE, journal_fact(i, JOURNAL_MEMORY, LOST_WHY), false);
}

void
incident_retry(struct incident *i)
{
	const struct js *was;

	i->asked = true;
	if (journal_retry(i->journal))
		return;
	i->asked = false;
	/* Nothing waits, or the disk has not answered yet: what is known is the answer.
	 */
	was = present_get(&i->present, "journal", NULL);
	incident_add(i, FACT_STATE,
	    journal_fact(i, journal_state(i->journal), was ? js_str(was, "why") : NULL),
	    false);
}

void
incident_sync(struct incident *i, incident_sync_fn *cb, void *arg)
{
	if (journal_state(i->journal) != JOURNAL_OK ||
	    i->waiter_count == INCIDENT_SYNC_WAITERS) {
		cb(false, "no disk takes the journal", arg);
		return;
	}
	if (i->synced >= i->ticket) {
		cb(true, "", arg);
		return;
	}
	i->waiters[i->waiter_count++] = (struct incident_waiter){cb, arg, i->ticket};
	journal_sync(i->journal);
}
