/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_proof.h: how far the devvm has come back after a mutating verb: the ladder
 * while it climbs, then what was before and what is now, each judged in a word.
 */
#ifndef CONSOLE_VIEW_PROOF_H
#define CONSOLE_VIEW_PROOF_H

#include "console/draw/lines.h"
#include "model/proof.h"

/*
 * rows: lines that it may take; what is as it should be is left out first.  0: all.
 * now: the engine's clock, for how long it climbs.
 */
void view_proof_render(struct lines *l, const struct proof *p, int rows, int64_t now);

/* "waits for auth, 12 s"; "" when nothing climbs.  tight: "auth? 12 s". */
void view_proof_words(
    const struct proof *p, int64_t now, bool tight, char *out, size_t size);

#endif
