/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confirm_text.h: what the box in front of a mutating verb says.
 *
 * First what speaks against it, then what the verdict says of it, then what it
 * changes, then the rest.  Where there is no room the rest goes, from its end.
 */
#ifndef CONSOLE_CONFIRM_TEXT_H
#define CONSOLE_CONFIRM_TEXT_H

#include "console/draw/lines.h"
#include "console/view/view_confirm.h"

/*
 * rows: lines that it may take (what must be said is said all the same); 0: no screen,
 * everything, and keys as commands.  now: the engine's clock.
 */
void confirm_text(struct lines *l, const struct confirm *k, const struct model *m,
    int64_t now, int rows);

#endif
