/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exec-probe OUT PROGRAM ARGS...: runs it, and writes a line into OUT for every program
 * that it or a child of it becomes: the descriptors that are open in that program's
 * first moment, before its first instruction.
 *
 *   PID<tab>FILE ARGV with spaces<tab>FD=TARGET<tab>FD=TARGET...
 *
 * SIGTERM is for PROGRAM.  With PROBE_LEAVE=1 it goes when PROGRAM has ended, and not
 * only when all are gone.  Whatever is there after 60 s, or when it goes, is killed.
 * Exit status of PROGRAM; 77 when this machine lets nobody trace.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define OPTIONS                                                          \
	(PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
	    PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)
#define LIMIT_S 60 /* then it is killed, and with it all that it traces */

static FILE *out;
static pid_t child;

static void
on_term(int sig)
{
	kill(child, sig);
}

static void
tell_argv(pid_t pid)
{
	char path[64], text[4000];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	for (ssize_t i = 0; i < n; i++)
		putc(text[i] == '\0' ? ' ' : text[i] < ' ' ? '?' : text[i], out);
}

static void
tell_program(pid_t pid)
{
	char path[300], to[300];
	struct dirent *e;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/exe", pid);
	n = readlink(path, to, sizeof to - 1);
	to[n < 0 ? 0 : n] = '\0';
	fprintf(out, "%d\t%s ", pid, to);
	tell_argv(pid);
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%d/fd/%.20s", pid, e->d_name);
		n = readlink(path, to, sizeof to - 1);
		to[n < 0 ? 0 : n] = '\0';
		fprintf(out, "\t%.20s=%s", e->d_name, to);
	}
	if (d)
		closedir(d);
	putc('\n', out);
	fflush(out);
}

static void
on_stop(pid_t pid, int status)
{
	int event = status >> 16, sig = WSTOPSIG(status);

	if (event == PTRACE_EVENT_EXEC)
		tell_program(pid);
	if (event == PTRACE_EVENT_STOP && sig != SIGTRAP)
		ptrace(PTRACE_LISTEN, pid, 0, 0); /* it is stopped, and stays so */
	else
		ptrace(PTRACE_CONT, pid, 0, event ? 0 : sig);
}

int
main(int argc, char **argv)
{
	int status, code = 1;
	bool leave = getenv("PROBE_LEAVE") != NULL;
	struct sigaction term = {.sa_handler = on_term};
	pid_t pid;

	if (argc < 3 || !(out = fopen(argv[1], "ae")))
		return 64;
	child = fork();
	if (child == 0) {
		raise(SIGSTOP);
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, WUNTRACED) < 0)
		return 1;
	if (ptrace(PTRACE_SEIZE, child, 0, OPTIONS) < 0) {
		kill(child, SIGKILL);
		return 77;
	}
	alarm(LIMIT_S);
	kill(child, SIGCONT);
	sigaction(SIGTERM, &term, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid > 0 && WIFSTOPPED(status))
			on_stop(pid, status);
		else if (pid == child)
			code = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
		if (pid == child && !WIFSTOPPED(status) && leave)
			break;
	}
	return code;
}
