/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * summary.h: an incident in a few words, from its journal.
 *
 * A journal is read whole up to SUMMARY_WHOLE bytes.  Of a longer one the beginning
 * and the end are read, and what could not be counted is told (skipped).
 */
#ifndef RECORD_SUMMARY_H
#define RECORD_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "record/ask.h"

#define SUMMARY_WHOLE (64 * 1024 * 1024)
#define SUMMARY_END (512 * 1024) /* bytes of a beginning and of an end */
#define SUMMARY_VERBS 32	 /* mutating verbs that are told one by one */

enum summary_state {
	SUMMARY_OPEN,	   /* the engine of this user holds it */
	SUMMARY_ELSEWHERE, /* another process writes it */
	SUMMARY_LEFT,	   /* an engine left in order; the incident is open */
	SUMMARY_CLOSED,
	SUMMARY_DIED,  /* the engine that wrote it is gone without a word */
	SUMMARY_EMPTY, /* no record of an incident */
	SUMMARY_STATES
};

struct summary_verb {
	char id[16], verb[16], by[33], state[16];
	int exit; /* -1: none */
	bool mutating, learnt;
};

struct summary {
	char id[VERIFY_ID_MAX], by[33], last_state[16], verdict[24], advice[16];
	char opened[CLOCK_AT_LEN], last[CLOCK_AT_LEN]; /* UTC, "" unknown */
	int64_t opened_ms, last_ms;		       /* -1: unknown */
	enum summary_state state;
	struct summary_verb verbs[SUMMARY_VERBS];
	size_t verb_count, verb_more;
	unsigned looks; /* status and forensics */
	unsigned turns;
	double cost_usd;
	bool costs; /* something said what it costs */
	int64_t bytes, skipped, torn;
	uint64_t records; /* the last number */
};

extern const char *const summary_state_names[SUMMARY_STATES];
extern const char *const summary_state_words[SUMMARY_STATES];

/* budget: bytes that may still be read of all journals; whole is read while it lasts. */
int summary_read(struct summary *s, const char *path, const struct ask *engine,
    int64_t *budget, struct err *err) MUST_CHECK;

/* Milliseconds that it lasted, or has lasted; -1: unknown. */
int64_t summary_lasted(const struct summary *s);

/* "cycle done", "reset refused"; returns out. */
char *summary_verb_text(const struct summary_verb *v, char *out, size_t size);

#endif
