/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "disk_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fault fault;
atomic_int calls_pwrite, calls_fdatasync, calls_fsync, calls_flock, calls_open,
    calls_ftruncate, calls_pread, closed_fd = -1;

int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
int __real_fstat(int fd, struct stat *st);
int __real_flock(int fd, int how);
ssize_t __real_pread(int fd, void *to, size_t len, off_t at);
ssize_t __real_pwrite(int fd, const void *from, size_t len, off_t at);
int __real_ftruncate(int fd, off_t len);
int __real_fdatasync(int fd);
int __real_fsync(int fd);
off_t __real_lseek(int fd, off_t at, int whence);

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_flock(int fd, int how);
ssize_t __wrap_pread(int fd, void *to, size_t len, off_t at);
ssize_t __wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t at);
int __wrap_ftruncate(int fd, off_t len);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
off_t __wrap_lseek(int fd, off_t at, int whence);

void
fault_set(const char *call, int after, int times, int error)
{
	fault.call = call;
	fault.after = after;
	fault.times = times;
	fault.error = error;
}

void
fault_none(void)
{
	memset(&fault, 0, sizeof fault);
}

/* 0: it is well; else what goes wrong, errno set. */
static int
strikes(const char *call)
{
	if (!fault.call || strcmp(fault.call, call) != 0)
		return 0;
	if (fault.after > 0) {
		fault.after--;
		return 0;
	}
	if (fault.times <= 0)
		return 0;
	fault.times--;
	errno = fault.error > 0 ? fault.error : 0;
	return fault.error;
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	calls_open++;
	if (fault.path && strstr(path, fault.path) && strikes("open"))
		return -1;
	return __real_open(path, flags, mode);
}

int
__wrap_close(int fd)
{
	closed_fd = fd;
	return __real_close(fd);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	int rc;

	if ((!fault.fd || fd == fault.fd) && strikes("fstat"))
		return -1;
	rc = __real_fstat(fd, st);
	if (rc == 0 && fd == fault.elsewhere)
		st->st_dev++;
	return rc;
}

int
__wrap_flock(int fd, int how)
{
	calls_flock++;
	return strikes("flock") ? -1 : __real_flock(fd, how);
}

ssize_t
__wrap_pread(int fd, void *to, size_t len, off_t at)
{
	int error;

	calls_pread++;
	error = strikes("pread");
	if (error > 0)
		return -1;
	if (error == FAULT_NOTHING)
		return 0;
	return __real_pread(fd, to, error == FAULT_SHORT ? (len + 1) / 2 : len, at);
}

ssize_t
__wrap___pread_chk(int fd, void *to, size_t len, off_t at, size_t room)
{
	return __wrap_pread(fd, to, len, at);
}

ssize_t
__wrap_pwrite(int fd, const void *from, size_t len, off_t at)
{
	int error;

	while (fault.hang && *(volatile bool *)fault.hang)
		poll(NULL, 0, 1);
	calls_pwrite++;
	error = strikes("pwrite");
	/* a disk that is full takes what still fits */
	if (error == ENOSPC && __real_pwrite(fd, from, (len + 1) / 2, at) < 0)
		return -1;
	errno = error > 0 ? error : 0;
	if (error > 0)
		return -1;
	if (error == FAULT_NOTHING)
		return 0;
	return __real_pwrite(fd, from, error == FAULT_SHORT ? (len + 1) / 2 : len, at);
}

int
__wrap_ftruncate(int fd, off_t len)
{
	calls_ftruncate++;
	return strikes("ftruncate") ? -1 : __real_ftruncate(fd, len);
}

int
__wrap_fdatasync(int fd)
{
	while (fault.hang && *(volatile bool *)fault.hang)
		poll(NULL, 0, 1);
	calls_fdatasync++;
	return strikes("fdatasync") ? -1 : __real_fdatasync(fd);
}

int
__wrap_fsync(int fd)
{
	calls_fsync++;
	return strikes("fsync") ? -1 : __real_fsync(fd);
}

off_t
__wrap_lseek(int fd, off_t at, int whence)
{
	return strikes("lseek") ? -1 : __real_lseek(fd, at, whence);
}
