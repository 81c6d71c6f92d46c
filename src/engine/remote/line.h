/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line.h: one fact as it goes out, printed once and shared by all who send it.
 */
#ifndef ENGINE_LINE_H
#define ENGINE_LINE_H

#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"

#define LINE_RUN_MAX 16 /* bytes of a run's id with its NUL */

struct line {
	unsigned refs;
	enum fact kind;
	uint64_t seq;	 /* 0: wire only */
	uint64_t ticket; /* of a record, the journal's; 0: in no journal */
	/* Of an output fact: what a slow console is told it was not sent. */
	char run[LINE_RUN_MAX];
	int stream;
	uint64_t from, to;
	size_t len; /* LF included */
	char data[];
};

/* Prints m; takes nothing.  The caller holds the one reference. */
struct line *line_new(enum fact kind, uint64_t seq, const struct js *m);

/*
 * The same for a record of the journal: its last member is its h.  head is the
 * chain's and becomes that of this record (wire/chain.h).
 */
struct line *line_record(enum fact kind, uint64_t seq, const struct js *m, char *head);

/* Whole lines that were printed before (from the journal); copies. */
struct line *line_raw(const char *data, size_t len);

struct line *line_ref(struct line *l);
void line_free(struct line *l); /* gives one reference back; NULL is fine */

#endif
