/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/self.h"

#define CHILD_S 300 /* a disk that came back so late has lost its child */
#define OUT_FD 3

/* A grandchild: init has it, so nobody has to wait for one that hangs. */
static _Noreturn void
in_child(aside_fn *fn, void *arg, int out)
{
	int null;

	if (fork() != 0)
		_exit(0);
	log_close();
	signal(SIGALRM, SIG_DFL);
	alarm(CHILD_S);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < OUT_FD; fd++)
		dup2(null, fd);
	out = out == OUT_FD ? out : dup2(out, OUT_FD);
	self_close(OUT_FD + 1, ~0u);
	fn(arg, out);
	_exit(0);
}

/* Until the other end is closed, or that time; false: it was that. */
static bool
read_answer(int fd, int64_t until, struct buf *answer)
{
	struct pollfd p = {fd, POLLIN, 0};
	char chunk[4096];
	ssize_t n;

	for (;;) {
		int64_t left = until - clock_mono_ms();
		int rc = left > 0 ? poll(&p, 1, (int)left) : 0;

		if (rc == 0)
			return false;
		if (rc < 0 && errno == EINTR)
			continue;
		n = read(fd, chunk, sizeof chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return true;
		if (buf_add(answer, chunk, (size_t)n) < 0)
			return true;
	}
}

enum aside_end
aside_run(aside_fn *fn, void *arg, int limit_ms, struct buf *answer)
{
	int64_t until = clock_mono_ms() + limit_ms;
	int ends[2];
	bool done;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return ASIDE_FAILED;
	pid = fork();
	if (pid == 0)
		in_child(fn, arg, ends[1]);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return ASIDE_FAILED;
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	done = read_answer(ends[0], until, answer);
	close(ends[0]);
	return done ? ASIDE_DONE : ASIDE_LATE;
}
