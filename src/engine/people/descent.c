/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/descent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"

#ifndef SO_PEERPIDFD
#	define SO_PEERPIDFD 77
#endif

#define LEVELS_MAX 1024
#define TRIES 8 /* a parent that ends while it is looked at makes the look void */

struct step {
	long parent;
	long long born; /* ticks since boot */
};

static bool
read_step(const char *pid, struct step *s)
{
	char path[48], text[1024], *rest;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	rest = strrchr(text, ')'); /* the name in front of it may hold anything */
	return rest &&
	    sscanf(rest + 1,
		" %*c %ld %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		"%lld",
		&s->parent, &s->born) == 2;
}

static bool
step_of(pid_t pid, struct step *s)
{
	char text[24];

	snprintf(text, sizeof text, "%ld", (long)pid);
	return read_step(text, s);
}

/*
 * Where /proc shows each uid its own alone (hidepid): the agent's processes are of our
 * uid and cannot become another's, so whom we may not signal is none of them.
 */
static bool
is_anothers(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == EPERM;
}

/* One walk upwards; a parent younger than its child is another process by now. */
static enum descent
walk(pid_t pid, pid_t from)
{
	struct step s, up, again;

	if (!step_of(pid, &s))
		return is_anothers(pid) ? DESCENT_NO : DESCENT_UNKNOWN;
	for (int i = 0; i < LEVELS_MAX; i++) {
		if (pid == from)
			return DESCENT_YES;
		if (s.parent <= 0)
			return DESCENT_NO;
		if (!step_of((pid_t)s.parent, &up))
			up.born = -1;
		if (up.born > s.born || !step_of(pid, &again) || again.born != s.born ||
		    again.parent != s.parent)
			return DESCENT_UNKNOWN;
		if (up.born < 0)
			return is_anothers((pid_t)s.parent) ? DESCENT_NO
							    : DESCENT_UNKNOWN;
		pid = (pid_t)s.parent;
		s = up;
	}
	return DESCENT_UNKNOWN;
}

static bool
has_ended(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	return pidfd >= 0 && poll(&p, 1, 0) == 1;
}

enum descent
descent_of(int fd, pid_t from)
{
	enum descent d = DESCENT_UNKNOWN;
	socklen_t len = sizeof(int);
	struct step self;
	int pidfd = -1;
	uid_t uid;
	pid_t pid;

	if (from <= 0 || fd_peer(fd, &uid, &pid) < 0 || pid <= 0)
		return DESCENT_NO; /* of another pid namespace: nothing of ours */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) < 0)
		pidfd = -1;
	for (int i = 0; i < TRIES && d == DESCENT_UNKNOWN; i++)
		d = walk(pid, from);
	if (has_ended(pidfd))
		d = DESCENT_UNKNOWN;
	if (pidfd >= 0)
		close(pidfd);
	/* where there is no /proc, nothing can be said, and the keys matter more */
	return d == DESCENT_UNKNOWN && !read_step("self", &self) ? DESCENT_NO : d;
}
