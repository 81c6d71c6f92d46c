/* SPDX-License-Identifier: GPL-3.0-or-later */
/* runbooks.h: which runbooks the engine has, and which files it refuses and why. */
#ifndef MODEL_RUNBOOKS_H
#define MODEL_RUNBOOKS_H

#include "wire/json.h"

#define RUNBOOKS_MAX 32

struct runbook_row {
	char name[33], title[48], description[160];
};

struct runbooks {
	int count, bad_count;
	struct runbook_row row[RUNBOOKS_MAX];
	char bad[RUNBOOKS_MAX][224]; /* "file:line: why" */
};

void runbooks_read(struct runbooks *r, const struct js *fact);

#endif
