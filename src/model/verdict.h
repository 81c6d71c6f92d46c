/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h: what the engine makes of VM 102, with the evidence, as an operator is
 * shown it.
 *
 * Pure and clean: every string may go to a terminal.  A verdict grows old in two
 * ways: time passes, and a mutating verb changes what it spoke of.
 */
#ifndef MODEL_VERDICT_H
#define MODEL_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

#define VERDICT_EVIDENCE_MAX 12
#define VERDICT_AGAINST_MAX 6
#define VERDICT_FRESH_MS                                                \
	(10 * 60 * 1000) /* so long it is a reason for or against a key \
			  */

struct verdict_against {
	char verb[16], why[200];
};

struct verdict {
	bool known;
	bool partial;  /* a part of the evidence is missing */
	bool climbing; /* and is being looked for */
	bool outdated; /* a mutating verb was sent since */
	char word[32], advice[16], why[256], todo[512];
	char id[16]; /* the verb whose capture it used */
	char host_word[32], host_program[16], by[33], at[9];
	int64_t checked; /* the engine's monotonic clock */
	int evidences, againsts;
	char evidence[VERDICT_EVIDENCE_MAX][168];
	struct verdict_against against[VERDICT_AGAINST_MAX];
};

/* Replaces *v by what a `verdict` fact says. */
void verdict_read(struct verdict *v, const struct js *fact);

/* The verb that it advises (an enum verb), or -1. */
int verdict_advice(const struct verdict *v);

/* Why that verb (an enum verb) cannot help or destroys evidence now; NULL: nothing. */
const char *verdict_against(const struct verdict *v, int verb);

/* May it still speak for or against a key?  now: the engine's clock. */
bool verdict_is_fresh(const struct verdict *v, int64_t now);

bool verdict_is_healthy(const struct verdict *v);

/*
 * Is its word one to ask behind?  What is seen to work does work, whatever else was
 * not looked at: a healthy one is doubtful only while more is looked for.
 */
bool verdict_is_doubtful(const struct verdict *v);

/*
 * What to do about the VM: without how our host program is installed, which is told
 * beside the verdict, too.  May be "".
 */
char *verdict_todo(const struct verdict *v, char *out, size_t size);

/* The same word, advice, things to do and not to do: nothing new for a reader. */
bool verdict_is_same(const struct verdict *a, const struct verdict *b);

#endif
