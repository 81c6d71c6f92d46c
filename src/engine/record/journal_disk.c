/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/record/journal_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"

#define AGAIN(call) TEMP_FAILURE_RETRY(call)

void
journal_disk_init(struct journal_disk *d)
{
	memset(d, 0, sizeof *d);
	d->fd = d->lock = -1;
	buf_init(&d->unsynced, JOURNAL_UNSYNCED_MAX);
}

static void
disk_drop(struct journal_disk *d)
{
	if (d->fd >= 0 && d->fd != d->lock)
		close(d->fd);
	d->fd = -1;
}

void
journal_disk_close(struct journal_disk *d)
{
	disk_drop(d);
	if (d->lock >= 0)
		close(d->lock);
	free(d->path);
	buf_fini(&d->unsynced);
	journal_disk_init(d);
}

void
journal_disk_use(struct journal_disk *d, const char *path, int lock)
{
	journal_disk_close(d);
	d->path = mem_dup(path);
	d->lock = lock;
	d->fresh = true;
}

int
journal_disk_lock(int fd)
{
	/* A file system that knows no locks is no reason to do without a journal. */
	if (AGAIN(flock(fd, LOCK_EX | LOCK_NB)) == 0 || errno != EWOULDBLOCK)
		return 0;
	return -1;
}

