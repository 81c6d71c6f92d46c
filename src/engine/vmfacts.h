/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vmfacts.h: what the host program's lines say about VM 102.
 *
 * Lines of any verb are fed here; the picture is complete at the run's end.
 * A host without our program prints "status: running" and no marks: that is
 * read too, and the picture says that the host program is old.
 */
#ifndef ENGINE_VMFACTS_H
#define ENGINE_VMFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/hostjob.h"
#include "wire/json.h"

#define VMFACTS_STAGED_MAX 32 /* staged settings that are shown */

struct vmfacts {
	char status[32]; /* "" until something said so */
	char qmp[16];
	char lock[48];
	char verdict[24], advice[16], why[256];
	long pid;
	int64_t status_ms;
	bool marks;	     /* the host program is ours */
	bool plain;	     /* an old program's status line was seen */
	struct hostjob host; /* verbs at the host; a status tells */
	struct js *staged;   /* array; NULL: none */
	/* While reading. */
	bool in_pending;
};

/* Forgets what one reading left behind; status, pid and so on stay. */
void vmfacts_begin(struct vmfacts *v);
void vmfacts_line(struct vmfacts *v, const char *line, size_t len);

/* Fills a state fact of kind "vm". */
void vmfacts_fill(const struct vmfacts *v, struct js *fact);
void vmfacts_fini(struct vmfacts *v);

#endif
