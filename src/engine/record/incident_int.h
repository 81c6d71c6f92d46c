/* SPDX-License-Identifier: GPL-3.0-or-later */
/* incident_int.h: what the files behind incident.h share, and nobody else. */
#ifndef ENGINE_INCIDENT_INT_H
#define ENGINE_INCIDENT_INT_H

#include "engine/record/incident.h"
#include "engine/present.h"
#include "wire/chain.h"

#define INCIDENT_SYNC_WAITERS 16
#define INCIDENT_BOOT_LEN 37 /* bytes of a boot id with its NUL */

struct incident_queued {
	struct incident_queued *next;
	struct line *line; /* NULL: a call */
	incident_told_fn *cb;
	void *arg;
	unsigned generation;
	uint64_t ticket; /* 0: wire only */
};

struct incident_waiter {
	incident_sync_fn *cb;
	void *arg;
	uint64_t ticket;
};

struct incident_start;

struct incident {
	uv_loop_t *loop;
	const struct incident_events *ev;
	void *arg;
	char *dir;
	char id[INCIDENT_ID_MAX]; /* "" when none is open */
	/* The one that the numbers and the file belong to. */
	char numbered[INCIDENT_ID_MAX];
	uint16_t number; /* of the next id: begun by chance, so that engines differ */
	unsigned generation;
	char *path;
	uint64_t seq;		  /* last number given */
	uint64_t released;	  /* last number told */
	uint64_t inherited;	  /* last number that an engine before us gave; or 0 */
	char head[CHAIN_HEX + 1]; /* h of the last record handed to the journal */
	struct journal *journal;
	uint64_t ticket;  /* of the last record handed to the journal */
	uint64_t synced;  /* up to this ticket all are on the disk */
	uint64_t written; /* up to this ticket all are in the file */
	uint64_t lost;	  /* records that no disk and no memory took */
	size_t rewritten; /* bytes, to be told with the next "ok" */
	uint64_t bytes;	  /* of records so far; the file's size */
	bool refused;	  /* a "memory" was told, its "ok" is owed */
	bool banner;	  /* the last that was told is no "ok" */
	bool overflowed;  /* records are being lost */
	bool asked;	  /* an operator wants to hear how the next try ends */
	struct incident_queued *first, **last;
	struct incident_waiter waiters[INCIDENT_SYNC_WAITERS];
	size_t waiter_count;
	struct line **ring; /* released records, oldest first; numbers grow */
	size_t ring_count, ring_size, ring_bytes;
	struct present present;
	struct incident_start *start;
	uv_timer_t timer;
	bool ready;
	char *left_why;
};

/* incident.c */
void incident_add(struct incident *i, enum fact kind, struct js *fact, bool journaled);
void incident_drain(struct incident *i, uint64_t upto);
void incident_name_file(struct incident *i, const char *id);
/* Takes f, an incident fact that may have members of its own already. */
void incident_mark(
    struct incident *i, struct js *f, const char *state, const char *reason);
void incident_engine_members(struct js *f);	  /* pid, version, boot */
void incident_boot(char boot[INCIDENT_BOOT_LEN]); /* "" when unknown */

/* incident_ring.c */
void incident_ring_keep(struct incident *i, struct line *l);
void incident_ring_clear(struct incident *i);

/* incident_journal.c */
extern const struct journal_events incident_journal_events;
void incident_journal_says(struct incident *i, enum journal_state state, const char *why);
void incident_lose(struct incident *i);

/* incident_start.c */
void incident_start_forget(struct incident *i);

#endif
