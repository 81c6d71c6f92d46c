/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guest_probe.h: the one command that the ladder runs on the devvm, and the reader
 * of what it prints.
 *
 * The command is POSIX sh in one line, for a login shell of any kind.  Each line
 * is printed as soon as it is true; its parts run side by side and each has an end
 * on the guest, GUEST_PROBE_S at most.
 */
#ifndef ENGINE_GUEST_PROBE_H
#define ENGINE_GUEST_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/power/ladder.h"

#define GUEST_PROBE_S 6
#define GUEST_PROBE_LINE_MAX 4096

extern const char guest_probe_all[];  /* up to the disk */
extern const char guest_probe_look[]; /* without sudo and write */

/* What it printed so far; starts as zeroes and seen. */
struct guest_reader {
	struct ladder_seen *seen; /* borrowed */
	char said[RUNGS][160];	  /* why sudo or disk failed; "": nothing yet */
	bool hung[RUNGS];	  /* and then: it gave no answer */
	bool ended;		  /* its last line came */
};

/* Folds one line in, read at ms of the climb.  True: a rung was reached. */
bool guest_reader_line(struct guest_reader *r, const char *line, size_t len, int64_t ms);

/* Nothing more is waited for: of sudo and disk, what did not answer hangs. */
void guest_reader_close(struct guest_reader *r);

#endif
