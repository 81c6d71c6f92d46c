/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_verdict.h: what the engine found, why, what to press and what not.
 *
 * It is made to be seen whole where it arrives: of what does not fit, the evidence
 * is shortened first, then the reasons; the word and the key stay to the last.
 */
#ifndef CONSOLE_VIEW_VERDICT_H
#define CONSOLE_VIEW_VERDICT_H

#include "console/draw/lines.h"
#include "model/verdict.h"

#define VIEW_ROWS_ALL 10000 /* as rows: there is room for everything */

/* rows: lines that it may take.  0: no screen, everything, and keys as commands. */
void view_verdict_render(struct lines *l, const struct verdict *v, int rows);

/* How loud its word is: bad where a power verb is advised, good where all is well. */
uint32_t view_verdict_look(const struct verdict *v);

#endif
