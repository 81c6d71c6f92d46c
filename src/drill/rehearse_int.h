/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rehearse_int.h: what the files of a drill in the lab share, and nobody else. */
#ifndef DRILL_REHEARSE_INT_H
#define DRILL_REHEARSE_INT_H

#include "drill/child.h"
#include "drill/drill.h"
#include "drill/lab.h"
#include "drill/page.h"
#include "drill/room.h"
#include "drill/shelf.h"
#include "drill/story.h"

struct rehearsal {
	struct drill *d;
	struct lab lab;
	struct lab_wedge wedges[LAB_WEDGES_MAX], *wedge; /* NULL: none is to be made */
	size_t n_wedges;
	struct lab_vars vars;
	struct room room;
	struct shelf shelf;
	struct story story;
	struct page page;
	bool begun; /* the wedge was made: there is something to tell */
	bool quiet; /* no key was advised, and none would have helped: no recovery */
};

/* rehearse_keep.c: report, journal and record, once the engine has left. */
int rehearse_keep(struct rehearsal *r, struct err *err) MUST_CHECK;
void rehearse_tell_end(const struct rehearsal *r);

#endif
