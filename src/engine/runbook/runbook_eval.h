/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_eval.h: what a runbook's steps gave, and what its findings make of it; pure.
 *
 * A finding is decided behind the last step that it looks at, and only when all of
 * them have run (".failed" looks at one that could not).  Text of hosts is made
 * harmless when it is taken: one line, no control or hidden character.
 */
#ifndef ENGINE_RUNBOOK_EVAL_H
#define ENGINE_RUNBOOK_EVAL_H

#include <stdint.h>

#include "base/buf.h"
#include "engine/runbook/runbook.h"
#include "engine/power/verdict.h"

#define STEP_OUTPUT_MAX (256 * 1024) /* bytes of a stream that patterns see: its head */
#define FOUND_MAX 48		     /* of one run */
#define FOUND_GROUP_MAX 160	     /* bytes of a group with its NUL */
#define FOUND_PROOF_MAX 240	     /* bytes of the line that proves it */

enum result_state {
	RESULT_NONE,	/* not yet, or not at all */
	RESULT_RAN,	/* it ended by itself */
	RESULT_FAILED,	/* it could not be run to its end; failed says why */
	RESULT_SKIPPED, /* for the reason that failed says */
};

struct step_result {
	enum result_state state;
	struct buf out, err;
	int exit;
	char failed[300];
	bool unreached; /* failed: the host was never asked */
	int64_t ms;
	int64_t at_s; /* when it ended, since 1970 */
	bool has_verdict;
	struct verdict verdict;
};

struct found {
	int finding;
	int groups;
	char group[PATTERN_GROUPS + 1][FOUND_GROUP_MAX]; /* [1]..; "" not part of it */
	bool has[PATTERN_GROUPS + 1];
	char proof[FOUND_PROOF_MAX];
	bool gone; /* a repair's check did not see it any more */
};

struct founds {
	struct found *all;
	size_t count;
	/* Patterns that were given up: "FILE:LINE: why", for the operator. */
	char trouble[4][300];
	size_t trouble_count;
};

void step_result_init(struct step_result *r);
void step_result_fini(struct step_result *r);

/* Adds what the findings that step decides make of results (one for each step). */
void runbook_eval(const struct runbook *rb, const struct step_result *results, int step,
    struct founds *into);
void founds_fini(struct founds *f);

/* The same thing again: by $1, which should name it. */
bool found_is_same(const struct found *a, const struct found *b);

/* What one finding makes of them now. */
void runbook_eval_one(const struct runbook *rb, const struct step_result *results,
    int finding, struct founds *into);

/*
 * text with $1.. filled in, a new string.  In prose a group's Markdown is escaped,
 * unless plain; in back-quotes, where an operator may copy a command, it is quoted
 * for a shell.
 */
char *found_fill(const struct found *f, const char *text, bool plain);

/* A repair's command with $1.. filled in; NULL: a group is no plain word. */
char *found_command(const struct found *f, const char *command);

#endif
