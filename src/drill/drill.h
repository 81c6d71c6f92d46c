/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drill.h: a rehearsal, from its first word to its line in the record of drills.
 *
 *   lab   the lab (contrib/lab) is started, an engine of the drill's own beside it; VM
 *         102 is made ill, and brought back: by an operator at the real screen, or by
 *         the runbook and the key that it advises.  The clock runs from the wedge to the
 *         proof of recovery.  Nothing outside this machine is spoken to.
 *   site  the real site is looked at through the ordinary engine: status, forensics and
 *         the climb into the devvm.  No word that changes it can be said by this code.
 *
 * A drill is a conductor of programs: lab, engine, console, the one-shot commands and
 * record are the real ones.  What happened is read from the journal that they left.
 */
#ifndef DRILL_DRILL_H
#define DRILL_DRILL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "command.h"
#include "wire/drills.h"

/* What was asked for. */
struct drill {
	const struct command_opts *c; /* name, verbose, json; the operator's settings */
	const char *program;	      /* "breakglass" itself, with its path */
	const char *wedge;	      /* NULL: the usual one */
	const char *guest;	      /* of the lab; NULL: its own choice */
	bool alone;		      /* nobody is at the screen: --auto */
	bool keep, linear, site, list;
	int64_t began_ms; /* the monotonic clock */
};

#define DRILL_WEDGE "frozen" /* the usual one */
#define DRILL_ANY "any"	     /* one that a verb cures; which one is told afterwards */
#define DRILL_NONE "none"    /* a healthy guest, to try keys on; no drill */

/* Each returns the exit code. */
int drill_lab(struct drill *d);
int drill_list(struct drill *d);
int drill_site(struct drill *d);

/* "[ 12 s] words" for people: on standard output, with --json on standard error. */
void drill_say(const struct drill *d, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "breakglass: words" on standard error, clean; the exit code that err's code means. */
int drill_fail(const struct err *err);

#endif
