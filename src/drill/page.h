/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * page.h: how a drill in the lab went: a few lines for the terminal, the head of the
 * report, one object for a program.
 *
 * Each is made of the same steps.  The paper holds words of ours and numbers alone, so
 * that nothing of others can act in it.
 */
#ifndef DRILL_PAGE_H
#define DRILL_PAGE_H

#include <stdio.h>

#include "base/buf.h"
#include "drill/lab.h"
#include "drill/shelf.h"
#include "drill/story.h"
#include "wire/drills.h"
#include "wire/json.h"

#define PAGE_EARLIER 3 /* drills of the same wedge that it is compared with */

struct page {
	const struct story *story;
	const struct lab_wedge *wedge;
	const struct options *config; /* that the engine had */
	const struct shelf *shelf;
	struct drills_record record;
	struct drills_record earlier[PAGE_EARLIER]; /* the newest first */
	size_t n_earlier;
	bool alone;    /* no operator: --auto */
	char why[200]; /* it was not recovered; "" */
};

void page_lines(const struct page *p, FILE *to);
void page_head(const struct page *p, FILE *to);
struct js *page_json(const struct page *p);

/* "3.6 s", "2 min 4 s", or a dash for -1; returns out. */
const char *page_ms(int64_t ms, char *out, size_t size);

#endif
