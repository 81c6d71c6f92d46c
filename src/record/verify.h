/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verify.h: is a journal as it was written?
 *
 * Line by line the chain is followed (wire/chain.h).  A line that does not follow
 * from the one before is compared with what else could have stood there, so that
 * what is told is what happened: edited, swapped, missing, inserted, cut.
 *
 *   a line --+-- follows from the line before ------------------> good
 *            +-- follows from the record of its number less one -> swapped, inserted
 *            +-- follows from nothing: it waits for the next line, which tells whether
 *                its own bytes are wrong or what stood before it is gone
 *
 * The chain has no key: who can write the file can write all of it anew.  What shows
 * that is kept elsewhere: anchors, the engine that holds the incident, the host.
 */
#ifndef RECORD_VERIFY_H
#define RECORD_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "wire/chain.h"

#define VERIFY_FINDINGS_MAX 64
#define VERIFY_ID_MAX 40

enum verify_kind {
	VERIFY_EDITED,	  /* bytes of a record are not those it was written with */
	VERIFY_SWAPPED,	  /* a record stands where it was not written */
	VERIFY_MISSING,	  /* records were taken out */
	VERIFY_INSERTED,  /* a line that was not written here */
	VERIFY_CUT,	  /* the end is gone, or is no whole record */
	VERIFY_BROKEN,	  /* chained, but no record of ours */
	VERIFY_REWRITTEN, /* what is kept elsewhere says otherwise */
	VERIFY_LOST,	  /* numbers that no disk and no memory took */
	VERIFY_ODD,	  /* worth knowing */
	VERIFY_KINDS
};

extern const char *const verify_kind_names[VERIFY_KINDS];

struct verify_finding {
	enum verify_kind kind;
	bool damage;   /* else it is worth knowing */
	uint64_t line; /* from 1; 0: none */
	uint64_t seq;  /* 0: unknown */
	int64_t byte;  /* where the line begins; -1: none */
	uint64_t from, to,
	    lost; /* of missing records: their numbers, how many are unseen */
	char text[400];
};

/* What says that the last record is the last. */
enum verify_end { END_NONE, END_CLOSED, END_LEFT, END_ENGINE, END_ANCHOR, VERIFY_ENDS };

struct verify_known {
	uint64_t seq, line;
	char h[CHAIN_HEX + 1];
};

/* A mutating verb that the host has given a name to. */
struct verify_run {
	char id[16]; /* in the journal */
	char name[64];
	int exit; /* -1: the journal has none */
	uint64_t line, seq;
};

#define VERIFY_RUNS_MAX 4096

struct anchors;

struct verify {
	/* what it found */
	char id[VERIFY_ID_MAX]; /* of the incident, as its first record says */
	int version;		/* of the first record: 1, 2; 0: unknown */
	uint64_t lines, unchained, outputs;
	uint64_t last; /* highest number */
	char head[CHAIN_HEX + 1];
	int64_t bytes, torn;
	enum verify_end end;
	char began_at[CLOCK_AT_LEN], end_at[CLOCK_AT_LEN];
	bool damaged;
	struct verify_finding findings[VERIFY_FINDINGS_MAX];
	size_t count;
	uint64_t more; /* findings that found no room */
	uint64_t gaps,
	    lost; /* numbers that are not there, and that were said to be lost */
	uint64_t anchor_count,
	    anchor_last;  /* of this incident, and the highest proven one */
	bool engine_seen; /* a record has the engine's head */
	struct verify_run *runs;
	size_t run_count;
	uint64_t lost_here;   /* of lost, what the engine that writes has counted */
	int64_t host_skew_ms; /* pve's clock minus the engine's, when it was measured */

	/* how far it is */
	const struct anchors *anchors; /* lent; NULL: none */
	const char *engine_head;       /* lent; "" or NULL: none holds it */
	struct verify_known *known;    /* the last ones, by number */
	char prev[CHAIN_HEX + 1];      /* h of the line before; "": it has none */
	uint64_t prev_line, gap_line, last_state_line;
	int64_t gap_byte;
	char last_state[16]; /* of the last incident record */
	bool chained;	     /* a line with an h was seen */
	struct verify_wait {
		bool on, has_h;
		uint64_t line, seq, last; /* last: the highest number before it */
		int64_t byte;
		char computed[CHAIN_HEX + 1];
	} wait; /* the line before follows from nothing */
};

void verify_init(
    struct verify *v, const struct anchors *anchors, const char *engine_head);
void verify_fini(struct verify *v);

/* One whole line without its LF, which begins at this byte; in the file's order. */
void verify_line(struct verify *v, const char *line, size_t len, int64_t byte);

/* No more: bytes of the file, and those behind the last LF. */
void verify_finish(struct verify *v, int64_t bytes, int64_t torn);

/*
 * The host's own list of its runs ("#bg runs list=…" lines, anywhere in the text)
 * against the journal's.  Returns how many the host lists.
 */
size_t verify_host_list(struct verify *v, const char *text, size_t len);

/* The whole file; -1: the disk refused.  v is to be freed in either case. */
int verify_file(struct verify *v, const char *path, struct err *err) MUST_CHECK;

/* RECORD_OK, RECORD_FAILED or RECORD_UNPROVEN. */
int verify_exit(const struct verify *v);

/* The number of a record's line; 0: it has none. */
uint64_t verify_seq(const char *line, size_t len);

/* A finding: damage, or (note) what is worth knowing. */
void verify_add(struct verify *v, enum verify_kind kind, uint64_t line, uint64_t seq,
    int64_t byte, const char *fmt, ...) PRINTF_LIKE(6, 7);
void verify_note(struct verify *v, enum verify_kind kind, uint64_t line, int64_t byte,
    const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
