/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/pidfd.h"
#include "host/probe.h"

#define TICK_MS 10
#define POLLED_MAX 32
#define REAP_MS 30 /* a killed child that needs longer is in D state */

static char oom_before[16];

void
probe_keep_oom_score(const char *text)
{
	strncpy(oom_before, text, sizeof(oom_before) - 1);
}

/*
 * The worker ignores the signals that end a session and hides from the OOM
 * killer; a QEMU that qm starts for us must inherit neither.
 */
void
probe_child_reset(void)
{
	static const int signals[] = {
	    SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGTSTP, SIGALRM, SIGCHLD};
	sigset_t none;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (oom_before[0] != '\0') {
		int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
		ssize_t rc = fd < 0 ? 0 : write(fd, oom_before, strlen(oom_before));

		(void)rc;
		if (fd >= 0)
			close(fd);
	}
}

void
probe_close_from(int first)
{
	if (syscall(SYS_close_range, (unsigned)first, ~0U, 0) == 0)
		return;
	for (int fd = first; fd < 1024; fd++)
		(void)close(fd);
}

/*
 * A file in memory of a fixed size: a limit on the child's file sizes would do
 * too, but it would also hit a log that qm appends to.
 */
static int
output_file(const char *name)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd >= 0 &&
	    (ftruncate(fd, PROBE_OUTPUT_MAX) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
run_child(struct probe *p, pid_t parent)
{
	int null;

	(void)setsid();
	if (p->tied && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent))
		_exit(127);
	probe_child_reset();
	null = open("/dev/null", O_RDONLY);
	if (null >= 0)
		(void)dup2(null, 0);
	(void)dup2(p->fd, 1);
	(void)dup2(p->fd, 2);
	probe_close_from(3);
	if (p->fn != NULL)
		_exit(p->fn(p->arg) & 255);
	execv(p->argv[0], (char *const *)(uintptr_t)p->argv);
	_exit(127);
}

void
probe_start(struct probe *p)
{
	pid_t self = getpid();

	p->started = mono_ms();
	p->pidfd = -1;
	p->done = p->told = p->running = p->killed = false;
	p->ms = 0;
	p->rc = 127;
	p->fd = output_file(p->name);
	p->pid = p->fd < 0 ? -1 : fork();
	if (p->pid == 0)
		run_child(p, self);
	if (p->pid < 0) {
		p->done = true;
		return;
	}
	p->running = true;
	p->pidfd = pidfd_of(p->pid);
}

static bool
reap(struct probe *p)
{
	int status;

	if (waitpid(p->pid, &status, WNOHANG) != p->pid)
		return false;
	p->rc = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (p->killed)
		p->rc = PROBE_TIMEOUT;
	return true;
}

static void
finish(struct probe *p)
{
	p->ms = mono_ms() - p->started;
	p->running = false;
	p->done = true;
	if (p->pidfd >= 0)
		close(p->pidfd);
	p->pidfd = -1;
}

void
probe_kill(struct probe *p)
{
	if (!p->running)
		return;
	p->killed = true;
	(void)kill(-p->pid, SIGKILL);
	(void)kill(p->pid, SIGKILL);
}

static void
give_up(struct probe *p, long long until)
{
	probe_kill(p);
	while (!reap(p) && mono_ms() < until)
		mono_nap(1);
	p->rc = PROBE_TIMEOUT;
	finish(p);
}

void
probe_check(struct probe *p, long long deadline)
{
	long long now = mono_ms();

	if (!p->running)
		return;
	if (reap(p))
		finish(p);
	else if (now >= deadline)
		give_up(p, deadline + REAP_MS); /* one wait for all that hang */
	else if (now >= p->started + p->limit_ms)
		give_up(p, now + REAP_MS);
}

void
probe_wait_any(struct probe *const *probes, size_t n, long long deadline)
{
	struct pollfd fds[POLLED_MAX];
	long long now = mono_ms(), wake = deadline < now + 100 ? deadline : now + 100;
	nfds_t count = 0;

	for (size_t i = 0; i < n && count < POLLED_MAX; i++) {
		const struct probe *p = probes[i];

		if (!p->running)
			continue;
		if (p->started + p->limit_ms < wake)
			wake = p->started + p->limit_ms;
		if (p->pidfd < 0 && wake > now + TICK_MS)
			wake = now + TICK_MS;
		else if (p->pidfd >= 0)
			fds[count++] = (struct pollfd){.fd = p->pidfd, .events = POLLIN};
	}
	(void)poll(fds, count, wake > now ? (int)(wake - now) : 0);
}

int
probe_run(struct probe *p)
{
	long long deadline;

	probe_start(p);
	deadline = p->started + p->limit_ms;
	while (p->running) {
		probe_wait_any(&p, 1, deadline);
		probe_check(p, deadline);
	}
	return p->rc;
}

void
probe_end(struct probe *p)
{
	if (p->running)
		give_up(p, mono_ms() + REAP_MS);
	if (p->fd > 0)
		close(p->fd);
	p->fd = -1;
}

char *
probe_text(const struct probe *p, size_t *len)
{
	char *text = calloc(1, PROBE_OUTPUT_MAX + 1);
	off_t wrote = p->fd < 0 ? 0 : lseek(p->fd, 0, SEEK_CUR);
	ssize_t n;

	/* the child's descriptors share our offset: it stands where they wrote to */
	if (text == NULL)
		abort();
	if (wrote > PROBE_OUTPUT_MAX)
		wrote = PROBE_OUTPUT_MAX;
	n = wrote > 0 ? pread(p->fd, text, (size_t)wrote, 0) : 0;
	*len = n > 0 ? (size_t)n : 0;
	return text;
}

void *
probe_shared(size_t size)
{
	void *mem =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		abort();
	return mem;
}
