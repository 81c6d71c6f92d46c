/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * refusals.h: what somebody said that is no request of ours, on record once.
 *
 * One record each, in the name of who said it, with at most 200 bytes of it;
 * no more than 600 within a minute, so that nobody can fill the journal.
 */
#ifndef ENGINE_REFUSALS_H
#define ENGINE_REFUSALS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/record/incident.h"

struct refusals {
	int64_t since_ms;
	int count;
};

/* fact: FACT_ERROR or FACT_NOTE.  what: its bytes, or NULL. */
void refusals_tell(struct refusals *r, struct incident *i, enum fact fact, const char *by,
    const char *text, const char *what, size_t len);

#endif
