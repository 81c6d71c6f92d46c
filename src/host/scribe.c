/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/probe.h"
#include "host/run.h"
#include "host/scribe.h"

#define PIPE_BYTES (1024 * 1024) /* a whole run, for when the disk is slow */
#define END_MS 2000

/* A record is worth a sync when it tells of a step. */
static bool
is_step(const char *bytes, size_t len)
{
	return memmem(bytes, len, "#bg phase=", 10) != NULL ||
	    memmem(bytes, len, "#bg result ", 11) != NULL;
}

static void
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
}

/* The pipe is 3 and the file 4: all else, the verb's lock first, is closed. */
static void
scribe_main(const char *dir)
{
	char bytes[16 * 1024];
	ssize_t n;

	while ((n = read(3, bytes, sizeof(bytes))) > 0 || (n < 0 && errno == EINTR)) {
		if (n <= 0)
			continue;
		write_all(4, bytes, (size_t)n);
		if (is_step(bytes, (size_t)n))
			(void)fdatasync(4);
	}
	run_trim(4);
	(void)fsync(4);
	run_rotate(dir, RUN_KEEP);
}

/* Through high numbers, so that neither is overwritten on its way. */
static void
arrange(int in, int log)
{
	in = fcntl(in, F_DUPFD, 10);
	log = fcntl(log, F_DUPFD, 10);
	(void)dup2(in, 3);
	(void)dup2(log, 4);
	probe_close_from(5);
}

int
scribe_start(struct scribe *s, const char *dir, int log)
{
	int fds[2];

	s->pid = 0;
	s->pipe = -1;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return log;
	(void)fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
	s->pid = fork();
	if (s->pid == 0) {
		(void)setsid();
		arrange(fds[0], log);
		scribe_main(dir);
		_exit(0);
	}
	close(fds[0]);
	if (s->pid < 0) {
		s->pid = 0;
		close(fds[1]);
		return log;
	}
	(void)fcntl(fds[1], F_SETFL, O_WRONLY | O_NONBLOCK);
	s->pipe = fds[1];
	return s->pipe;
}

void
scribe_end(struct scribe *s)
{
	long long deadline = mono_ms() + END_MS;

	if (s->pid == 0)
		return;
	close(s->pipe);
	while (waitpid(s->pid, NULL, WNOHANG) == 0 && mono_ms() < deadline)
		mono_nap(1);
	s->pid = 0;
}
