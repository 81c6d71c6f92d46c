/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runbook_int.h: what the files of the runbook parser share, and nobody else. */
#ifndef ENGINE_RUNBOOK_INT_H
#define ENGINE_RUNBOOK_INT_H

#include "engine/runbook/runbook.h"

/* A piece of the file; nothing is copied while it is read. */
struct span {
	const char *at;
	size_t len;
};

struct reader {
	struct runbook *rb;
	const char *at, *end;		  /* what is left of the file */
	int line;			  /* of what was read last */
	char title[RUNBOOK_TEXT_MAX + 1]; /* the last heading */
	struct err *err;
};

/* All of a fence: its first line and what it holds. */
struct fence {
	struct span info; /* behind the back-quotes */
	struct span body;
	int line;      /* of the fence; its body begins on the next */
	char word[16]; /* the first of info */
};

/* Refuses at this line; -1. */
int runbook_bad(struct reader *r, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

bool span_is(struct span s, const char *word);
struct span span_trim(struct span s);
struct span span_word(struct span *s); /* takes the next word; empty: no more */
struct span span_line(struct span *s); /* takes the next line without its end */
int span_int(struct span s, int least, int most); /* or -1 */
char *span_dup(struct span s);
bool span_id(struct span s, char out[RUNBOOK_NAME_MAX + 1]); /* a name, copied */

/* runbook_finding.c */
int runbook_take_finding(struct reader *r, const struct fence *f);

/* runbook_check.c: names become numbers; missing blocks, loops, $N that is none. */
int runbook_check(struct reader *r);

#endif
