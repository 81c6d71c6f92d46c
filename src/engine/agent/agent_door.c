/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_door.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/rundir.h"

#define BACKLOG 64

#define GROUPS_MAX 1024

static bool
is_in_group(gid_t gid)
{
	gid_t list[GROUPS_MAX];
	int n = getgroups(GROUPS_MAX, list);

	for (int i = 0; i < n; i++)
		if (list[i] == gid)
			return true;
	return gid == getegid();
}

static int
check_folder(const struct stat *st, const char *dir, struct err *err)
{
	if (st->st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "%s belongs to uid %ld, not to us (%ld): name a folder in it as agent_dir, the "
		    "engine makes it",
		    dir, (long)st->st_uid, (long)geteuid());
	if (st->st_mode & 067)
		return err_set(err, ERR_DENIED,
		    "%s is open to others (mode %04o): chmod 710 %s", dir,
		    (unsigned)(st->st_mode & 07777), dir);
	return 0;
}

static int
find_group(const char *group, const struct stat *st, const char *dir, gid_t *gid,
    struct err *err)
{
	if (*group && rundir_group(group, gid, err) < 0)
		return err_set(err, ERR_DENIED,
		    "agent_group: there is no group %.64s: groupadd %.64s", group, group);
	if (*group)
		return 0;
	*gid = st->st_gid;
	if (is_in_group(*gid))
		return 0;
	return err_set(err, ERR_DENIED,
	    "%s has group %ld, which is none of ours: set agent_group to one that the engine and "
	    "the agent are in",
	    dir, (long)*gid);
}

/* By descriptor: in a volume that both write in, the name may lead elsewhere by now. */
static int
share_folder(
    int fd, struct agent_door *d, const char *dir, const char *group, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at %s", dir);
	if (check_folder(&st, dir, err) < 0 ||
	    find_group(group, &st, dir, &d->gid, err) < 0)
		return -1;
	if (st.st_gid != d->gid && fchown(fd, (uid_t)-1, d->gid) < 0)
		return err_set(err, ERR_DENIED,
		    "%s cannot be given to group %ld (%s): put the engine's user into it, or set "
		    "another agent_group",
		    dir, (long)d->gid, strerror(errno));
	if ((st.st_mode & 07777) != 0710 && fchmod(fd, 0710) < 0)
		return err_sys(err, errno, "chmod 710 %s", dir);
	return 0;
}

int
agent_door_folder(
    struct agent_door *d, const char *dir, uid_t uid, const char *group, struct err *err)
{
	int fd, rc;

	d->uid = uid ? uid : geteuid();
	d->shared = uid != 0;
	if (!d->shared)
		return fd_own_dir(dir, err);
	if (uid == geteuid())
		return err_set(err, ERR_USAGE,
		    "agent_uid is the engine's own uid: give the agent's container another, or "
		    "leave it 0");
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make %s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, ERR_DENIED,
		    "%s cannot be opened as a directory (%s): remove it", dir,
		    strerror(errno));
	rc = share_folder(fd, d, dir, group, err);
	close(fd);
	return rc;
}

static int
listen_at(const struct agent_door *d, const char *path, struct err *err)
{
	bool shared = d && d->shared;
	int fd;

	unlink(path);
	fd = fd_listen_mode(path, shared ? 0660 : 0600, err);
	/* never chmod: it would follow a link */
	if (fd >= 0 && shared && lchown(path, (uid_t)-1, d->gid) < 0) {
		err_sys(err, errno, "give %s to group %ld", path, (long)d->gid);
		close(fd);
		return -1;
	}
	return fd;
}

int
agent_door_open(const struct agent_door *d, const char *path, uv_pipe_t *door,
    uv_connection_cb on_peer, struct err *err)
{
	int fd = listen_at(d, path, err);

	if (fd < 0)
		return -1;
	if (fd_nonblock(fd) < 0 || uv_pipe_open(door, fd) < 0)
		close(fd);
	else if (uv_listen((uv_stream_t *)door, BACKLOG, on_peer) == 0)
		return 0;
	return err_set(err, ERR_SYSTEM, "listen on %s", path);
}

static bool
may_come_in(const struct agent_door *d, int fd)
{
	uid_t uid;
	pid_t pid;

	return fd_peer(fd, &uid, &pid) == 0 && uid == (d ? d->uid : geteuid());
}

int
agent_door_take(const struct agent_door *d, uv_stream_t *door, uv_pipe_t *peer)
{
	uv_os_fd_t fd;

	if (uv_accept(door, (uv_stream_t *)peer) < 0 ||
	    uv_fileno((uv_handle_t *)peer, &fd) < 0 || !may_come_in(d, fd))
		return -1;
	return fd;
}
