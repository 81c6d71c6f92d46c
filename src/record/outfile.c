/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

static int
say_exists(const char *path, struct err *err)
{
	return err_set(err, ERR_USAGE,
	    "%s is there already: nothing was written; another name, or --force", path);
}

int
outfile_open(struct outfile *f, const char *path, bool force, struct err *err)
{
	const char *slash = strrchr(path, '/');
	struct stat st;

	memset(f, 0, sizeof *f);
	f->fd = -1;
	if (strcmp(path, "-") == 0) {
		f->fd = STDOUT_FILENO;
		return 0;
	}
	if (!force && lstat(path, &st) == 0)
		return say_exists(path, err);
	f->force = force;
	f->path = mem_dup(path);
	f->temporary = mem_printf(
	    "%.*s.breakglass-XXXXXX", slash ? (int)(slash - path) + 1 : 0, path);
	f->fd = mkostemp(f->temporary, O_CLOEXEC); /* 0600 */
	if (f->fd >= 0)
		return 0;
	err_sys(err, errno, "write %s", path);
	free(f->temporary);
	f->temporary = NULL;
	outfile_drop(f);
	return -1;
}

/* Not where another one has come meanwhile; not every file system can say so. */
static int
give_name(struct outfile *f, struct err *err)
{
	if (f->force) {
		if (rename(f->temporary, f->path) == 0)
			return 0;
		return err_sys(err, errno, "name %s", f->path);
	}
	if (renameat2(AT_FDCWD, f->temporary, AT_FDCWD, f->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS) {
		if (link(f->temporary, f->path) == 0)
			return unlink(f->temporary), 0;
	}
	if (errno == EEXIST)
		return say_exists(f->path, err);
	return err_sys(err, errno, "name %s", f->path);
}

static void
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_dupn(path, (size_t)(slash - path) + 1) : mem_dup(".");
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	free(dir);
}

int
outfile_keep(struct outfile *f, struct err *err)
{
	int rc = 0;

	if (!f->temporary) {
		outfile_drop(f);
		return 0;
	}
	if (fsync(f->fd) < 0)
		rc = err_sys(err, errno, "write %s", f->path);
	if (rc == 0)
		rc = give_name(f, err);
	if (rc == 0) {
		sync_folder(f->path);
		free(f->temporary);
		f->temporary = NULL;
	}
	outfile_drop(f);
	return rc;
}

void
outfile_drop(struct outfile *f)
{
	if (f->temporary)
		unlink(f->temporary);
	if (f->fd > STDOUT_FILENO)
		close(f->fd);
	free(f->temporary);
	free(f->path);
	memset(f, 0, sizeof *f);
	f->fd = -1;
}
