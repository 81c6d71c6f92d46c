/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * scribe.h: a child that writes a worker's lines to its run file.
 *
 * A write to a file hangs with its disk, in state D, and a worker in there
 * starts no VM again.  So the worker writes to a pipe that never makes it wait,
 * and only the scribe meets the disk.  It syncs at each phase and at the end,
 * where it also gives back what the file reserved and removes old runs.
 */
#ifndef HOST_SCRIBE_H
#define HOST_SCRIBE_H

#include <sys/types.h>

struct scribe {
	pid_t pid; /* 0: there is none, the lines go to the file directly */
	int pipe;
};

/*
 * Starts one for log (borrowed) and the runs of dir.  Returns the descriptor
 * that lines are to be written to.
 */
int scribe_start(struct scribe *s, const char *dir, int log);

/* Lets it end and waits for that a moment; a hung disk is left behind. */
void scribe_end(struct scribe *s);

#endif
