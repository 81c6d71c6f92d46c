/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run_now.c: the files "now" and "last".
 *
 * The record is worth a moment and never the verb: each write runs in a child
 * that is given up, so a disk that hangs costs 600 ms once and 300 ms from then
 * on.  A child that was killed cannot rename any more, so an old phase never
 * overwrites a newer one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/probe.h"
#include "host/proc.h"
#include "host/run.h"

#define STATE_MAX 1024 /* bytes of now and last */
#define SYNC_MS 300
#define PLAIN_MS 300
#define PAST_MS 1000

struct put {
	const char *dir;
	const char *name;
	const char *text; /* NULL: the file is removed */
	bool sync;
};

/* A disk that needed too long is not waited for again by this process. */
static bool is_slow;

static void
sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
}

/* Opens NAME.new; a directory that went away meanwhile is made again. */
static int
open_new(const char *dir, const char *tmp)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(tmp, flags, 0600);

	if (fd < 0 && errno == ENOENT && mkdir(dir, 0700) == 0)
		fd = open(tmp, flags, 0600);
	return fd;
}

/*
 * On a full disk there may be no block for a new file: then the old one is
 * written over, whose block is there.  Shorter than a sector, so never torn.
 */
static int
overwrite(const char *path, const char *text, size_t len)
{
	char block[512];
	int fd, rc;

	if (len > sizeof(block))
		return 1;
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return 1;
	memset(block, '\n', sizeof(block));
	memcpy(block, text, len);
	rc = pwrite(fd, block, sizeof(block), 0) == (ssize_t)sizeof(block) ? 0 : 1;
	close(fd);
	return rc;
}

static int
put_here(void *arg)
{
	const struct put *p = arg;
	char path[SITE_PATH_MAX + 32], tmp[SITE_PATH_MAX + 48];
	size_t len = p->text ? strlen(p->text) : 0;
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", p->dir, p->name);
	snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (p->text == NULL)
		ok = unlink(path) == 0 || errno == ENOENT;
	else {
		fd = open_new(p->dir, tmp);
		ok = fd >= 0 && write(fd, p->text, len) == (ssize_t)len &&
		    (!p->sync || fsync(fd) == 0);
		if (fd >= 0)
			close(fd);
		ok = ok && rename(tmp, path) == 0;
		if (!ok) {
			(void)unlink(tmp);
			return overwrite(path, p->text, len);
		}
	}
	if (p->sync)
		sync_dir(p->dir);
	return ok ? 0 : 1;
}

static int
put_bounded(struct put *p, bool sync)
{
	struct probe child = {.name = p->name,
	    .limit_ms = sync ? SYNC_MS : PLAIN_MS,
	    .fn = put_here,
	    .arg = p};
	int rc;

	p->sync = sync;
	rc = probe_run(&child);
	probe_end(&child);
	return rc;
}

static int
put(const char *dir, const char *name, const char *text)
{
	struct put p = {.dir = dir, .name = name, .text = text};
	int rc;

	if (!is_slow) {
		rc = put_bounded(&p, true);
		if (rc != PROBE_TIMEOUT)
			return rc == 0 ? 0 : -1;
		is_slow = true;
	}
	return put_bounded(&p, false) == 0 ? 0 : -1;
}

