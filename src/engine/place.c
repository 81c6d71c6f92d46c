/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/place.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rundir.h"

#define PLACE_WAIT_MS 6000 /* for an engine that leaves */
#define PLACE_LOOK_MS 20

void
place_init(struct place *p, char *dir)
{
	memset(p, 0, sizeof *p);
	p->dir = dir;
	p->socket = mem_printf("%s/console.sock", dir);
	p->lock = mem_printf("%s/engine.lock", dir);
	p->lock_fd = -1;
	p->gid = RUNDIR_NO_GROUP;
}

void
place_fini(struct place *p)
{
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	free(p->dir);
	free(p->socket);
	free(p->lock);
}

/* The pid of who listens; 0: nobody does, so one is coming up or leaving: soon over. */
static pid_t
listener(const struct place *p)
{
	struct err err;
	uid_t uid;
	pid_t pid = 0;
	int fd = fd_connect(p->socket, &err);

	if (fd < 0)
		return 0;
	if (fd_peer(fd, &uid, &pid) < 0 || pid <= 0)
		pid = -1;
	close(fd);
	return pid;
}

static int
taken(const struct place *p, int fd, struct err *err)
{
	char text[32] = "";
	pid_t pid = listener(p);

	if (pread(fd, text, sizeof text - 1, 0) < 0)
		text[0] = '\0';
	if (pid > 0)
		snprintf(text, sizeof text, "%ld", (long)pid);
	text[strcspn(text, "\n")] = '\0';
	return err_set(err, ERR_BUSY,
	    "an engine runs already in %s (pid %.10s): breakglass attaches to it", p->dir,
	    text);
}

/* A lock whose file was removed meanwhile guards nothing. */
static bool
is_at(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino;
}

/* A lock that somebody else made, or holds a second name of, locks nothing. */
static int
check_lock(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "look at %s", path);
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_nlink <= 1 &&
	    !(st.st_mode & 077))
		return 0;
	return err_set(err, ERR_DENIED,
	    "%s is not as an engine makes it (uid %ld, mode %04o, %ld names): rm %s",
	    path, (long)st.st_uid, (unsigned)(st.st_mode & 07777), (long)st.st_nlink,
	    path);
}

/* wait_ms: for one that leaves.  Returns the locked descriptor. */
static int
lock(const struct place *p, int64_t wait_ms, struct err *err)
{
	int64_t until = clock_mono_ms() + wait_ms;
	char pid[32];
	int fd = -1;

	for (;;) {
		if (fd < 0)
			fd = open(
			    p->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 && (errno == ELOOP || errno == EISDIR))
			return err_set(err, ERR_DENIED,
			    "%s is a link or a directory, not a lock: rm -r %s", p->lock,
			    p->lock);
		if (fd < 0)
			return err_sys(err, errno, "open %s", p->lock);
		if (check_lock(fd, p->lock, err) < 0) {
			close(fd);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
			if (is_at(fd, p->lock))
				break;
			close(fd);
			fd = -1;
		} else if (clock_mono_ms() >= until || listener(p)) {
			taken(p, fd, err);
			close(fd);
			return -1;
		} else {
			poll(NULL, 0, PLACE_LOOK_MS);
		}
	}
	snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0 && pwrite(fd, pid, strlen(pid), 0) > 0)
		return fd;
	err_sys(err, errno, "write %s", p->lock);
	close(fd);
	return -1;
}

int
place_take(struct place *p, const char *group, struct err *err)
{
	if (rundir_group(group, &p->gid, err) < 0 || rundir_make(p->dir, p->gid, err) < 0)
		return -1;
	p->lock_fd = lock(p, PLACE_WAIT_MS, err);
	if (p->lock_fd < 0)
		return -1;
	if (!listener(p))
		return 0;
	/* its lock was removed, and it has not seen that yet */
	taken(p, p->lock_fd, err);
	close(p->lock_fd);
	p->lock_fd = -1;
	return -1;
}

/* For the operators' group, and as it was meant: what the kernel made is looked at. */
static int
check_socket(struct place *p, struct err *err)
{
	mode_t mode = p->gid == RUNDIR_NO_GROUP ? 0600 : 0660;
	struct stat st;

	if (p->gid != RUNDIR_NO_GROUP &&
	    (lchown(p->socket, (uid_t)-1, p->gid) < 0 || chmod(p->socket, mode) < 0))
		return err_sys(
		    err, errno, "give %s to group %ld", p->socket, (long)p->gid);
	if (lstat(p->socket, &st) < 0)
		return err_sys(err, errno, "look at %s", p->socket);
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 07777) != mode)
		return err_set(err, ERR_DENIED,
		    "%s did not become a socket of ours with mode %04o: set run_dir to a directory "
		    "on a local disk",
		    p->socket, (unsigned)mode);
	p->dev = st.st_dev;
	p->ino = st.st_ino;
	return 0;
}

int
place_listen(struct place *p, struct err *err)
{
	struct stat st;
	int fd;

	if (lstat(p->socket, &st) == 0 && !S_ISSOCK(st.st_mode))
		return err_set(err, ERR_DENIED, "%s is not a socket: rm -r %s", p->socket,
		    p->socket);
	if (unlink(p->socket) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove %s", p->socket);
	fd = fd_listen(p->socket, err);
	if (fd >= 0 && check_socket(p, err) < 0) {
		close(fd);
		unlink(p->socket);
		return -1;
	}
	return fd;
}

enum place_state
place_look(struct place *p, struct err *err)
{
	struct stat st;
	int fd;

	if (is_at(p->lock_fd, p->lock))
		return lstat(p->socket, &st) == 0 && st.st_dev == p->dev &&
			st.st_ino == p->ino
		    ? PLACE_FINE
		    : PLACE_AGAIN;
	if (rundir_make(p->dir, p->gid, err) < 0)
		return PLACE_BROKEN;
	fd = lock(p, 0, err);
	if (fd < 0)
		return err->code == ERR_BUSY ? PLACE_TAKEN : PLACE_BROKEN;
	LOG("place", "%s was removed: made anew", p->lock);
	close(p->lock_fd);
	p->lock_fd = fd;
	return PLACE_AGAIN;
}

void
place_close(struct place *p)
{
	struct stat st;

	/* what lies there now may be another engine's */
	if (p->ino && lstat(p->socket, &st) == 0 && st.st_ino == p->ino &&
	    st.st_dev == p->dev)
		unlink(p->socket);
	p->ino = 0;
}
