/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * archive.h: several files as one, tar with gzip.  The door of libarchive.
 *
 * All files stand in one folder, are of mode 0600 and of nobody in particular: who
 * unpacks a ticket owns it.
 */
#ifndef RECORD_ARCHIVE_H
#define RECORD_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct archive_pack;

/* Written to fd, which stays open.  top: the folder's name; at_s: the files' time. */
struct archive_pack *archive_pack_open(
    int fd, const char *top, int64_t at_s, struct err *err) MUST_CHECK;

int archive_pack_add(struct archive_pack *p, const char *name, const void *data,
    size_t len, struct err *err) MUST_CHECK;

/* The first size bytes of a file; -1 also where it turns out to be shorter. */
int archive_pack_add_fd(struct archive_pack *p, const char *name, int fd, int64_t size,
    struct err *err) MUST_CHECK;

/* Writes the end and frees; p may be NULL.  -1: it is not whole. */
int archive_pack_close(struct archive_pack *p, struct err *err) MUST_CHECK;

#endif
