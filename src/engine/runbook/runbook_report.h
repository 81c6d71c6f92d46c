/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_report.h: what a run of a runbook found, did and advises, as Markdown; pure.
 *
 * The engine's verdict is the strongest witness: its advice comes first, and a key
 * that it speaks against, or that is another than its own, is not advised.
 */
#ifndef ENGINE_RUNBOOK_REPORT_H
#define ENGINE_RUNBOOK_REPORT_H

#include "engine/runbook/runbook_eval.h"

#define REPORT_MAX (32 * 1024) /* bytes */

struct runbook_report {
	const struct runbook *rb;
	const struct step_result *results; /* one for each step */
	const struct founds *founds;
	const struct verdict *verdict; /* NULL: none is known */
	bool asked;		       /* this run asked for it: it is told as found */
	const char *silent;	       /* why the devvm does not answer; NULL: it does */
	int64_t ms;
};

/* The whole report.  What does not fit into out is left out. */
void runbook_report(const struct runbook_report *in, struct buf *out);

/* One line, as soon as something is found. */
void runbook_report_found(
    const struct runbook *rb, const struct found *f, struct buf *out);
void runbook_report_verdict(const struct verdict *v, struct buf *out);

/* Does a verdict of this word say that something is wrong? */
bool verdict_is_bad(const struct verdict *v);

/* May this key be advised beside the verdict (NULL: none)? */
bool advice_may_be(enum verb verb, const struct verdict *v);

void markdown_text(struct buf *out, const char *text); /* escaped */
void markdown_code(struct buf *out, const char *text); /* as a code span */

#endif
