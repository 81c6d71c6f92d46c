/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verify_say.h: what the check of a journal found, for a person and for a program. */
#ifndef RECORD_VERIFY_SAY_H
#define RECORD_VERIFY_SAY_H

#include <stdio.h>

#include "record/verify.h"

struct verify_asked {
	const char *path;
	bool engine;	      /* one runs, and it holds this incident */
	bool anchors;	      /* some were given */
	bool host;	      /* the host was to be asked */
	const char *host_why; /* it was not; NULL: it was */
	size_t host_runs;
};

void verify_say(FILE *to, const struct verify *v, const struct verify_asked *a, int rc);
void verify_say_json(
    FILE *to, const struct verify *v, const struct verify_asked *a, int rc);

#endif
