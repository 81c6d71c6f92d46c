/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * socket-faults.c: preloaded, makes one call on a UNIX stream socket fail.
 *
 * BG_FAULT="CALL:ERRNO:N[:LOG]": the Nth (from 0) CALL of this program, one of read,
 * write (writev and sendmsg count as it), recvmsg or accept, fails with ERRNO; ERRNO 0:
 * it moves one byte only.  LOG is made when it happens.  Children are left alone.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static char call[16], log_path[512];
static int error, left = -1;

__attribute__((constructor)) static void
fault_init(void)
{
	const char *f = getenv("BG_FAULT");

	if (f && sscanf(f, "%15[a-z]:%d:%d:%511s", call, &error, &left, log_path) < 3)
		left = -1;
	unsetenv("BG_FAULT");
	unsetenv("LD_PRELOAD");
}

static int
is_ours(int fd)
{
	int domain = 0, saved = errno;
	socklen_t len = sizeof domain;
	int is = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX;

	errno = saved;
	return is;
}

/* Is it this call's turn? */
static int
strikes(const char *name, int fd)
{
	if (left < 0 || strcmp(name, call) != 0 || !is_ours(fd))
		return 0;
	if (__atomic_fetch_sub(&left, 1, __ATOMIC_SEQ_CST) != 0)
		return 0;
	if (log_path[0])
		close(open(log_path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	return 1;
}

#define REAL(name)                     \
	static __typeof__(name) *real; \
	if (!real)                     \
	*(void **)&real = dlsym(RTLD_NEXT, #name)

ssize_t
read(int fd, void *buf, size_t len)
{
	REAL(read);
	if (!strikes("read", fd))
		return real(fd, buf, len);
	if (!error)
		return real(fd, buf, len ? 1 : 0);
	errno = error;
	return -1;
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	REAL(write);
	if (!strikes("write", fd))
		return real(fd, buf, len);
	if (!error)
		return real(fd, buf, len ? 1 : 0);
	errno = error;
	return -1;
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	REAL(writev);
	if (!strikes("write", fd))
		return real(fd, v, n);
	if (!error)
		return write(fd, v[0].iov_base, 1);
	errno = error;
	return -1;
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(sendmsg);
	if (!strikes("write", fd))
		return real(fd, m, flags);
	if (!error)
		return write(fd, m->msg_iov[0].iov_base, 1);
	errno = error;
	return -1;
}

ssize_t
recvmsg(int fd, struct msghdr *m, int flags)
{
	REAL(recvmsg);
	if (!error || !strikes("recvmsg", fd))
		return real(fd, m, flags);
	errno = error;
	return -1;
}

int
accept4(int fd, struct sockaddr *a, socklen_t *len, int flags)
{
	REAL(accept4);
	if (!error || !strikes("accept", fd))
		return real(fd, a, len, flags);
	errno = error;
	return -1;
}

int
accept(int fd, struct sockaddr *a, socklen_t *len)
{
	return accept4(fd, a, len, 0);
}
