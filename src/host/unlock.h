/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * unlock.h: breakglass-pve --remove-lock, the operator's one way past a lock.
 *
 * Typed by root on the host, never sent over the key.  It looks for the holder
 * and runs "qm unlock 102" only when nobody lives who could hold it; what it
 * found is said and logged.  No verb does this, whatever is locked.
 */
#ifndef HOST_UNLOCK_H
#define HOST_UNLOCK_H

#include <stdbool.h>

struct site;

/* Returns the exit code: 0 unlocked or not locked, 5 the holder lives. */
int unlock_do(const struct site *s, bool by_root);

#endif
