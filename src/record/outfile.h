/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outfile.h: a file that is there whole or not at all.
 *
 * It is written beside its place under another name, 0600, synced, and only then
 * given its name.  What is there already stays, unless force says otherwise.
 */
#ifndef RECORD_OUTFILE_H
#define RECORD_OUTFILE_H

#include <stdbool.h>

#include "base/err.h"

struct outfile {
	int fd;
	char *path, *temporary; /* temporary NULL: standard output */
	bool force;
};

/* path "-": standard output.  0 or -1. */
int outfile_open(
    struct outfile *f, const char *path, bool force, struct err *err) MUST_CHECK;

/* Syncs and gives it its name; -1: it is not there.  Frees in either case. */
int outfile_keep(struct outfile *f, struct err *err) MUST_CHECK;

/* It is not there; also after outfile_keep, and where outfile_open failed. */
void outfile_drop(struct outfile *f);

#endif
