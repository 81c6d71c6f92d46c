/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_disk.h: the file behind the journal; what may hang runs here, in the
 * thread pool, one call at a time.
 *
 *   |.......... on the disk ..........|... in the file ...|.. this write ..|
 *   0                                 base                end
 *
 * Bytes stand at places of their own (pwrite), so a write that failed in its
 * middle is simply written again.  After any failure the descriptor is not
 * trusted: the kernel tells an error of a sync once, and what it then counts as
 * clean may be lost.  The file is opened anew, and all that was written since the
 * last good sync is written again (journal_disk keeps those bytes).
 *
 * The file is locked (flock) from its first opening on: there is one writer.
 */
#ifndef ENGINE_JOURNAL_DISK_H
#define ENGINE_JOURNAL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

#define JOURNAL_UNSYNCED_MAX (1024 * 1024) /* bytes; then a write syncs by itself */

struct journal_disk {
	char *path; /* NULL: no file */
	int fd;	    /* -1: to be opened */
	int lock;   /* holds the lock; often fd itself */
	bool fresh; /* nothing was written yet: a torn tail is cut first */
	bool made;  /* its name in the folder is not synced */
	bool failed;
	off_t base;
	struct buf unsynced;
	size_t rewritten; /* bytes that the last good write had to write again */
};

void journal_disk_init(struct journal_disk *d);
void journal_disk_close(struct journal_disk *d);

/*
 * Bytes go to this file from now on.  lock: a descriptor that holds its lock
 * already (takes it), or -1.  Nothing is done before the next write.
 */
void journal_disk_use(struct journal_disk *d, const char *path, int lock);

/*
 * Opens the file where it is not, writes, and syncs: when asked to, or when much
 * has not been for long (then *sync becomes true).  -1: the caller comes again
 * with the same bytes.
 */
int journal_disk_write(struct journal_disk *d, const char *data, size_t len, bool *sync,
    struct err *err) MUST_CHECK;

/* Locks it without waiting.  -1: somebody else has it. */
int journal_disk_lock(int fd);

/* len bytes, or fewer at the end of the file; -1 with errno. */
ssize_t journal_disk_read(int fd, char *data, size_t len, off_t at);

/* Behind the last LF before end, or -1 with errno. */
off_t journal_disk_whole(int fd, off_t end);

#endif
