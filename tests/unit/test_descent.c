/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a peer of the agent's?  Seen by real processes, and by a /proc of the test's own in
 * which everything is there that can be, and changes while it is looked at.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "engine/people/descent.h"
#include "scratch.h"
#include "zero.h"

#ifndef SO_PEERPIDFD
#	define SO_PEERPIDFD 77
#endif

/* --- a /proc, a peer and signals, when a test says so --- */

#define PEER 500
#define AGENT 100

static struct {
	bool on;
	pid_t peer;
	int pidfd;	  /* -1: this kernel has none */
	int looks, turns; /* opened so often; the change comes when turns is reached */
	pid_t changes;	  /* of this process */
	const char *to;	  /* what stands there then; NULL: it has ended */
	pid_t anothers;	  /* kill says EPERM of it */
	pid_t ours;	  /* kill would reach it */
} site;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_kill(pid_t pid, int sig);
int __wrap_kill(pid_t pid, int sig);
int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);

static void put(const char *pid, const char *text);

int
__wrap_open(const char *path, int flags, ...)
{
	char to[128], pid[16];
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	if (!site.on || sscanf(path, "/proc/%15[^/]/stat", pid) != 1)
		return __real_open(path, flags, mode);
	if (++site.looks == site.turns) {
		snprintf(to, sizeof to, "%d", (int)site.changes);
		put(to, site.to);
	}
	snprintf(to, sizeof to, "%s/%s", scratch_dir, pid);
	return __real_open(to, flags, mode);
}

int
__wrap_kill(pid_t pid, int sig)
{
	if (!site.on)
		return __real_kill(pid, sig);
	cr_assert_eq(sig, 0, "nobody is sent anything");
	if (pid == site.ours) {
		errno = EPERM; /* of an earlier call: it says nothing */
		return 0;
	}
	errno = pid == site.anothers ? EPERM : ESRCH;
	return -1;
}

int
__wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	if (!site.on)
		return __real_getsockopt(fd, level, name, value, len);
	if (name == SO_PEERPIDFD) {
		*(int *)value = site.pidfd < 0 ? -1 : dup(site.pidfd);
		return site.pidfd < 0 ? -1 : 0;
	}
	if (site.peer < 0)
		return -1;
	((struct ucred *)value)->pid = site.peer;
	((struct ucred *)value)->uid = 1;
	return 0;
}

/* NULL: it is gone. */
static void
put(const char *pid, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof path, "%s/%s", scratch_dir, pid);
	unlink(path);
	if (!text)
		return;
	fd = __real_open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static const char *
stat_line(long pid, long parent, long long born)
{
	static char text[256];

	snprintf(text, sizeof text,
	    "%ld (a) b) S %ld 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 %lld 22 23\n",
	    pid, parent, born);
	return text;
}

static void
process(long pid, long parent, long long born)
{
	char name[16];

	snprintf(name, sizeof name, "%ld", pid);
	put(name, stat_line(pid, parent, born));
}

/* 1 - the agent-host - a shell - the peer */
static void
begin(void)
{
	scratch();
	site.peer = PEER;
	site.pidfd = -1;
	process(1, 0, 0);
	process(AGENT, 1, 1000);
	process(400, AGENT, 2000);
	process(PEER, 400, 3000);
	put("self", stat_line(7, 1, 1));
	site.on = true;
}

static void
end(void)
{
	site.on = false;
}

TestSuite(descent_edges, .init = begin, .fini = end, .timeout = 30);

static enum descent
seen(void)
{
	int before = open_fds();
	enum descent d = descent_of(3, AGENT);

	cr_assert_eq(open_fds(), before);
	return d;
}

Test(descent_edges, whoever_is_below_it_is_and_nobody_else)
{
	cr_assert_eq(seen(), DESCENT_YES);
	site.peer = AGENT;
	cr_assert_eq(seen(), DESCENT_YES);
	site.peer = 1;
	cr_assert_eq(seen(), DESCENT_NO);
	process(600, 1, 5000);
	site.peer = 600;
	cr_assert_eq(seen(), DESCENT_NO);
	cr_assert_eq(descent_of(3, 1), DESCENT_YES);
	site.peer = 1;
	cr_assert_eq(descent_of(3, 1), DESCENT_YES, "itself");
	cr_assert_eq(descent_of(3, 0), DESCENT_NO);
	cr_assert_eq(descent_of(3, -1), DESCENT_NO);
}

Test(descent_edges, a_peer_of_another_namespace_is_none_of_ours)
{
	site.peer = 0;
	cr_assert_eq(seen(), DESCENT_NO);
	site.peer = -1; /* no credentials at all */
	cr_assert_eq(seen(), DESCENT_NO);
	site.peer = PEER;
	cr_assert_eq(descent_of(3, 1), DESCENT_YES);
}

Test(descent_edges, born_together_is_no_contradiction)
{
	process(400, AGENT, 3000);
	process(AGENT, 1, 3000);
	process(1, 0, 3000);
	cr_assert_eq(seen(), DESCENT_YES);
}

Test(descent_edges, a_parent_younger_than_its_child_is_another_process)
{
	process(400, AGENT, 3001);
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
}

Test(descent_edges, whom_one_may_not_see_is_judged_by_whom_one_may_not_signal)
{
	put("400", NULL);
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	cr_assert_eq(descent_of(3, 0), DESCENT_NO, "of nobody's is whoever it is");
	site.ours = 400;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	site.ours = 0;
	site.anothers = 400;
	cr_assert_eq(seen(), DESCENT_NO);
	site.anothers = PEER;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	put("500", NULL);
	cr_assert_eq(seen(), DESCENT_NO);
	site.anothers = 0;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
}