static bool
get(const char *dir, const char *name, char *text)
{
	char path[SITE_PATH_MAX + 32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	n = read(fd, text, STATE_MAX - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	return true;
}

int
run_now_write(const char *dir, const struct run_now *now)
{
	char text[STATE_MAX];

	snprintf(text, sizeof(text), "%s %s %s %lld %lld %lld\n", now->id, now->verb,
	    now->phase, now->pid, now->pid_start, now->at);
	return put(dir, "now", text);
}

bool
run_now_parse(const char *text, struct run_now *now)
{
	char end;

	memset(now, 0, sizeof(*now));
	if (sscanf(text, "%63s %31s %31s %18lld %18lld %18lld%c", now->id, now->verb,
		now->phase, &now->pid, &now->pid_start, &now->at, &end) == 7 &&
	    end == '\n')
		return true;
	memset(now, 0, sizeof(*now));
	return false;
}

bool
run_now_read(const char *dir, struct run_now *now)
{
	char text[STATE_MAX];

	memset(now, 0, sizeof(*now));
	return get(dir, "now", text) && run_now_parse(text, now);
}

void
run_now_clear(const char *dir)
{
	(void)put(dir, "now", NULL);
}

bool
run_now_alive(const struct run_now *now)
{
	return now->pid > 1 && proc_start(now->pid) == now->pid_start;
}

void
run_now_self(struct run_now *now)
{
	now->pid = getpid();
	now->pid_start = proc_start(now->pid);
}

int
run_last_write(const char *dir, const struct run_last *last)
{
	char text[STATE_MAX];

	snprintf(text, sizeof(text), "%s %s %s %lld %lld %lld\n%s\n", last->id,
	    last->verb, last->state, last->rc, last->ms, last->at, last->why);
	return put(dir, "last", text);
}

/* The first line is the record; the second, where there is one, is why. */
bool
run_last_parse(const char *text, struct run_last *last)
{
	char end;
	int n = 0;

	memset(last, 0, sizeof(*last));
	if (sscanf(text, "%63s %31s %31s %18lld %18lld %18lld%c%n", last->id, last->verb,
		last->state, &last->rc, &last->ms, &last->at, &end, &n) != 7 ||
	    end != '\n') {
		memset(last, 0, sizeof(*last));
		return false;
	}
	text += n;
	n = (int)strcspn(text, "\n");
	snprintf(last->why, sizeof(last->why), "%.*s", n, text);
	return true;
}

bool
run_last_read(const char *dir, struct run_last *last)
{
	char text[STATE_MAX];

	memset(last, 0, sizeof(*last));
	return get(dir, "last", text) && run_last_parse(text, last);
}

struct look {
	const char *dir;
	struct run_past *past;
};

static int
look_back(void *arg)
{
	struct look *l = arg;

	l->past->has_last = run_last_read(l->dir, &l->past->last);
	l->past->has_now = run_now_read(l->dir, &l->past->now);
	return 0;
}

/* Each directory by a child of its own: one that hangs must not hide the other. */
static bool
read_dir(const char *dir, struct run_past *past)
{
	struct look l = {dir, probe_shared(sizeof(*past))};
	struct probe p = {
	    .name = "past", .limit_ms = PAST_MS, .fn = look_back, .arg = &l};
	int rc = probe_run(&p);

	probe_end(&p);
	memset(past, 0, sizeof(*past));
	if (rc == 0)
		*past = *l.past;
	munmap(l.past, sizeof(*l.past));
	return rc == 0;
}

static void
merge(struct run_past *past, const struct run_past *other)
{
	if (other->has_last && (!past->has_last || other->last.at > past->last.at)) {
		past->last = other->last;
		past->has_last = true;
	}
	if (other->has_now && (!past->has_now || other->now.at > past->now.at)) {
		past->now = other->now;
		past->has_now = true;
	}
}

bool
run_past_read(const struct site *s, struct run_past *past)
{
	struct run_past spare;
	bool answered = true;

	memset(past, 0, sizeof(*past));
	if (s->run_dir[0] != '\0')
		answered = read_dir(s->run_dir, past);
	if (s->spare_dir[0] != '\0' && read_dir(s->spare_dir, &spare)) {
		answered |= spare.has_last || spare.has_now;
		merge(past, &spare);
	}
	/* its result is there: it is over, even if its record could not be removed */
	if (past->has_last && strcmp(past->last.id, past->now.id) == 0)
		past->has_now = false;
	past->alive = past->has_now && run_now_alive(&past->now);
	/* a run that was cut short before the last one began is history */
	if (!past->alive && past->has_last && past->last.at > past->now.at)
		past->has_now = false;
	return answered;
}
