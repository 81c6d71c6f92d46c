/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * incident.h: the one case in hand; facts get their number here.
 *
 *   emit --> number --> journal --> (written) --> release --> everyone
 *                          |
 *                          +-- disk late or refusing: release at once
 *
 * A journaled fact is released only after it is in the file (law 2), or when
 * the journal has said that no disk takes it.  Wire-only facts keep their place
 * in the order.  An incident opens by itself with the first fact that is part
 * of one (prompt, verb, tool, note, ask); before that, facts have seq 0.
 */
#ifndef ENGINE_INCIDENT_H
#define ENGINE_INCIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "engine/record/journal.h"
#include "engine/remote/line.h"
#include "wire/messages.h"

#define INCIDENT_VERSION 2 /* of a journal's format, breakglass-journal(5) */
#define INCIDENT_RING_MAX \
	(2 * 1024 * 1024) /* bytes of recent records kept for attaching */
#define INCIDENT_FULL_BYTES \
	((uint64_t)512 * 1024 * 1024) /* of one journal; then output is left out */
#define INCIDENT_ID_MAX 32
#define INCIDENT_QUIET_MS \
	((int64_t)4 * 3600 * 1000) /* without console and work: it is over */
#define INCIDENT_QUIET_WHY "4 hours without a console and work"

struct incident;

struct incident_events {
	/* May be told now.  The line is lent. */
	void (*release)(struct line *line, void *arg);
	/* A record of the incident that a start continues (output: not). */
	void (*found)(const struct js *record, void *arg);
	/* Start is over: an incident was continued, or none is open. */
	void (*ready)(void *arg);
	/* Every fact as it is emitted; lent.  May be NULL. */
	void (*fact)(struct js *fact, void *arg);
};

/* dir: where incidents/ is kept.  Nothing is read before incident_start. */
struct incident *incident_new(
    uv_loop_t *loop, const char *dir, const struct incident_events *ev, void *arg);

/*
 * Writes "left" where an incident is open, syncs, and frees; waits at most wait_ms.
 * Its events still come meanwhile.
 */
void incident_free(struct incident *i, int64_t wait_ms);

/*
 * Looks for an incident that was not closed and that no other engine holds, and
 * continues it; or closes it when it has been quiet for INCIDENT_QUIET_MS.  All its
 * records come as found.  ready comes within a second of the disk's last answer.
 */
void incident_start(struct incident *i);

/* A fact to fill and emit: t, seq, at, mono_ms, by are set.  Caller owns it. */
struct js *incident_fact(enum fact kind, const char *by);

/* Takes the fact.  state, operator and error facts do not open an incident. */
void incident_emit(struct incident *i, enum fact kind, struct js *fact);

/* Wire only (seq 0), in order with what was emitted before.  Takes the fact. */
void incident_tell(struct incident *i, enum fact kind, struct js *fact);

/* Calls back once everything emitted so far has been told; may be at once. */
typedef void incident_told_fn(void *arg);
void incident_after(struct incident *i, incident_told_fn *cb, void *arg);

/* Opens one now (closing what is open), or closes it. */
void incident_open(struct incident *i, const char *by, const char *reason);
void incident_close(struct incident *i, const char *by, const char *reason);

/* Why this engine is about to leave: incident_free says so.  The last call counts. */
void incident_leave(struct incident *i, const char *reason);

/*
 * Calls back once everything emitted so far is on the disk (on_disk true), or
 * as soon as the journal says that the disk is late or refuses (false, why).
 */
typedef void incident_sync_fn(bool on_disk, const char *why, void *arg);
void incident_sync(struct incident *i, incident_sync_fn *cb, void *arg);

/* Tries a disk that refuses now; state "journal" is told anew once it has answered. */
void incident_retry(struct incident *i);

const char *incident_id(const struct incident *i);   /* "" when none is open; lent */
const char *incident_path(const struct incident *i); /* "" when none is open; lent */
uint64_t incident_last(const struct incident *i);    /* last released seq */
/* The last seq on record when this engine came to the incident; 0: it opened it. */
uint64_t incident_inherited(const struct incident *i);
unsigned incident_generation(
    const struct incident *i); /* another one: numbers begin anew */
bool incident_is(
    const struct incident *i, const char *id);	    /* the numbers are of this one */
size_t incident_pressure(const struct incident *i); /* bytes waiting for the disk */
bool incident_is_full(const struct incident *i); /* output is to be left out from here */
/* The chain's h of the last record that was handed to the journal; lent. */
const char *incident_head(const struct incident *i);
enum journal_state incident_journal(const struct incident *i);

/* Recent released records: the first seq kept, and the first from seq on (lent) or NULL.
 */
uint64_t incident_ring_first(const struct incident *i);
struct line *incident_ring_from(const struct incident *i, uint64_t seq);

/* The latest state facts, with seq 0, as an attach wants them.  line is lent. */
void incident_present(
    struct incident *i, void (*f)(struct line *line, void *arg), void *arg);

/* The latest state fact of a kind (host may be NULL), or NULL; lent. */
const struct js *incident_state(
    const struct incident *i, const char *what, const char *host);

#endif
