/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * confirm_why.h: what speaks against a verb now, and whether that has changed since an
 * operator read it.
 *
 * A fresh verdict speaks first; without one the state alone does.  Pure.
 */
#ifndef CONSOLE_CONFIRM_WHY_H
#define CONSOLE_CONFIRM_WHY_H

#include "console/view/view_confirm.h"

#define CONFIRM_WHY_MAX 320 /* bytes of a reason */

/*
 * Why this verb cannot help or cannot work, one sentence; false: nothing is known that
 * says so.  now: the engine's clock.  keys: other verbs are named by their F-keys, else
 * as commands.
 */
bool confirm_against(
    const struct model *m, int verb, int64_t now, bool keys, char *out, size_t size);

/*
 * Compares what the box warns of with what it warned of when it was read, and takes it
 * as read.  Returns whether it has changed; why (CONFIRM_ANEW_MAX + 1 bytes): a sentence.
 * The first call only reads.
 */
bool confirm_has_changed(
    struct confirm *k, const struct model *m, int64_t now, char *why);

#endif
