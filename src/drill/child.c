/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/self.h"

#define CHILD_END_MS 20000 /* of one that is asked to end: a lab takes itself down */
#define CHILD_FD 3

static volatile sig_atomic_t caught;
static sigset_t before; /* the mask that a wait, and a child, has */

static void
on_signal(int signum)
{
	if (signum != SIGCHLD)
		caught = signum;
}

void
child_init(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	struct sigaction sa = {.sa_handler = on_signal};
	sigset_t ours;

	sigemptyset(&ours);
	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
		sigaddset(&ours, signals[i]);
	sigprocmask(SIG_BLOCK, &ours, &before);
	for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
		sigdelset(&before, signals[i]);
		sigaction(signals[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

int
child_signal(void)
{
	return caught;
}

bool
child_wait_fd(int fd, int64_t ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	struct timespec limit = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	return ppoll(&p, 1, ms < 0 ? NULL : &limit, &before) > 0;
}

/* --- the child's side, between fork and exec --- */

static void
place_stream(int fd, enum child_stream how, int taken)
{
	int to = how == CHILD_TAKEN ? taken
	    : how == CHILD_ASIDE    ? 2
	    : how == CHILD_HIDDEN   ? open("/dev/null", O_RDWR)
				    : fd;

	if (to != fd && dup2(to, fd) < 0)
		_exit(127);
}

static void
become(const struct child_opts *o, int taken, pid_t parent)
{
	if (o->session)
		setsid();
	if (!o->stays && self_end_with_parent(SIGTERM) < 0)
		_exit(127);
	if (getppid() != parent) /* it ended before the kernel was told */
		_exit(127);
	if (!o->reads)
		place_stream(0, CHILD_HIDDEN, -1);
	place_stream(1, o->out, taken);
	place_stream(2, o->err, taken);
	/* where it is descriptor 3 already, it must still not be closed */
	if (o->fd == CHILD_FD ? fcntl(CHILD_FD, F_SETFD, 0) < 0
			      : o->fd > 0 && dup2(o->fd, CHILD_FD) < 0)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	execv(o->argv[0], (char *const *)(uintptr_t)o->argv);
	_exit(errno == ENOENT || errno == EACCES ? 127 : 126);
}

/* --- ours --- */

static int
start(const struct child_opts *o, int taken, pid_t *pid, struct err *err)
{
	pid_t self = getpid();

	if (access(o->argv[0], X_OK) < 0)
		return err_sys(err, errno, "%s cannot be started", o->argv[0]);
	*pid = fork();
	if (*pid < 0)
		return err_sys(err, errno, "start %s", o->argv[0]);
	if (*pid == 0)
		become(o, taken, self);
	return 0;
}

int
child_start(const struct child_opts *o, pid_t *pid, struct err *err)
{
	return start(o, -1, pid, err);
}

static bool
has_ended(pid_t pid, int *code)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) != pid)
		return false;
	*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return true;
}

void
child_end(pid_t pid, int64_t limit_ms)
{
	int64_t until = clock_mono_ms() + limit_ms;
	int code;

	if (pid <= 0)
		return;
	kill(pid, SIGTERM);
	while (!has_ended(pid, &code)) {
		int64_t left = until - clock_mono_ms();

		if (left <= 0) {
			kill(pid, SIGKILL);
			waitpid(pid, &code, 0);
			return;
		}
		child_wait_fd(-1, left < 100 ? left : 100);
	}
}

/* What it says goes on being read, or it would wait for us. */
static bool
take(int fd, struct buf *to)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof data);

	if (n > 0)
		buf_add_some(to, data, (size_t)n);
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* The code of its end, or -1: given up. */
static int
await(const struct child_opts *o, pid_t pid, int fd, struct err *err)
{
	int64_t until = o->limit_ms ? clock_mono_ms() + o->limit_ms : INT64_MAX;
	int code;

	for (;;) {
		int64_t left = until - clock_mono_ms();

		if (fd >= 0 ? !child_wait_fd(fd, 0) && has_ended(pid, &code)
			    : has_ended(pid, &code))
			return code;
		if (child_signal() && !o->cleans) {
			child_end(pid, CHILD_END_MS);
			return err_set(err, ERR_USAGE, "interrupted");
		}
		if (left <= 0) {
			child_end(pid, CHILD_END_MS);
			return err_set(err, ERR_UNREACHABLE,
			    "%s did not end in %ld s: it was ended", o->argv[0],
			    (long)(o->limit_ms / 1000));
		}
		if (child_wait_fd(fd, left < 1000 ? left : 1000) && fd >= 0 &&
		    !take(fd, o->taken))
			fd = -1;
	}
}

int
child_run(const struct child_opts *o, struct err *err)
{
	int fds[2] = {-1, -1}, code = -1;
	pid_t pid;

	if (o->out == CHILD_TAKEN && pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	if (start(o, fds[1], &pid, err) == 0) {
		if (fds[1] >= 0)
			close(fds[1]);
		fds[1] = -1;
		code = await(o, pid, fds[0], err);
	}
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return code;
}
