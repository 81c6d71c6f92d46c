/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pattern.h: regular expressions over what hosts say; the one door of PCRE2.
 *
 * Perl's syntax, UTF-8 with Unicode's classes; ^ and $ are the ends of a line.
 * A subject may hold any bytes: what is no UTF-8 matches nothing.  A pattern that
 * explodes ends after PATTERN_STEPS_MAX steps, some milliseconds, with words; a
 * pattern may be used by several threads at once.
 */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define PATTERN_MAX 512 /* bytes of a pattern */
#define PATTERN_GROUPS 9
#define PATTERN_STEPS_MAX 1000000 /* of one walk over a subject */
#define PATTERN_LOOK_STEPS 200000 /* of the looks at one piece of a text that goes on */

struct pattern;

struct pattern_match {
	size_t start, end; /* of the whole match, in bytes of the subject */
	int groups;	   /* as the pattern has them, at most PATTERN_GROUPS */
	struct {
		bool set; /* this group took part */
		size_t start, len;
	} group[PATTERN_GROUPS + 1]; /* [0] is the whole */
};

/* Steps that are left; one for all the calls of a walk. */
struct pattern_budget {
	long steps;
};

/* NULL: err says what is wrong with it, and at which byte. */
struct pattern *pattern_new(const char *text, size_t len, struct err *err) MUST_CHECK;
void pattern_free(struct pattern *p); /* NULL is fine */

int pattern_groups(const struct pattern *p);

/* The first match at or behind from.  1: found, 0: none, -1: budget or limit passed. */
int pattern_find(const struct pattern *p, const char *subject, size_t len, size_t from,
    struct pattern_budget *budget, struct pattern_match *m, struct err *err) MUST_CHECK;

/*
 * The same for texts that are looked at all the time, and go on: of bytes, not of
 * characters; without groups; never a match of no length; with a limit of ways at each
 * place besides the budget.
 */
struct pattern *pattern_new_plain(
    const char *text, size_t len, struct err *err) MUST_CHECK;

/*
 * The first match at or behind from.  1: found; 0: none; 2: at m->start begins what
 * may be one when more of the text has come (last: nothing comes); -1: it gave up.
 */
int pattern_look(const struct pattern *p, const char *subject, size_t len, size_t from,
    bool last, struct pattern_budget *budget, struct pattern_match *m) MUST_CHECK;

#endif
