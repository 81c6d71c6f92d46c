/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal.h: one append-only file, written and read in the thread pool.
 *
 *   OK <----> SLOW      a write or sync has not answered for 500 ms; it still may
 *    ^ \
 *    |  +--> MEMORY     the disk refused: records wait in memory (8 MiB), and the
 *    +-------- retry    same bytes are tried again every 5 s, or when asked to
 *
 * The loop never waits for a disk; what may hang is in journal_disk.h.  The file
 * never has a torn record inside; a torn tail of a crash is cut when it is opened.
 */
#ifndef ENGINE_JOURNAL_H
#define ENGINE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"

#define JOURNAL_WAIT_MS 500
#define JOURNAL_RETRY_MS 5000
#define JOURNAL_MEMORY_MAX (8 * 1024 * 1024) /* bytes that wait for a disk */
#define JOURNAL_PART_MAX (1024 * 1024)	     /* bytes that one read returns */

enum journal_state { JOURNAL_OK, JOURNAL_SLOW, JOURNAL_MEMORY, JOURNAL_STATES };

struct journal;

struct journal_events {
	/* Everything up to this ticket is in the file; synced: and on the disk. */
	void (*written)(uint64_t ticket, bool synced, void *arg);
	/* Bytes that a failed sync may have lost are there again.  Before state(OK). */
	void (*rewritten)(size_t bytes, void *arg);
	/* After each change of state; why is lent. */
	void (*state)(enum journal_state state, const char *why, void *arg);
};

struct journal *journal_new(uv_loop_t *loop, const struct journal_events *ev, void *arg);

/* Writes what waits, at most for wait_ms, then frees.  No callback comes. */
void journal_free(struct journal *j, int64_t wait_ms);

/*
 * Records go to this file from now on; it is made (0600) where it is missing.
 * lock: a descriptor that holds its lock already (takes it), or -1.
 */
void journal_open(struct journal *j, const char *path, int lock);

/* Nothing more will come: once all is written, the file and its lock are let go. */
void journal_shut(struct journal *j);

/*
 * Appends a record (one line, its LF included).  Returns its ticket, or 0 when
 * JOURNAL_MEMORY_MAX is reached: the record is lost, the caller says so.
 */
uint64_t journal_add(struct journal *j, const char *line, size_t len) MUST_CHECK;

/* What was added so far is synced with the next write. */
void journal_sync(struct journal *j);

/* Tries a disk that refused now.  False: nothing waits, or a try is under way. */
bool journal_retry(struct journal *j);

enum journal_state journal_state(const struct journal *j);
size_t journal_waiting(const struct journal *j); /* bytes not yet in the file */

/*
 * Reads whole records back, in the thread pool: those with seq from on, at
 * most JOURNAL_PART_MAX bytes; or, with tail > 0, the last tail records below
 * seq before, as far as they fit.  cb comes once, from the loop, also after
 * the journal is gone; data is lent.  why is NULL on success.
 */
typedef void journal_read_fn(const char *data, size_t len, const char *why, void *arg);
void journal_read(uv_loop_t *loop, const char *path, uint64_t from, uint64_t before,
    size_t tail, journal_read_fn *cb, void *arg);

/* The seq of a record's line, or 0. */
uint64_t journal_line_seq(const char *line, size_t len);

/* The same of the last line of whole ones, as journal_read gives them. */
uint64_t journal_last_seq(const char *data, size_t len);

#endif
