/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rundir.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

int
rundir_group(const char *name, gid_t *gid, struct err *err)
{
	char *buf, *end;
	struct group g, *found = NULL;
	unsigned long number = strtoul(name, &end, 10);
	size_t size = 64 * 1024;

	*gid = RUNDIR_NO_GROUP;
	if (!name[0])
		return 0;
	if (!*end && number < 0xffffffffu) {
		*gid = (gid_t)number;
		return 0;
	}
	buf = mem_alloc(size);
	if (getgrnam_r(name, &g, buf, size, &found) == 0 && found)
		*gid = found->gr_gid;
	free(buf);
	if (*gid == RUNDIR_NO_GROUP)
		return err_set(err, ERR_DENIED,
		    "operators_group: there is no group %.64s: groupadd %.64s", name,
		    name);
	return 0;
}

/* A directory that somebody else can rename things in, unless it is a mount's root. */
static int
check_parent(const char *path, bool foreign, const char *dir, struct err *err)
{
	struct stat st, up;
	char *above;
	bool mounted;

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "look at %s", path);
	if (st.st_uid != 0 && (foreign || st.st_uid != geteuid()))
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, who can put another directory at %s: "
		    "export BREAKGLASS_RUN_DIR=/tmp/breakglass-%ld",
		    path, (long)st.st_uid, dir, (long)geteuid());
	if (!(st.st_mode & 022) || (!foreign && (st.st_mode & S_ISVTX)))
		return 0;
	above = mem_printf("%s/..", path);
	mounted = !foreign && stat(above, &up) == 0 && up.st_dev != st.st_dev;
	free(above);
	if (mounted) /* a volume of a pod: nobody else is in there */
		return 0;
	return err_set(err, ERR_DENIED,
	    "others can put another directory at %s: chmod go-w %s", dir, path);
}

static int
check_line(const char *name, bool foreign, const char *dir, struct err *err)
{
	char *path = mem_dup(name), *slash;
	int rc = 0;

	while (rc == 0 && (slash = strrchr(path, '/')) != NULL) {
		slash[slash == path] = '\0';
		rc = check_parent(path, foreign, dir, err);
		if (path[1] == '\0')
			break;
	}
	free(path);
	return rc;
}

/*
 * foreign: the directory is another's, so that only root's may stand above it.  Where a
 * link leads is looked at besides: both lines can be changed.
 */
static int
check_parents(const char *dir, bool foreign, struct err *err)
{
	char *real = realpath(dir, NULL);
	int rc = real ? 0 : err_sys(err, errno, "look at %s", dir);

	if (rc == 0)
		rc = check_line(dir, foreign, dir, err);
	if (rc == 0 && strcmp(real, dir) != 0)
		rc = check_line(real, foreign, dir, err);
	free(real);
	return rc;
}

static int
look(const char *dir, struct stat *st, struct err *err)
{
	if (lstat(dir, st) < 0)
		return err_sys(err, errno, "look at %s", dir);
	if (S_ISLNK(st->st_mode))
		return err_set(err, ERR_DENIED,
		    "%s is a symbolic link, which may lead anywhere: rm %s", dir, dir);
	if (!S_ISDIR(st->st_mode))
		return err_set(err, ERR_DENIED, "%s is not a directory: rm %s", dir, dir);
	return 0;
}

static int
check_mode(const char *dir, const struct stat *st, gid_t gid, struct err *err)
{
	if (gid == RUNDIR_NO_GROUP) {
		if (st->st_mode & 077)
			return err_set(err, ERR_DENIED,
			    "%s is open to others (mode %04o): chmod 700 %s", dir,
			    (unsigned)(st->st_mode & 07777), dir);
		return 0;
	}
	if (st->st_mode & 067)
		return err_set(err, ERR_DENIED,
		    "%s is open to others (mode %04o): chmod 710 %s", dir,
		    (unsigned)(st->st_mode & 07777), dir);
	if ((st->st_mode & 010) && st->st_gid != gid)
		return err_set(err, ERR_DENIED,
		    "%s is open to group %ld, not to the operators' (%ld): chgrp %ld %s",
		    dir, (long)st->st_gid, (long)gid, (long)gid, dir);
	return 0;
}

static int
give_to_group(const char *dir, gid_t gid, struct err *err)
{
	if (lchown(dir, (uid_t)-1, gid) < 0)
		return err_set(err, ERR_DENIED,
		    "%s cannot be given to group %ld (%s): usermod -aG %ld for the engine's user, or "
		    "another operators_group",
		    dir, (long)gid, strerror(errno), (long)gid);
	return chmod(dir, 0710) < 0 ? err_sys(err, errno, "chmod 710 %s", dir) : 0;
}

int
rundir_make(const char *dir, gid_t gid, struct err *err)
{
	struct stat st;

	if (lstat(dir, &st) < 0 && errno == ENOENT && fd_own_dir(dir, err) < 0)
		return -1;
	if (look(dir, &st, err) < 0)
		return -1;
	if (st.st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, not to us (%ld): sudo rm -r %s, or set run_dir",
		    dir, (long)st.st_uid, (long)geteuid(), dir);
	if (check_mode(dir, &st, gid, err) < 0 || check_parents(dir, false, err) < 0)
		return -1;
	if (gid != RUNDIR_NO_GROUP && (st.st_mode & 0777) != 0710)
		return give_to_group(dir, gid, err);
	return 0;
}

int
rundir_check(const char *dir, gid_t gid, uid_t *owner, struct err *err)
{
	struct stat st;

	*owner = geteuid();
	if (lstat(dir, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_sys(err, errno, "look at %s", dir);
	}
	if (look(dir, &st, err) < 0)
		return -1;
	*owner = st.st_uid;
	if (st.st_uid == geteuid())
		return check_mode(dir, &st, gid, err);
	if (gid == RUNDIR_NO_GROUP)
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, not to us (%ld): sudo rm -r %s, or set run_dir",
		    dir, (long)st.st_uid, (long)geteuid(), dir);
	if (st.st_gid != gid || (st.st_mode & 0777) != 0710)
		return err_set(err, ERR_DENIED,
		    "%s is not as an engine with operators_group makes it (mode 0710, group %ld): "
		    "end what made it and remove it",
		    dir, (long)gid);
	return check_parents(dir, true, err);
}
