/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/probe.h"
#include "host/run.h"

#define PICK_MS 2000
#define RUN_RESERVED \
	(512 * 1024) /* bytes of disk at a run's begin: lines and a picture */

/*
 * Room for a whole run, taken at its begin: a disk that fills up meanwhile must
 * not cost the last lines.  Where the file system cannot do it, never mind.
 */
static int
reserve(int fd)
{
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, RUN_RESERVED) < 0 && errno == ENOSPC)
		return -1;
	return 0;
}

static bool
can_write(const char *dir)
{
	char path[SITE_PATH_MAX + 32], page[4096] = {0};
	bool ok = false;
	int fd;

	snprintf(path, sizeof(path), "%s/runs", dir);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/.try-%d", dir, (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return false;
	ok = write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) && reserve(fd) == 0;
	close(fd);
	(void)unlink(path);
	return ok;
}

/* Somebody else's directory could hold links of theirs: it is not used. */
static bool
usable(const char *dir)
{
	struct stat st;

	if (*dir == '\0')
		return false;
	(void)mkdir(dir, 0700);
	if (lstat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) != 0)
		return false;
	return can_write(dir);
}

static int
pick(void *arg)
{
	const struct site *s = arg;

	return usable(s->run_dir) ? 0 : usable(s->spare_dir) ? 1 : 2;
}

int
run_dir_pick(const struct site *s, char *dir)
{
	struct site copy = *s;
	struct probe p = {
	    .name = "run-dir", .limit_ms = PICK_MS, .fn = pick, .arg = &copy};
	int which = probe_run(&p);

	probe_end(&p);
	if (which == PROBE_TIMEOUT) /* a hung disk: the spare one is elsewhere */
		which = usable(s->spare_dir) ? 1 : 2;
	if (which > 1)
		return -1;
	strcpy(dir, which == 0 ? s->run_dir : s->spare_dir);
	return 0;
}

void
run_name(char *id, size_t size, const char *verb)
{
	time_t now = time(NULL);
	char stamp[32];
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(id, size, "%s-%s-%d", stamp, verb, (int)getpid());
}

int
run_create(const char *dir, const char *id, const char *suffix)
{
	char path[SITE_PATH_MAX + RUN_ID_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/runs/%s.%s", dir, id, suffix);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && reserve(fd) < 0) {
		(void)unlink(path);
		close(fd);
		errno = ENOSPC;
		return -1;
	}
	return fd;
}

static int
is_log(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 4 && strcmp(d->d_name + n - 4, ".log") == 0;
}

static int
is_capture_log(const struct dirent *d)
{
	return is_log(d) && strstr(d->d_name, "-forensics-") != NULL;
}

static int
is_verb_log(const struct dirent *d)
{
	return is_log(d) && !is_capture_log(d);
}

static void
rotate_those(const char *dir, int keep, int (*which)(const struct dirent *))
{
	char path[SITE_PATH_MAX + 300];
	struct dirent **list;
	int n;

	snprintf(path, sizeof(path), "%s/runs", dir);
	n = scandir(path, &list, which, alphasort);
	for (int i = 0; i < n; i++) {
		int len = (int)strlen(list[i]->d_name) - 4;

		if (i < n - keep) {
			snprintf(path, sizeof(path), "%s/runs/%.*s.log", dir, len,
			    list[i]->d_name);
			(void)unlink(path);
			snprintf(path, sizeof(path), "%s/runs/%.*s.qm", dir, len,
			    list[i]->d_name);
			(void)unlink(path);
		}
		free(list[i]);
	}
	if (n >= 0)
		free(list);
}

/* Apart, so that who asks forensics 50 times does not wipe out what was done. */
void
run_rotate(const char *dir, int keep)
{
	rotate_those(dir, keep, is_capture_log);
	rotate_those(dir, keep, is_verb_log);
}

void
run_trim(int fd)
{
	struct stat st;
	int rc;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		rc = ftruncate(fd, st.st_size);
		(void)rc;
	}
}
