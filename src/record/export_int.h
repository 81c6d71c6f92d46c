/* SPDX-License-Identifier: GPL-3.0-or-later */
/* export_int.h: what export.c (from where, to where) and export_parts.c (what) share. */
#ifndef RECORD_EXPORT_INT_H
#define RECORD_EXPORT_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "record/archive.h"
#include "record/ask.h"
#include "record/record.h"
#include "record/verify.h"

struct exporting {
	const struct options *o;
	char *path;   /* of the journal, for those that read it by name */
	int fd;	      /* of the same */
	int64_t size; /* bytes of it that are exported */
	char id[VERIFY_ID_MAX];
	struct verify v;
	struct ask engine;
	bool from_engine; /* no disk has all of it: it came from the engine's memory */
	bool cast;
	char without[512]; /* what could not be added, in words */
	size_t pictures;
};

/* Adds what belongs into a ticket; what cannot be made is said in without. */
int export_parts(struct exporting *e, struct archive_pack *p, struct err *err) MUST_CHECK;

/* Runs the console's recorder on the journal, its output to fd; 0 or -1. */
int export_cast(struct exporting *e, int fd, struct err *err) MUST_CHECK;

/* A file in memory. */
int export_memory(const char *name, struct err *err) MUST_CHECK;

#endif
