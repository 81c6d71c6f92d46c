/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * show_record.h: one record of a journal as lines for a person.
 *
 * A head ("03:12:07.123 12 anna verb v1 cycle: confirmed"), and below it what was
 * said or printed, indented and cut at a stated length.  Kinds that are not known are
 * shown by their members.  Output that goes on has no head of its own.  All of it passes
 * the sanitiser.
 */
#ifndef RECORD_SHOW_RECORD_H
#define RECORD_SHOW_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct js;

struct show {
	FILE *to;
	int columns;
	char day[11]; /* of the record before, "" at first: a new one is told */
	size_t body_lines, body_bytes; /* of one record; 0: all */
	/* Of the output that was shown last, when its line was whole. */
	char run[32], stream[8];
	int64_t next_off;
};

void show_record(struct show *s, const struct js *m);

/* A line that is no record. */
void show_bad(struct show *s, uint64_t line, const char *text, size_t len);

#endif