ssize_t
journal_disk_read(int fd, char *data, size_t len, off_t at)
{
	size_t got = 0;

	while (got < len) {
		ssize_t n = AGAIN(pread(fd, data + got, len - got, at + (off_t)got));

		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

off_t
journal_disk_whole(int fd, off_t end)
{
	char block[4096];

	while (end > 0) {
		off_t from = end > (off_t)sizeof block ? end - (off_t)sizeof block : 0;
		ssize_t n = journal_disk_read(fd, block, (size_t)(end - from), from);
		char *lf = n > 0 ? memrchr(block, '\n', (size_t)n) : NULL;

		if (n == 0)
			errno = EIO; /* it ends before its end */
		if (n <= 0)
			return -1;
		if (lf)
			return from + (lf - block) + 1;
		end = from;
	}
	return 0;
}

static int
disk_sys(struct journal_disk *d, const char *what, struct err *err)
{
	return err_sys(err, errno ? errno : EIO, "%s %s", what, d->path);
}

/*
 * Whoever holds the lock of this very file stays; a file that came in its place
 * (another disk was mounted) is locked anew.
 */
static int
disk_hold(struct journal_disk *d, const struct stat *st, struct err *err)
{
	struct stat held;

	if (d->lock == d->fd)
		return 0;
	if (d->lock >= 0 && fstat(d->lock, &held) == 0 && held.st_ino == st->st_ino &&
	    held.st_dev == st->st_dev)
		return 0;
	if (journal_disk_lock(d->fd) < 0)
		return err_set(err, ERR_BUSY, "another engine writes %s", d->path);
	if (d->lock >= 0)
		close(d->lock);
	d->lock = d->fd;
	return 0;
}

/* Cuts at a whole record: of the file as it was found, or as somebody else left it. */
static int
disk_begin_at_whole(struct journal_disk *d, off_t size, struct err *err)
{
	off_t whole = journal_disk_whole(d->fd, size);

	if (whole < 0)
		return disk_sys(d, "read", err);
	if (AGAIN(ftruncate(d->fd, whole)) < 0)
		return disk_sys(d, "cut", err);
	d->base = whole;
	d->fresh = false;
	d->made = d->made || size == 0;
	return 0;
}

/* The folders are made where they are missing, and refused where they are not ours. */
static int
disk_open(struct journal_disk *d, struct err *err)
{
	char *dir = mem_printf("%.*s", (int)(strrchr(d->path, '/') - d->path), d->path);
	char *top = mem_printf("%.*s", (int)(strrchr(dir, '/') - dir), dir);
	int rc = -1;

	if (fd_safe_dir(top, err) < 0 || fd_own_dir(dir, err) < 0)
		goto out;
	d->fd = AGAIN(open(d->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
	rc = d->fd < 0 ? disk_sys(d, "open", err) : 0;
out:
	free(dir);
	free(top);
	return rc;
}

/* The file is open, ours, and *at is where the next byte goes. */
static int
disk_ready(struct journal_disk *d, off_t *at, off_t *size, struct err *err)
{
	struct stat st;
	off_t end;

	if (d->fd < 0 && disk_open(d, err) < 0)
		return -1;
	if (AGAIN(fstat(d->fd, &st)) < 0)
		return disk_sys(d, "look at", err);
	if (st.st_nlink == 0)
		return err_set(
		    err, ERR_SYSTEM, "write %s: the file was removed", d->path);
	if (disk_hold(d, &st, err) < 0)
		return -1;
	end = d->base + (off_t)d->unsynced.len;
	if (d->fresh || st.st_size < d->base || (!d->failed && st.st_size != end)) {
		if (!d->fresh)
			LOG("journal", "%s was changed by somebody else", d->path);
		if (st.st_size < d->base)
			d->failed = true; /* what is not on the disk is written again */
		else
			buf_clear(&d->unsynced);
		if (disk_begin_at_whole(d, st.st_size, err) < 0)
			return -1;
		st.st_size = d->base;
	}
	*size = st.st_size;
	*at = d->failed ? d->base : d->base + (off_t)d->unsynced.len;
	return 0;
}

static int
disk_put(struct journal_disk *d, const char *data, size_t len, off_t at, struct err *err)
{
	while (len > 0) {
		ssize_t n = AGAIN(pwrite(d->fd, data, len, at));

		if (n <= 0)
			return disk_sys(d, "write", err);
		data += n;
		len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* A file that a power cut may not find by its name is on no disk. */
static int
disk_sync_name(struct journal_disk *d, struct err *err)
{
	char *dir = mem_dup(d->path);
	int fd, rc = 0;

	*strrchr(dir, '/') = '\0'; /* disk_open has seen to it that there is one */
	fd = AGAIN(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (fd < 0 || (AGAIN(fsync(fd)) < 0 && errno != EINVAL && errno != ENOSYS))
		rc = disk_sys(d, "sync the folder of", err);
	if (fd >= 0)
		close(fd);
	free(dir);
	return rc;
}

static int
disk_sync(struct journal_disk *d, struct err *err)
{
	if (AGAIN(fdatasync(d->fd)) < 0)
		return disk_sys(d, "sync", err);
	if (d->made && disk_sync_name(d, err) < 0)
		return -1;
	d->made = false;
	return 0;
}

static int
disk_try(
    struct journal_disk *d, const char *data, size_t len, bool *sync, struct err *err)
{
	size_t again;
	off_t at, size;

	if (disk_ready(d, &at, &size, err) < 0)
		return -1;
	again = d->failed ? d->unsynced.len : 0;
	*sync = *sync || d->failed;
	if (disk_put(d, d->unsynced.data, again, at, err) < 0 ||
	    disk_put(d, data, len, at + (off_t)again, err) < 0)
		return -1;
	at += (off_t)(again + len);
	if (size > at && AGAIN(ftruncate(d->fd, at)) < 0)
		return disk_sys(d, "cut", err);
	if (*sync && disk_sync(d, err) < 0)
		return -1;
	if (*sync) {
		d->base = at;
		buf_clear(&d->unsynced);
	} else if (buf_add(&d->unsynced, data, len) < 0) {
		abort(); /* journal_disk_write has seen to it that they fit */
	}
	d->rewritten = again;
	d->failed = false;
	return 0;
}

/* Nobody should meet half a record while we wait; if it fails, no matter. */
static void
disk_cut_back(struct journal_disk *d)
{
	off_t end = d->base + (off_t)d->unsynced.len;
	struct stat st;

	if (d->fd >= 0 && !d->fresh && fstat(d->fd, &st) == 0 && st.st_size > end &&
	    AGAIN(ftruncate(d->fd, end)) < 0)
		LOG("journal", "%s has a torn end", d->path);
}

int
journal_disk_write(
    struct journal_disk *d, const char *data, size_t len, bool *sync, struct err *err)
{
	if (!d->path)
		return err_set(err, ERR_SYSTEM, "write: no file");
	if (d->unsynced.len + len > JOURNAL_UNSYNCED_MAX)
		*sync = true;
	if (disk_try(d, data, len, sync, err) == 0)
		return 0;
	disk_cut_back(d);
	disk_drop(d);
	d->failed = true;
	return -1;
}
