/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * usual_sum.h: how long mutating verbs took, from the lines of journals; pure.
 *
 * The last USUAL_LAST of each verb that the host ended well count; what is told is
 * the median, so that one night of a slow disk changes little.  A line that is no
 * record, damaged or hostile, is passed over.
 */
#ifndef ENGINE_USUAL_SUM_H
#define ENGINE_USUAL_SUM_H

#include <stddef.h>
#include <stdint.h>

#include "wire/course.h"

#define USUAL_LAST 20

struct usual_ring {
	int64_t ms[USUAL_LAST];
	unsigned count; /* ever; the last USUAL_LAST are kept */
};

struct usual_sum {
	struct course course; /* the one that the records are in */
	bool taken;	      /* it has been counted, as far as it came */
	struct {
		unsigned count;
		struct usual_ring whole, stage[COURSE_STAGES];
	} verb[VERBS];
};

void usual_sum_init(struct usual_sum *s);

/* A record as it stands in a journal, without its LF. */
void usual_sum_line(struct usual_sum *s, const char *line, size_t len);

/* A fact; true: a verb has come to its end, and the sums have changed. */
bool usual_sum_fact(struct usual_sum *s, const struct js *fact);

/* What came after it is added: other journals, which are newer. */
void usual_sum_add(struct usual_sum *s, const struct usual_sum *newer);

/* A journal is at its end: a verb in it that has no end gets none. */
void usual_sum_end(struct usual_sum *s);

/* Members n, ms and stages of a `state` fact "usual"; false: nothing is known. */
bool usual_sum_fill(const struct usual_sum *s, enum verb verb, struct js *fact);

/* Until the devvm is healthy, or off; -1: unknown. */
int64_t usual_sum_ms(const struct usual_sum *s, enum verb verb);

#endif
