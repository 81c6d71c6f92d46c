/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * follow.c: the front's only work once a worker runs.
 *
 * It copies a growing file to the ssh client.  It may be killed at any moment,
 * and a client that has gone away only ends this loop.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/out.h"
#include "host/run.h"

#define IDLE_MS 250 /* between looks at the worker, where inotify says nothing */

struct follow {
	int in;
	int out;
	int notify;
	pid_t worker;
	char line[OUT_LINE_MAX];
	size_t len;
	int rc;
	bool result;
	bool gone; /* the reader */
};

/* "#bg result verb=... rc=N ..." in the first column is the end. */
static void
look_at_line(struct follow *f)
{
	const char *rc;

	f->line[f->len] = '\0';
	if (strncmp(f->line, "#bg result ", 11) == 0 &&
	    (rc = strstr(f->line, " rc=")) != NULL) {
		f->rc = atoi(rc + 4);
		f->result = true;
	}
	if (f->worker == 0 && strncmp(f->line, "#bg run ", 8) == 0 &&
	    (rc = strstr(f->line, " worker=")) != NULL)
		f->worker = (pid_t)atoi(rc + 8);
}

static void
scan(struct follow *f, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			look_at_line(f);
			f->len = 0;
		} else if (f->len < sizeof(f->line) - 1)
			f->line[f->len++] = bytes[i];
	}
}

static void
write_all(struct follow *f, const char *bytes, size_t n)
{
	while (n > 0 && !f->gone) {
		ssize_t w = write(f->out, bytes, n);

		if (w > 0) {
			bytes += w;
			n -= (size_t)w;
		} else if (errno == EAGAIN) {
			struct pollfd p = {.fd = f->out, .events = POLLOUT};

			(void)poll(&p, 1, IDLE_MS);
		} else if (errno != EINTR)
			f->gone = true;
	}
}

static bool
copy_new(struct follow *f)
{
	char bytes[8192];
	bool any = false;
	ssize_t n;

	while (!f->gone && (n = read(f->in, bytes, sizeof(bytes))) > 0) {
		scan(f, bytes, (size_t)n);
		write_all(f, bytes, (size_t)n);
		any = true;
	}
	return any;
}

static bool
worker_ended(struct follow *f)
{
	if (f->worker <= 0)
		return false;
	if (waitpid(f->worker, NULL, WNOHANG) == f->worker)
		return true;
	return kill(f->worker, 0) < 0 && errno == ESRCH;
}

static void
wait_change(struct follow *f)
{
	struct pollfd p[2] = {
	    {.fd = f->notify, .events = POLLIN}, {.fd = f->out, .events = 0}};
	char events[1024];

	if (poll(p, 2, IDLE_MS) <= 0)
		return;
	if ((p[0].revents & POLLIN) && read(f->notify, events, sizeof(events)) < 0)
		return;
	if (p[1].revents & (POLLERR | POLLNVAL))
		f->gone = true;
}

static void
log_path(char *path, size_t size, const char *dir, const char *id)
{
	snprintf(path, size, "%s/runs/%s.log", dir, id);
}

int
run_wait(const char *dir, const char *id, int limit_ms)
{
	char path[SITE_PATH_MAX + RUN_ID_MAX + 32];
	long long deadline = mono_ms() + limit_ms;

	log_path(path, sizeof(path), dir, id);
	while (access(path, R_OK) < 0) {
		if (mono_ms() >= deadline)
			return -1;
		mono_nap(5);
	}
	return 0;
}

int
run_follow(
    const char *dir, const char *id, int fd, pid_t worker, int limit_ms, bool *gone)
{
	struct follow f = {.out = fd, .worker = worker, .rc = -1};
	char path[SITE_PATH_MAX + RUN_ID_MAX + 32];
	long long deadline = mono_ms() + limit_ms;

	log_path(path, sizeof(path), dir, id);
	f.notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	f.in = open(path, O_RDONLY | O_CLOEXEC);
	if (f.in < 0)
		goto out;
	if (f.notify >= 0)
		(void)inotify_add_watch(f.notify, path, IN_MODIFY);
	while (!f.result && !f.gone && mono_ms() < deadline) {
		bool ended = worker_ended(&f);

		if (copy_new(&f))
			continue;
		if (ended)
			break;
		wait_change(&f);
	}
out:
	if (f.in >= 0)
		close(f.in);
	if (f.notify >= 0)
		close(f.notify);
	*gone = f.gone;
	return f.result ? f.rc : -1;
}
