/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "host/lock.h"
#include "host/mono.h"
#include "host/site.h"

#define TAKE_MS 200
#define PLACE_TICK_MS 50

/* Owns fd. */
static int
hold(int fd, int limit_ms)
{
	long long deadline = mono_ms() + limit_ms;
	int cause;

	if (fd < 0)
		return -2;
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		cause = errno;
		if (cause != EINTR && (cause != EWOULDBLOCK || mono_ms() >= deadline)) {
			close(fd);
			return cause == EWOULDBLOCK ? -1 : -2;
		}
		mono_nap(10);
	}
	return fd;
}

static int
take(const char *path, int limit_ms)
{
	int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY;

	return hold(open(path, flags, 0600), limit_ms);
}

int
lock_take(const struct site *s, const char *dir)
{
	int fd = take(s->lock, TAKE_MS);

	if (fd == -2 && *dir != '\0')
		fd = hold(
		    open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), TAKE_MS);
	return fd;
}

int
lock_monitor(const struct site *s, int limit_ms)
{
	char path[SITE_PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s.monitor", s->lock);
	fd = take(path, limit_ms);
	if (fd == -2)
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd;
}

int
lock_place(const struct site *s, const char *name, int places, int limit_ms)
{
	long long deadline = mono_ms() + limit_ms;
	char path[SITE_PATH_MAX + 48];
	int fd;

	for (;;) {
		for (int i = 0; i < places; i++) {
			snprintf(path, sizeof(path), "%s.%s-%d", s->lock, name, i);
			fd = take(path, 0);
			if (fd != -1)
				return fd;
		}
		if (mono_ms() >= deadline)
			return -1;
		mono_nap(PLACE_TICK_MS);
	}
}
