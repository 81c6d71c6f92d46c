/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define GROUPS_MAX 256

static bool
is_our_group(gid_t gid)
{
	gid_t groups[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, groups);

	if (gid == getegid())
		return true;
	for (int i = 0; i < n; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static int
check(int fd, const char *path, bool secret, struct err *err)
{
	const char *mode = secret ? "600" : "644";
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(
		    err, ERR_DENIED, "%s is not a regular file: rm %s", path, path);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, neither to the engine (%ld) nor to root: chown %ld %s",
		    path, (long)st.st_uid, (long)geteuid(), (long)geteuid(), path);
	if (st.st_mode & 022)
		return err_set(err, ERR_DENIED,
		    "%s can be changed by others (mode %04o): chmod %s %s", path,
		    (unsigned)(st.st_mode & 07777), mode, path);
	if (secret && (st.st_mode & 07))
		return err_set(err, ERR_DENIED,
		    "%s can be read by others (mode %04o): chmod 600 %s", path,
		    (unsigned)(st.st_mode & 07777), path);
	if (secret && (st.st_mode & 040) && !is_our_group(st.st_gid))
		return err_set(err, ERR_DENIED,
		    "%s can be read by group %ld, which is not the engine's: chmod 600 %s",
		    path, (long)st.st_gid, path);
	return 0;
}

static int
read_all(int fd, const char *path, char *out, size_t max, size_t *len, struct err *err)
{
	ssize_t n;

	*len = 0;
	while ((n = read(fd, out + *len, max + 1 - *len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read %s", path);
		*len += (size_t)n;
		if (*len > max)
			return err_set(err, ERR_LIMIT,
			    "%s is larger than %zu bytes: name the right file", path,
			    max);
	}
	out[*len] = '\0';
	return 0;
}

char *
trusted_read(const char *path, bool secret, size_t max, size_t *len, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text;

	if (fd < 0) {
		if (errno == EACCES)
			err_set(err, ERR_DENIED,
			    "%s may not be read by uid %ld: chown %ld %s", path,
			    (long)geteuid(), (long)geteuid(), path);
		else
			err_sys(err, errno, "no file to read at %s", path);
		return NULL;
	}
	text = mem_alloc(max + 2);
	if (check(fd, path, secret, err) < 0 ||
	    read_all(fd, path, text, max, len, err) < 0) {
		explicit_bzero(text, max + 2);
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}
