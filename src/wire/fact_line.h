/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fact_line.h: a fact as one line for a person who has no screen.
 *
 * The text is as it came: whoever shows it on a terminal cleans it (base/scrub.h).
 * Long texts are cut; the journal has all of them.
 */
#ifndef WIRE_FACT_LINE_H
#define WIRE_FACT_LINE_H

#include <stdbool.h>

#include "base/buf.h"
#include "wire/json.h"

#define FACT_LINE_MAX 2000 /* bytes */

/*
 * Appends "HH:MM:SS by what happened", without a line end; out has a maximum of
 * FACT_LINE_MAX or more.  False, and nothing is appended: there is nothing to say
 * (welcome, delta, caught_up).
 */
bool fact_line(const struct js *m, struct buf *out);

/*
 * Appends what happened, as fact_line does behind the name.  but: a member that the
 * caller shows himself (a body), or NULL.
 */
void fact_words(const struct js *m, const char *but, struct buf *out);

/* Appends the members as "name value name value", without those that name the fact
 * itself (t, seq, at, mono_ms, by, what, h). */
void fact_members(const struct js *m, struct buf *out);

#endif
