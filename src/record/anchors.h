/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * anchors.h: heads of a journal that were kept elsewhere.
 *
 * The engine tells syslog at each verb "anchor incident=ID seq=N h=HEX"; a foreground
 * engine's standard output has the same as JSON, and every record's h.  The output of
 * journalctl, a file of syslog and a pod's log are read as they are; lines that are
 * none of ours are passed over, and so is what only quotes one of ours.
 */
#ifndef RECORD_ANCHORS_H
#define RECORD_ANCHORS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/chain.h"

#define ANCHORS_MAX 1000000 /* of one incident; more are passed over */

struct anchor {
	uint64_t seq;
	char h[CHAIN_HEX + 1];
};

struct anchors;

struct anchors *anchors_new(void);
void anchors_free(struct anchors *a); /* NULL is fine */

/* Reads a file, or standard input ("-").  0 or -1. */
int anchors_read(struct anchors *a, const char *path, struct err *err) MUST_CHECK;
/* One line of such a text. */
void anchors_line(struct anchors *a, const char *line, size_t len);

/* Those of one incident, by number, lent; NULL and 0: none. */
const struct anchor *anchors_of(const struct anchors *a, const char *id, size_t *count);

#endif
