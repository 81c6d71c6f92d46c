/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * locked.h: memory for what must not get out of this process.
 *
 * From memfd_secret where the kernel gives it: then not even the kernel maps these
 * pages, and neither /proc/PID/mem nor ptrace can read them, root's included.  Else
 * ordinary pages that are locked, out of core files and empty in a child.
 */
#ifndef BASE_LOCKED_H
#define BASE_LOCKED_H

#include <stddef.h>

#include "base/err.h"

enum locked_kind {
	LOCKED_PLAIN, /* may be swapped out (ulimit -l), or be in a core or a fork */
	LOCKED_MLOCK,
	LOCKED_SECRETMEM
};

/* Zeroed; err where there is no memory at all.  kind may be NULL. */
void *locked_new(size_t size, enum locked_kind *kind, struct err *err) MUST_CHECK;

/* The same without memfd_secret, for what is large or grows. */
void *locked_new_ordinary(
    size_t size, enum locked_kind *kind, struct err *err) MUST_CHECK;

void locked_free(void *p, size_t size); /* wipes; NULL is fine */

const char *locked_kind_name(enum locked_kind kind); /* "memfd_secret", "mlock", … */

#endif
