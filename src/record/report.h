/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * report.h: a post-mortem from a journal alone, with no AI.
 *
 *   records --> facts (one JSON object, bounded) --> Markdown
 *
 * The pass over the file keeps what matters and counts the rest, so that the longest
 * journal needs no more memory than a page of paper; the same journal gives the same
 * bytes.  Text of others is data: in the object as it came, on paper scrubbed and
 * with no Markdown or HTML left in it that could act.
 */
#ifndef RECORD_REPORT_H
#define RECORD_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "wire/json.h"

struct report;

/* began_ms: when it began by an operator's word, since 1970; -1: not said. */
struct report *report_new(int64_t began_ms);
void report_free(struct report *r); /* NULL is fine */

/* One whole line of the journal, in the file's order. */
void report_line(struct report *r, const char *line, size_t len);

/* No more comes.  What was found; lent until report_free.  Members may be added. */
struct js *report_facts(struct report *r);

/* The facts as Markdown. */
void report_print(const struct js *facts, FILE *to);

#endif
