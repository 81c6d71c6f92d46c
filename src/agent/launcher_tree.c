/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/launcher_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pidstat.h"
#include "base/self.h"

#define GRACE_MS 250 /* for what ends by itself when PROGRAM has ended */
#define ROUND_MS 5   /* between two rounds of killing */
#define KILL_MS 3000 /* then what still lives cannot be killed (a hung disk) */

static pid_t program;
static int status = SIGKILL; /* as waitpid gives it */
static int others;	     /* that ended after PROGRAM */

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes the ends that are there.  Returns 0 when nobody is left. */
static int
reap(void)
{
	for (;;) {
		int how;
		pid_t pid = waitpid(-1, &how, WNOHANG);

		if (pid == 0 || (pid < 0 && errno == EINTR))
			return 1;
		if (pid < 0)
			return 0;
		if (pid == program) {
			status = how;
			program = 0;
		} else if (!program)
			others++;
	}
}

/* Waits for a signal, or for ms; returns the signal, or 0. */
static int
wait_signal(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	sigset_t all;
	int sig;

	sigfillset(&all);
	sig = ms < 0 ? sigwaitinfo(&all, NULL) : sigtimedwait(&all, NULL, &t);
	return sig < 0 ? 0 : sig;
}

static bool
is_our_child(const char *pid)
{
	struct pidstat s;

	return pidstat_read(pid, &s) && s.parent == getpid();
}

/*
 * Only our own children: we alone take their ends, so a number cannot have
 * become another process.  What they leave is our child in the next round.
 */
static void
kill_children(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	while (d && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && is_our_child(e->d_name))
			kill((pid_t)atol(e->d_name), SIGKILL);
	if (d)
		closedir(d);
	else if (program)
		kill(program, SIGKILL);
}

static void
kill_all(void)
{
	long end = now_ms() + KILL_MS;

	while (reap() && now_ms() < end) {
		kill_children();
		wait_signal(ROUND_MS);
	}
}

/* Until PROGRAM ended and the grace for the others is over, or we are told to end. */
static void
watch(void)
{
	long end = 0;

	while (reap()) {
		long left = -1;
		int sig;

		if (!program && !end)
			end = now_ms() + GRACE_MS;
		if (end && (left = end - now_ms()) <= 0)
			return;
		sig = wait_signal(left);
		if (sig == SIGTERM || sig == SIGHUP || sig == SIGINT)
			return;
	}
}

static _Noreturn void
warden(int fd)
{
	int before;

	/* The pipes are PROGRAM's: their end is to be seen when it is gone. */
	for (int i = 0; i < 3; i++)
		close(i);
	watch();
	before = others;
	kill_all();
	dprintf(fd, "%s %d left %d\n", WIFSIGNALED(status) ? "signal" : "exit",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    others - before);
	_exit(0);
}

int
launcher_tree(int fd)
{
	pid_t self = getpid();
	sigset_t all;

	signal(SIGCHLD, SIG_DFL); /* ignored, it would keep the ends from us */
	sigfillset(&all);
	if (self_adopt() < 0 || sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return -1;
	program = fork();
	if (program < 0)
		return -1;
	if (program > 0)
		warden(fd);
	close(fd);
	setsid();
	/* A warden that is killed takes PROGRAM along. */
	return self_end_with_parent(SIGKILL) < 0 || getppid() != self ? -1 : 0;
}
