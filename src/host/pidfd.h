/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pidfd.h: a process held by a descriptor, so that its number cannot become another's. */
#ifndef HOST_PIDFD_H
#define HOST_PIDFD_H

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int
pidfd_of(pid_t pid) /* -1 with errno */
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static inline int
pidfd_kill(int fd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, fd, sig, NULL, 0);
}

#endif
