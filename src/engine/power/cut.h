/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cut.h: what an engine that has ended had in hand, told by the next one.
 *
 *   prompt started, no done          --> error (its words), done
 *   prompt queued, never started     --> cancelled (its words)
 *   tool, no tool_end                --> tool_end "failed"
 *   verb asked, never confirmed      --> unknown (a late disk may not have the
 * confirmation)
 *
 * So that nothing stays open on a screen, and an operator can send again what was lost.
 * Nothing is sent again by itself.  Mutating verbs that were confirmed have unfinished.h,
 * questions asks.h.
 */
#ifndef ENGINE_CUT_H
#define ENGINE_CUT_H

#include "engine/record/incident.h"

#define CUT_RUNS_MAX 128 /* open at once; the oldest is forgotten then */
#define CUT_TURNS_MAX 32
#define CUT_VERBS_MAX 32
#define CUT_WORDS_MAX 160 /* bytes of a prompt that are repeated */

struct cut;

struct cut *cut_new(struct incident *incident);
void cut_free(struct cut *c); /* NULL is fine */

/* Records of an incident that is continued, then their end. */
void cut_found(struct cut *c, const struct js *record);
void cut_found_end(struct cut *c);

#endif
