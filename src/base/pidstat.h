/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pidstat.h: /proc/PID/stat, read in one place; for the launcher too. */
#ifndef BASE_PIDSTAT_H
#define BASE_PIDSTAT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct pidstat {
	char name[32]; /* as the process likes to be called: any bytes, 15 of them */
	char state;
	long parent;
	long long born; /* ticks since boot: with its number, which process it is */
};

/* pid: digits, or "self".  False: there is none, or /proc does not show it. */
static inline bool
pidstat_read(const char *pid, struct pidstat *s)
{
	char path[300], text[1024], *open_at, *rest;
	ssize_t n;
	size_t len;
	int fd;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	open_at = strchr(text, '(');
	rest = strrchr(text, ')'); /* the name in front of it may hold anything */
	if (!open_at || !rest || rest < open_at ||
	    sscanf(rest + 1,
		" %c %ld %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%*s %lld",
		&s->state, &s->parent, &s->born) != 3)
		return false;
	len = (size_t)(rest - open_at - 1);
	len = len < sizeof s->name ? len : sizeof s->name - 1;
	memcpy(s->name, open_at + 1, len);
	s->name[len] = '\0';
	return true;
}

static inline bool
pidstat_of(long pid, struct pidstat *s)
{
	char text[24];

	snprintf(text, sizeof text, "%ld", pid);
	return pidstat_read(text, s);
}

#endif
