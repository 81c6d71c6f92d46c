/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jwalk.h: a JSON text walked once, each scalar handed out with its path.
 *
 * {"return":[{"stats":{"wr_operations":7}}]} gives
 * ("return.0.stats.wr_operations", "7", 1, false).  No tree, no allocation,
 * bounded depth: QEMU's replies are trusted to be JSON, not to be friendly.
 */
#ifndef HOST_JWALK_H
#define HOST_JWALK_H

#include <stdbool.h>
#include <stddef.h>

#define JWALK_DEPTH_MAX 24
#define JWALK_PATH_MAX 256 /* bytes; longer paths are cut */

/*
 * value is lent for the call and not NUL-terminated; a string is raw, between
 * its quotes, escapes untouched.  Objects and arrays themselves are not told.
 */
typedef void jwalk_fn(
    void *arg, const char *path, const char *value, size_t len, bool is_string);

/* 0, or -1 when text is not one JSON value (callbacks may have come already). */
int jwalk(const char *text, size_t len, jwalk_fn *fn, void *arg);

#endif
