/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/self.h"

static const int forwarded[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1};

bool
init_is_needed(void)
{
	return getpid() == 1;
}

/* What the agent runs may have our uid: keys of our starter are the engine's affair. */
static void
forget_environment(void)
{
	(void)self_hide();
	for (char **e = environ; *e; e++)
		explicit_bzero(*e, strlen(*e));
}

static int
exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reaps all that has ended; -1: the engine is not among it. */
static int
reap(pid_t engine)
{
	int status, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == engine)
			code = exit_code(status);
	return code;
}

static int
serve(pid_t engine, const sigset_t *set)
{
	int code = -1;

	while (code < 0) {
		int signum = sigwaitinfo(set, NULL);

		if (signum > 0 && signum != SIGCHLD)
			kill(engine, signum);
		code = reap(engine);
	}
	return code;
}

int
init_fork(void)
{
	sigset_t set, old;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (size_t i = 0; i < sizeof forwarded / sizeof *forwarded; i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &old); /* none is lost before we wait for them */
	pid = fork();
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &old, NULL);
		return -1;
	}
	if (pid < 0) {
		fprintf(stderr, "breakglass: fork: %s\n", strerror(errno));
		return 1;
	}
	forget_environment();
	return serve(pid, &set);
}
