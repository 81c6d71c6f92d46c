/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outcome.h: what became of a mutating verb whose end we have not seen.
 *
 * Pure: what we know of it beside what the host says.  It is recognised by the
 * host's own name for it; when that never arrived, by verb and time.
 */
#ifndef ENGINE_OUTCOME_H
#define ENGINE_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/power/hostjob.h"
#include "wire/messages.h"

/* A run that has no name yet began at the host at most so long before (clocks and
 * whole seconds) and after (a slow link) its confirmation. */
#define OUTCOME_BEFORE_MS 3000
#define OUTCOME_AFTER_MS 60000
/* What was sent is at the host by then, or never will be. */
#define OUTCOME_GRACE_MS 5000

enum outcome {
	OUTCOME_UNKNOWN,
	OUTCOME_RUNNING,
	OUTCOME_DONE,
	OUTCOME_FAILED,
	OUTCOME_INTERRUPTED,
	OUTCOME_NEVER_RAN,
	OUTCOMES
};

struct mutation {
	char id[16]; /* of its facts: "v3"; "": none of this incident's */
	char verb[16];
	char by[WIRE_NAME_MAX + 1], asked[16];
	char at[32];		       /* confirmed, as text */
	int64_t at_ms;		       /* the same, wall clock */
	char host_run[HOSTJOB_ID_MAX]; /* "": it never arrived */
	bool overtaken;		       /* a later one has run since */
	bool closed; /* its end, or that nobody knows it, is in the journal */
};

struct outcome_of {
	enum outcome outcome;
	bool final;		       /* the host will not say more than this */
	long rc;		       /* of DONE and FAILED */
	char host_run[HOSTJOB_ID_MAX]; /* the host's name, when it is known now */
	char word[32];	 /* phase of RUNNING and INTERRUPTED, state of DONE and FAILED */
	const char *why; /* of a final UNKNOWN: a clause; static */
	char said[HOSTJOB_WHY_MAX]; /* of FAILED: why and what to do, the host's words */
};

const char *outcome_name(enum outcome o);

/*
 * is_others says of a run at the host that it belongs to another verb of ours.
 * now_ms: wall clock.
 */
struct outcome_of outcome_judge(const struct mutation *m, const struct hostjob *j,
    int64_t now_ms, bool (*is_others)(const char *host_run, void *arg), void *arg);

/* A sentence without its full stop: "cycle by ann (03:12:07Z) never ran: …". */
void outcome_words(
    const struct mutation *m, const struct outcome_of *o, char *out, size_t size);

/* The one sensible next verb, or "". */
const char *outcome_key(const struct mutation *m, const struct outcome_of *o,
    const char *status, int64_t now_ms);

/* Nothing is left to do: its end is known, and the VM is as it wanted it. */
bool outcome_is_settled(const struct mutation *m, const struct outcome_of *o,
    const char *status, int64_t now_ms);

#endif
