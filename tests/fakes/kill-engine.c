/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill-engine: a program of many threads is killed as it enters its Nth system call.
 *
 *   kill-engine N|allN REPORT PROGRAM [ARGUMENT...]
 *
 * Counted are the calls of all its threads together, but (without "all") only those that
 * change something outside of the process: between two of these a death looks the same
 * from there.  N 0: every one of them is counted and none kills.  Children are not
 * watched. SIGTERM goes on to the program.  At its end REPORT has the count, and "killed"
 * when it was us.  Exit status: the program's, 128 + n for a signal; 77 where ptrace is
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
#include <sys/wait.h>
#include <unistd.h>

static pid_t program;
static long calls, wanted;
static bool killed, all;

static void
on_term(int signum)
{
	kill(program, signum);
}

static bool
changes_something(uint64_t nr)
{
	static const int some[] = {SYS_accept4, SYS_bind, SYS_clone, SYS_clone3,
	    SYS_close, SYS_connect, SYS_execve, SYS_exit_group, SYS_fchmod, SYS_fdatasync,
	    SYS_flock, SYS_fsync, SYS_ftruncate, SYS_kill, SYS_listen, SYS_mkdirat,
	    SYS_openat, SYS_pwrite64, SYS_sendmsg, SYS_sendto, SYS_shutdown, SYS_socket,
	    SYS_unlinkat, SYS_write, SYS_writev,
#ifdef SYS_mkdir
	    SYS_fork, SYS_mkdir, SYS_open, SYS_rename, SYS_unlink, SYS_vfork,
#endif
	    SYS_renameat2};

	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		if ((uint64_t)some[i] == nr)
			return true;
	return false;
}

static void
on_syscall(pid_t tid)
{
	struct __ptrace_syscall_info si;

	if (killed || ptrace(PTRACE_GET_SYSCALL_INFO, tid, (void *)sizeof si, &si) <= 0 ||
	    si.op != PTRACE_SYSCALL_INFO_ENTRY ||
	    (!all && !changes_something(si.entry.nr)))
		return;
	if (++calls != wanted)
		return;
	kill(program, SIGKILL);
	killed = true;
}

static void
on_stop(pid_t tid, int status)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		on_syscall(tid);
		sig = 0;
	} else if (status >> 16 || sig == SIGTRAP || sig == SIGSTOP) {
		sig = 0;
	}
	ptrace(PTRACE_SYSCALL, tid, NULL, (void *)(intptr_t)sig);
}

static int
watch(void)
{
	int status, rc = 99;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR) {
		if (tid <= 0)
			continue;
		if (WIFSTOPPED(status))
			on_stop(tid, status);
		else if (tid == program)
			rc = WIFEXITED(status) ? WEXITSTATUS(status)
					       : 128 + WTERMSIG(status);
	}
	return rc;
}

static int
start(char **argv)
{
	int status;

	program = fork();
	if (program == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
			_exit(77);
		execv(argv[0], argv);
		_exit(127);
	}
	if (waitpid(program, &status, 0) != program || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, program, NULL,
		(void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
		    PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0)
		return -1;
	signal(SIGTERM, on_term);
	return ptrace(PTRACE_SYSCALL, program, NULL, NULL) < 0 ? -1 : 0;
}

int
main(int argc, char **argv)
{
	FILE *report;
	int rc;

	if (argc < 4)
		return 99;
	all = strncmp(argv[1], "all", 3) == 0;
	wanted = atol(argv[1] + (all ? 3 : 0));
	if (start(argv + 3) < 0)
		return 77;
	rc = watch();
	report = fopen(argv[2], "w");
	if (report) {
		fprintf(report, "%ld%s\n", calls, killed ? " killed" : "");
		fclose(report);
	}
	return rc;
}
