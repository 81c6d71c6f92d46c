/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * trusted.h: a small file that says who may do what, read only when nobody else could
 * have written it.
 *
 * Links are followed; the file itself is a regular one of ours or root's that neither
 * its group nor others can write.  One with secrets besides has nothing for others, and
 * is read by a group only where that is ours.  It waits for the disk: thread pool.
 */
#ifndef ENGINE_TRUSTED_H
#define ENGINE_TRUSTED_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * The whole text, NUL-terminated, at most max bytes: the caller wipes and frees it.
 * NULL: ERR_DENIED with the exact mend, or why it cannot be read.
 */
char *trusted_read(
    const char *path, bool secret, size_t max, size_t *len, struct err *err) MUST_CHECK;

#endif
