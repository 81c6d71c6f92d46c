/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pidfd.h: a process held by a descriptor, so that its number cannot become another's. */
#ifndef BASE_PIDFD_H
#define BASE_PIDFD_H

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* -1 with errno: there is no such process, or the kernel is older than 5.3. */
static inline int
pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int
pidfd_kill(int fd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

#endif
