/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/descent.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/pidstat.h"

#define LEVELS_MAX 1024
#define TRIES 8 /* a parent that ends while it is looked at makes the look void */

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
	struct pidstat s, up, again;

	if (!pidstat_of(pid, &s))
		return is_anothers(pid) ? DESCENT_NO : DESCENT_UNKNOWN;
	for (int i = 0; i < LEVELS_MAX; i++) {
		if (pid == from)
			return DESCENT_YES;
		if (s.parent <= 0)
			return DESCENT_NO;
		if (!pidstat_of(s.parent, &up))
			up.born = -1;
		if (up.born > s.born || !pidstat_of(pid, &again) ||
		    again.born != s.born || again.parent != s.parent)
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
	struct pidstat self;
	int pidfd;
	uid_t uid;
	pid_t pid;

	if (from <= 0 || fd_peer(fd, &uid, &pid) < 0 || pid <= 0)
		return DESCENT_NO; /* of another pid namespace: nothing of ours */
	pidfd = fd_peer_pidfd(fd);
	for (int i = 0; i < TRIES && d == DESCENT_UNKNOWN; i++)
		d = walk(pid, from);
	if (has_ended(pidfd))
		d = DESCENT_UNKNOWN;
	if (pidfd >= 0)
		close(pidfd);
	/* where there is no /proc, nothing can be said, and the keys matter more */
	return d == DESCENT_UNKNOWN && !pidstat_read("self", &self) ? DESCENT_NO : d;
}
