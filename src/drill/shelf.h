/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shelf.h: what a drill leaves in the operator's sessions directory: its report
 * drill-UTC.md, its journal drill-UTC.jsonl beside it, each 0600 and whole or not there,
 * and its line in drills.jsonl.  The incidents there are not touched.
 */
#ifndef DRILL_SHELF_H
#define DRILL_SHELF_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/drills.h"

struct shelf {
	char *dir;
	char name[48]; /* "drill-20261127T154500Z", with "-2" where that is taken */
};

/* The directory is made where it is missing; ERR_DENIED: it is not ours alone. */
int shelf_open(
    struct shelf *s, const char *sessions_dir, int64_t at_ms, struct err *err) MUST_CHECK;
void shelf_fini(struct shelf *s);

/* The path of NAME.SUFFIX; new string. */
char *shelf_path(const struct shelf *s, const char *suffix);

/* Writes NAME.SUFFIX, or copies a file to it. */
int shelf_write(const struct shelf *s, const char *suffix, const struct buf *text,
    struct err *err) MUST_CHECK;
int shelf_copy(const struct shelf *s, const char *suffix, const char *from,
    struct err *err) MUST_CHECK;

int shelf_record(
    const struct shelf *s, const struct drills_record *r, struct err *err) MUST_CHECK;

#endif