Test(descent_edges, where_there_is_no_proc_nothing_can_be_said)
{
	put("500", NULL);
	put("self", NULL);
	cr_assert_eq(seen(), DESCENT_NO);
	put("self", "no bracket");
	cr_assert_eq(seen(), DESCENT_NO);
	put("self", "7 (x) S 1 3");
	cr_assert_eq(seen(), DESCENT_NO, "too short");
	put("self", "");
	cr_assert_eq(seen(), DESCENT_NO);
}

Test(descent_edges, a_line_that_cannot_be_read_says_nothing)
{
	put("500", "500 nothing like it");
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	put("500", "500 (x) S 400 3 4");
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
}

/* What is seen when the change comes at that look. */
static enum descent
changes(int turns, pid_t pid, const char *to)
{
	site.looks = 0;
	site.turns = turns;
	site.changes = pid;
	site.to = to;
	return seen();
}

/* Looks: the peer, its parent, the peer again, then one further up. */
Test(descent_edges, what_changes_while_it_is_looked_at_is_looked_at_again)
{
	static char moved[256], reborn[256];

	strcpy(moved, stat_line(PEER, 1, 3000));
	strcpy(reborn, stat_line(PEER, 400, 3001));
	for (int turn = 1; turn <= 3; turn++) {
		process(PEER, 400, 3000);
		cr_assert_eq(
		    changes(turn, PEER, moved), DESCENT_NO, "moved to 1: %d", turn);
		process(PEER, 400, 3000);
		cr_assert_eq(changes(turn, PEER, reborn), DESCENT_YES, "%d", turn);
		cr_assert_eq(
		    site.looks, turn == 1 ? 5 : 3 + 5, "%d: %d", turn, site.looks);
		process(PEER, 400, 3000);
		cr_assert_eq(
		    changes(turn, PEER, NULL), DESCENT_UNKNOWN, "ended: %d", turn);
	}
	process(PEER, 400, 3000);
	cr_assert_eq(changes(2, 400, NULL), DESCENT_UNKNOWN, "its parent has ended");
	process(400, AGENT, 2000);
	cr_assert_eq(seen(), DESCENT_YES);
}

/* It gives up: a tree that moves for ever keeps nobody busy. */
Test(descent_edges, a_look_is_made_eight_times_at_most)
{
	process(400, AGENT, 3001);
	site.looks = 0;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	cr_assert_eq(site.looks, 8 * 2 + 1, "%d: two each, and /proc/self", site.looks);
}

Test(descent_edges, a_line_of_more_than_1024_is_no_tree)
{
	char name[16];

	for (int i = 0; i < 1100; i++) {
		snprintf(name, sizeof name, "%d", 1000 + i);
		put(name, stat_line(1000 + i, 1001 + i, 3000));
	}
	put("2100", stat_line(2100, AGENT, 3000));
	site.peer = 2100 - 1022;
	cr_assert_eq(seen(), DESCENT_YES);
	site.peer = 2100 - 1023;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
	site.peer = 1000;
	cr_assert_eq(seen(), DESCENT_UNKNOWN);
}

Test(descent_edges, a_number_that_was_taken_over_meanwhile_says_nothing)
{
	int ends[2], zero;

	cr_assert_eq(pipe(ends), 0);
	site.pidfd = ends[0];
	cr_assert_eq(seen(), DESCENT_YES, "it lives");
	cr_assert_eq(write(ends[1], "x", 1), 1);
	cr_assert_eq(seen(), DESCENT_UNKNOWN, "it has ended");
	zero = zero_free();
	cr_assert_eq(seen(), DESCENT_UNKNOWN, "0 is a descriptor like others");
	zero_back(zero);
	put("self", NULL);
	cr_assert_eq(seen(), DESCENT_NO);
	close(ends[0]);
	close(ends[1]);
}

/* --- real processes --- */

/* The accepted end of a connection that a child made; the child waits for its input. */
static int
connected(pid_t *child, int *its_input, bool orphan)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd, in[2];
	socklen_t len = sizeof a;
	char byte;

	cr_assert_eq(bind(listener, (struct sockaddr *)&a, sizeof(sa_family_t)), 0);
	cr_assert_eq(getsockname(listener, (struct sockaddr *)&a, &len), 0);
	cr_assert_eq(listen(listener, 1), 0);
	cr_assert_eq(pipe(in), 0);
	*child = fork();
	if (*child == 0) {
		close(in[1]);
		if (orphan && fork())
			_exit(0);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&a, len) < 0 ||
		    read(in[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(in[0]);
	*its_input = in[1];
	if (orphan)
		waitpid(*child, NULL, 0);
	fd = accept(listener, NULL, NULL);
	close(listener);
	return fd;
}

Test(descent, is_seen_up_to_the_top)
{
	pid_t child;
	int in, fd = connected(&child, &in, false);

	cr_assert_eq(descent_of(fd, 0), DESCENT_NO, "none runs");
	cr_assert_eq(descent_of(fd, child), DESCENT_YES, "itself");
	cr_assert_eq(descent_of(fd, getpid()), DESCENT_YES);
	cr_assert_eq(descent_of(fd, getppid()), DESCENT_YES);
	cr_assert_eq(descent_of(fd, 0x7ffffff0), DESCENT_NO);
	close(in);
	waitpid(child, NULL, 0);
	cr_assert_eq(descent_of(fd, getpid()), DESCENT_UNKNOWN, "it has ended");
	close(fd);
}

Test(descent, holds_for_an_orphan_whom_its_subreaper_takes_in)
{
	pid_t child;
	int in, fd;

	cr_assert_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	fd = connected(&child, &in, true);
	cr_assert_eq(descent_of(fd, getpid()), DESCENT_YES);
	close(in);
	close(fd);
	waitpid(-1, NULL, 0);
}
