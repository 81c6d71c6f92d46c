/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * drills.h: the record of drills, SESSIONS_DIR/drills.jsonl.
 *
 * One JSON object a line, appended and never changed, 0600; "breakglass drill" writes
 * it, doctor and the next drill read it.  Only its end is read, whatever its size, and
 * nothing in it is trusted: a line that is too long, no JSON, or not a drill's is
 * passed over, and a text is taken only where it has nothing but plain letters.
 * It waits for the disk.
 */
#ifndef WIRE_DRILLS_H
#define WIRE_DRILLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DRILLS_FILE "drills.jsonl"
#define DRILLS_LINE_MAX 4096	     /* bytes of a line; a longer one is passed over */
#define DRILLS_READ_MAX (256 * 1024) /* bytes of the file's end that are read */

enum drills_kind {
	DRILLS_LAB,  /* a wedge was made in the lab, and VM 102 brought back */
	DRILLS_SITE, /* the real site was looked at, nothing was changed there */
	DRILLS_KINDS
};

/* What of a recovery was reached when, counted from the moment the wedge held. */
enum drills_step {
	DRILLS_NOTICED, /* the devvm's connection, or a status, said that it is ill */
	DRILLS_KEY,	/* the first request of an operator */
	DRILLS_SENT,	/* the mutating verb that recovered it went to the host */
	DRILLS_GONE,	/* the old QEMU process was gone */
	DRILLS_RUNNING, /* the host said that VM 102 runs */
	DRILLS_SSH,	/* the devvm took a login */
	DRILLS_PROVEN,	/* command, sudo and a write with sync: recovered */
	DRILLS_STEPS
};

struct drills_record {
	enum drills_kind kind;
	bool ok;
	int64_t at_ms;	  /* when it began; the wall clock */
	int64_t total_ms; /* -1: not told, as of one that was not brought to its end */
	char wedge[32];	  /* "" where there was none */
	char report[48];  /* the report's name, a file beside the record; "" none */
	char version[32];
	int64_t step_ms[DRILLS_STEPS]; /* -1: did not occur */
};

extern const char *const drills_kind_names[DRILLS_KINDS];
extern const char *const drills_step_names[DRILLS_STEPS]; /* "noticed", "key" … */

/* SESSIONS_DIR/drills.jsonl; new string. */
char *drills_path(const char *sessions_dir);

/*
 * The newest drills of a kind (and of a wedge, where that is not NULL) come first, at
 * most max.  *count is how many; a file that is not there has none.  0, or -1: the
 * file cannot be read, and the words say why.
 */
int drills_read(const char *path, enum drills_kind kind, const char *wedge,
    struct drills_record *out, size_t max, size_t *count, struct err *err) MUST_CHECK;

/* The last drill of a kind: 1, 0 there is none, or -1. */
int drills_last(const char *path, enum drills_kind kind, struct drills_record *out,
    struct err *err) MUST_CHECK;

/*
 * Appends one, whole and synced; makes the file 0600.  A torn last line is ended first.
 * -1: not ours, no regular file, or the disk refused.
 */
int drills_append(
    const char *path, const struct drills_record *r, struct err *err) MUST_CHECK;

#endif
