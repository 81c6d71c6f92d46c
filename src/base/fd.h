/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fd.h: descriptors and the paths that name them, with the checks that keep
 * them ours.  Every descriptor made here is close-on-exec.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

#define FD_SOCKET_PATH_MAX 107 /* bytes, sun_path less its NUL */

/*
 * Makes dir (and its parents) 0700 where it does not exist, and refuses with
 * ERR_DENIED one that is a symbolic link, another uid's, or open to others:
 * the words name the mend.
 */
int fd_own_dir(const char *dir, struct err *err) MUST_CHECK;

/*
 * The same for a directory that need not be secret: others may read it, but it is
 * ours or root's, and others can write in it only where it is sticky.
 */
int fd_safe_dir(const char *dir, struct err *err) MUST_CHECK;

/*
 * Reads a file of at most max bytes into a new NUL-terminated string.
 * Caller frees.  A FIFO, a device or a directory is refused.
 */
char *fd_read_file(
    const char *path, size_t max_bytes, size_t *len, struct err *err) MUST_CHECK;

/*
 * Binds and listens, or connects (who does not let us in within 5 s hangs); returns the
 * descriptor, blocking, or -1.
 */
int fd_listen(const char *path, struct err *err) MUST_CHECK;
/* The same, with a mode of its own from the first moment on, not 0600. */
int fd_listen_mode(const char *path, mode_t mode, struct err *err) MUST_CHECK;
int fd_connect(const char *path, struct err *err) MUST_CHECK;

int fd_nonblock(int fd); /* 0 or -1 */

/* All of it, on a descriptor that blocks; -1 with errno, and a part may be written. */
int fd_write_all(int fd, const void *data, size_t len) MUST_CHECK;

/*
 * Is this one, just made, among the last `kept` that this process may have?  The
 * kernel hands out the lowest free number, so at most so many are left.
 */
bool fd_is_of_the_last(int fd, unsigned kept);

/* uid and pid of the process at the other end of a UNIX socket; 0 or -1. */
int fd_peer(int fd, uid_t *uid, pid_t *pid);

/* That process, held (pidfd.h); -1: a kernel before 6.5 cannot. */
int fd_peer_pidfd(int fd);

/* An empty file without a name, in memory; -1 with errno. */
int fd_memory(const char *name) MUST_CHECK;

#endif
