/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sheet.h: the lines of one run, told in the order of the table whatever ends first.
 *
 * A line is told as soon as all in front of it are over.  Text is wrapped to the
 * columns, a command that mends is never broken; nothing of it reaches a terminal but
 * through the sanitiser.  With json it is one object a line, docs/json.md.
 */
#ifndef DOCTOR_SHEET_H
#define DOCTOR_SHEET_H

#include <stdio.h>

#include "doctor/checks.h"
#include "doctor/said.h"

struct sheet;

struct sheet_opts {
	FILE *to;
	int columns;
	bool json, offline;
	const char *version; /* borrowed */
};

struct sheet *sheet_new(const struct sheet_opts *opts);
void sheet_free(struct sheet *s);

/*
 * What is said of a check; takes what said holds.  The check is over then; one that is
 * over already keeps what it has.
 */
void sheet_put(struct sheet *s, enum check check, struct said *said);

/* One line of a check with several; name tells which.  It is over with sheet_over. */
void sheet_add(struct sheet *s, enum check check, const char *name, struct said *said);
void sheet_over(struct sheet *s, enum check check);

bool sheet_is_over(const struct sheet *s, enum check check);
/* The result of its first line; RESULT_SKIP while there is none. */
enum result sheet_result(const struct sheet *s, enum check check);
/* It was given up: nothing was seen. */
void sheet_put_late(struct sheet *s, enum check check, struct said *said);
bool sheet_is_late(const struct sheet *s, enum check check);
bool sheet_all_over(const struct sheet *s);

/* The last line: how many of each, and how long it took.  Returns the exit status. */
int sheet_end(struct sheet *s, long ms);

#endif
