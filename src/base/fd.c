/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"

#ifndef SO_PEERPIDFD
#	define SO_PEERPIDFD 77
#endif

#define CONNECT_S 5 /* for who listens to let us in */

static int
fd_make_parents(const char *dir, struct err *err)
{
	char *path = mem_dup(dir);
	int rc = 0;

	for (char *p = path + 1; *p && rc == 0; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EROFS)
			rc = err_sys(err, errno, "make %s", path);
		*p = '/';
	}
	free(path);
	return rc;
}

/* Makes dir 0700 where it is missing, and looks at what is there. */
static int
fd_look_at_dir(const char *dir, struct stat *st, struct err *err)
{
	if (mkdir(dir, 0700) < 0 && errno == ENOENT) {
		if (fd_make_parents(dir, err) < 0)
			return -1;
		if (mkdir(dir, 0700) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make %s", dir);
	}
	if (lstat(dir, st) < 0)
		return err_sys(err, errno, "make %s", dir);
	if (!S_ISDIR(st->st_mode))
		return err_set(err, ERR_DENIED, "%s is not a directory: remove it", dir);
	return 0;
}

int
fd_own_dir(const char *dir, struct err *err)
{
	struct stat st;

	if (fd_look_at_dir(dir, &st, err) < 0)
		return -1;
	if (st.st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, not to us (%ld): remove it, or set run_dir",
		    dir, (long)st.st_uid, (long)geteuid());
	if (st.st_mode & 077)
		return err_set(
		    err, ERR_DENIED, "%s is open to others: chmod 700 %s", dir, dir);
	return 0;
}

int
fd_safe_dir(const char *dir, struct err *err)
{
	struct stat st;

	if (fd_look_at_dir(dir, &st, err) < 0)
		return -1;
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, ERR_DENIED, "%s belongs to uid %ld, not to us (%ld)",
		    dir, (long)st.st_uid, (long)geteuid());
	if ((st.st_mode & 022) && !(st.st_mode & S_ISVTX))
		return err_set(err, ERR_DENIED,
		    "others can write in %s: chmod go-w %s, or name a directory inside it",
		    dir, dir);
	return 0;
}

char *
fd_read_file(const char *path, size_t max_bytes, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *data = NULL;
	struct stat st;
	size_t have = 0;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys(err, errno, "read %s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_USAGE, "read %s: not a regular file", path);
		goto out;
	}
	data = mem_alloc(max_bytes + 2);
	while ((n = read(fd, data + have, max_bytes + 1 - have)) > 0)
		have += (size_t)n;
	if (n < 0)
		err_sys(err, errno, "read %s", path);
	else if (have > max_bytes)
		n = err_set(
		    err, ERR_LIMIT, "read %s: larger than %zu bytes", path, max_bytes);
	if (n < 0) {
		explicit_bzero(data, have);
		free(data);
		data = NULL;
	} else {
		data[have] = '\0';
		*len = have;
	}
out:
	if (fd >= 0)
		close(fd);
	return data;
}

static int
fd_socket(const char *path, struct sockaddr_un *sa, struct err *err)
{
	int fd;

	if (strlen(path) > FD_SOCKET_PATH_MAX)
		return err_set(err, ERR_LIMIT,
		    "socket path is %zu bytes, the kernel takes %d: set run_dir to a shorter one",
		    strlen(path), FD_SOCKET_PATH_MAX);
	memset(sa, 0, sizeof *sa);
	sa->sun_family = AF_UNIX;
	strcpy(sa->sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err_sys(err, errno, "make a socket");
	return fd;
}

int
fd_listen(const char *path, struct err *err)
{
	return fd_listen_mode(path, 0600, err);
}

int
fd_listen_mode(const char *path, mode_t mode, struct err *err)
{
	struct sockaddr_un sa;
	int fd = fd_socket(path, &sa, err);
	mode_t mask;
	int rc;

	if (fd < 0)
		return -1;
	mask = umask(0777 & ~mode);
	rc = bind(fd, (struct sockaddr *)&sa, sizeof sa);
	umask(mask);
	if (rc < 0 || listen(fd, 64) < 0) {
		err_sys(err, errno, "listen on %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

int
fd_connect(const char *path, struct err *err)
{
	static const struct timeval limit = {.tv_sec = CONNECT_S}, none = {0};
	struct sockaddr_un sa;
	int fd = fd_socket(path, &sa, err);

	if (fd < 0)
		return -1;
	/* whoever listens and takes nobody in has room for so many, then connect waits */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) < 0) {
		enum err_code code = errno == EACCES ? ERR_DENIED : ERR_UNREACHABLE;

		if (errno == EAGAIN)
			err_set(err, code,
			    "connect to %s: nobody is let in, who listens there hangs or is stopped",
			    path);
		else if (errno == ENOENT || errno == ECONNREFUSED)
			err_set(err, code, "no engine runs at %s: breakglass starts one",
			    path);
		else
			err_sys(err, errno, "connect to %s", path);
		err->code = code;
		close(fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
	return fd;
}

int
fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

bool
fd_is_of_the_last(int fd, unsigned kept)
{
	struct rlimit r;

	return getrlimit(RLIMIT_NOFILE, &r) == 0 && (rlim_t)fd + kept >= r.rlim_cur;
}

int
fd_write_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (n == 0)
				errno = EIO;
			return -1;
		}
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int
fd_peer(int fd, uid_t *uid, pid_t *pid)
{
	struct ucred cr;
	socklen_t len = sizeof cr;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cr, &len) < 0)
		return -1;
	*uid = cr.uid;
	*pid = cr.pid;
	return 0;
}

int
fd_peer_pidfd(int fd)
{
	int pidfd = -1;
	socklen_t len = sizeof pidfd;

	return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0 ? -1 : pidfd;
}

int
fd_memory(const char *name)
{
	return memfd_create(name, MFD_CLOEXEC);
}
