/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill-at: a worker of breakglass-pve is killed at one exact moment.
 *
 *   kill-at before|after WORD PROGRAM [ARGUMENT...]
 *   kill-at call N PROGRAM [ARGUMENT...]
 *   kill-at count 0 PROGRAM [ARGUMENT...]
 *
 * "before phase=stopped": as it enters the write of that mark, "after": as it
 * leaves it, "call": at its Nth system call; "count" kills nobody and prints
 * how many there were, last line.  The worker is who writes the line "#bg run"
 * first.  Its guard and what it started live on.
 *
 * Exit status: the program's; 98 when the moment never came; 77 where ptrace is
 * forbidden.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static enum { BEFORE, AFTER, CALL, COUNT } mode;
static const char *word;
static long wanted;
static pid_t front, worker;
static long calls;
static bool killed;
static bool armed; /* AFTER: the write of the mark has been entered */

static size_t
text_of(pid_t pid, uint64_t at, uint64_t len, char *text, size_t size)
{
	struct iovec here = {text, len < size - 1 ? len : size - 1};
	struct iovec there = {(void *)(uintptr_t)at, here.iov_len};
	ssize_t n = process_vm_readv(pid, &here, 1, &there, 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

static void
shoot(void)
{
	kill(worker, SIGKILL);
	killed = true;
}

static void
on_entry(pid_t pid, const struct __ptrace_syscall_info *si)
{
	static const char first[] = "#bg run id=";
	char text[700];

	if (pid == worker) {
		calls++;
		if (mode == CALL && calls == wanted)
			shoot();
	}
	if (si->entry.nr != SYS_write)
		return;
	(void)text_of(pid, si->entry.args[1], si->entry.args[2], text, sizeof(text));
	if (strncmp(text, "#bg ", 4) != 0)
		return;
	if (worker == 0 && strncmp(text, first, sizeof(first) - 1) == 0)
		worker = pid;
	if (pid != worker || strncmp(text + 4, word, strlen(word)) != 0)
		return;
	if (mode == BEFORE)
		shoot();
	armed = mode == AFTER;
}

static void
on_syscall(pid_t pid)
{
	struct __ptrace_syscall_info si;

	if (killed || ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof(si), &si) <= 0)
		return;
	if (si.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(pid, &si);
	else if (si.op == PTRACE_SYSCALL_INFO_EXIT && armed && pid == worker)
		shoot();
}

/* What was exec'd is qm, QEMU or another helper: not ours to watch. */
static void
on_stop(pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		on_syscall(pid);
		sig = 0;
	} else if (event == PTRACE_EVENT_EXEC && pid != front) {
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
		return;
	} else if (event != 0 || sig == SIGTRAP || sig == SIGSTOP)
		sig = 0;
	ptrace(killed ? PTRACE_CONT : PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)sig);
}

static int
watch(void)
{
	int status, rc = 99;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (pid <= 0)
			continue;
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		if (pid == front)
			rc = WIFEXITED(status) ? WEXITSTATUS(status)
					       : 128 + WTERMSIG(status);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	static const char *const modes[] = {"before", "after", "call", "count"};
	int status, rc;

	if (argc < 4)
		return 99;
	for (mode = BEFORE; mode < COUNT && strcmp(modes[mode], argv[1]) != 0; mode++)
		;
	word = argv[2];
	wanted = atol(word);
	front = fork();
	if (front == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		execv(argv[3], argv + 3);
		_exit(127);
	}
	if (waitpid(front, &status, 0) != front || !WIFSTOPPED(status))
		return 77;
	if (ptrace(PTRACE_SETOPTIONS, front, NULL,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		    PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)) < 0)
		return 77;
	ptrace(PTRACE_SYSCALL, front, NULL, NULL);
	rc = watch();
	if (mode == COUNT) {
		printf("%ld\n", calls);
		return rc;
	}
	return killed ? rc : 98;
}
