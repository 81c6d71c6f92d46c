/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/gdb.h"
#include "host/mono.h"
#include "host/pidfd.h"

#define KILLED_MS 200 /* a killed gdb that needs longer is in D state */
#define LET_GO_MS 500
#define SIGNAL_AFTER_MS 50 /* a gdb that ended well has its process run by then */
#define TICK_MS 10

bool
gdb_is_safe(const struct qemu *q)
{
	return q->found == QEMU_OURS && q->threads > 0 && q->disk_wait == 0 &&
	    q->stopped == 0 && q->leader != 'Z';
}

/* State letters of this very process; false: it is gone. */
static bool
look(const struct qemu *q, struct qemu *now)
{
	return qemu_states(q->pid, q->start, now);
}

bool
gdb_let_go(const struct qemu *q, int limit_ms)
{
	long long begin = mono_ms();
	int fd = pidfd_of(q->pid);
	struct qemu now;
	bool runs = false;

	/* the pidfd first, then the look: what is looked at is what gets the signal */
	while (!(runs = !look(q, &now) || now.stopped == 0) &&
	    mono_ms() < begin + limit_ms) {
		if (fd >= 0 && mono_ms() >= begin + SIGNAL_AFTER_MS)
			(void)pidfd_kill(fd, SIGCONT);
		mono_nap(TICK_MS);
	}
	if (fd >= 0)
		close(fd);
	return runs;
}

static void
exec_gdb(const struct gdb_ask *a)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)a->qemu->pid);
	execl(a->path, a->path, "-nx", "-nh", "-q", "-batch", "-iex", "set auto-load off",
	    "-iex", "set pagination off", "-iex", "set width 0", "-p", pid, "-ex",
	    "thread apply all bt 24", (char *)NULL);
	_exit(127);
}

/* In our own process group: who gives us up, ends gdb with us. */
int
gdb_probe(void *arg)
{
	const struct gdb_ask *a = arg;
	long long deadline = mono_ms() + a->limit_ms;
	struct qemu now;
	int status = 0;
	pid_t pid;

	if (!look(a->qemu, &now) || now.disk_wait > 0 || now.stopped > 0) {
		printf("not asked: a thread of QEMU is stopped or waits for a disk\n");
		fflush(stdout);
		return 1;
	}
	pid = fork();
	if (pid == 0)
		exec_gdb(a);
	if (pid < 0)
		return 127;
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (mono_ms() >= deadline) {
			(void)kill(pid, SIGKILL);
			for (deadline += KILLED_MS;
			     waitpid(pid, NULL, WNOHANG) != pid && mono_ms() < deadline;)
				mono_nap(TICK_MS);
			(void)gdb_let_go(a->qemu, LET_GO_MS);
			return 124;
		}
		mono_nap(TICK_MS);
	}
	(void)gdb_let_go(a->qemu, LET_GO_MS);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Ways of waiting: they say that a thread waits, not for what. */
static bool
only_waits(const char *name)
{
	static const char *const words[] = {"poll", "select", "epoll", "futex",
	    "pthread_", "lll_lock", "syscall", "qemu_poll_ns", "qemu_mutex_lock",
	    "qemu_cond_", "fdmon_", "aio_poll", "g_main_context", "nanosleep", "clone",
	    "start_thread", "read", "recv", "__GI_", "sigwait", "pause"};
	const char *p = name + strspn(name, "_");

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0 ||
		    strstr(name, "_cond_wait") != NULL)
			return true;
	return strncmp(p, "ppoll", 5) == 0 || strncmp(p, "GI_", 3) == 0;
}

/* "#3  0x000055d in aio_poll () from ..." or "#0  main (argc=1) at ...". */
static void
frame_name(const char *line, char *name, size_t size)
{
	const char *p = line + 1;
	size_t n = 0;

	while (isdigit((unsigned char)*p))
		p++;
	while (*p == ' ')
		p++;
	if (strncmp(p, "0x", 2) == 0) {
		p += strcspn(p, " ");
		p = strncmp(p, " in ", 4) == 0 ? p + 4 : "";
	}
	while (n + 1 < size &&
	    (isalnum((unsigned char)p[n]) ||
		(p[n] != '\0' && strchr("_.:@$", p[n]) != NULL))) {
		name[n] = p[n];
		n++;
	}
	name[n] = '\0';
}

static bool
is_thread(const char *line, int pid)
{
	static const char *const words[] = {"(LWP ", "(process "};
	const char *p;

	if (strncmp(line, "Thread ", 7) != 0)
		return false;
	for (int i = 0; i < 2; i++)
		if ((p = strstr(line, words[i])) != NULL)
			return atoi(p + strlen(words[i])) == pid;
	return false;
}

void
gdb_main_waits_in(const char *text, int pid, char *name, size_t size)
{
	char line[200], frame[64];
	bool inside = false;

	*name = '\0';
	for (const char *p = text, *next; *p != '\0'; p = next) {
		size_t n = strcspn(p, "\n");

		next = p[n] == '\n' ? p + n + 1 : p + n;
		snprintf(line, sizeof(line), "%.*s", (int)(n < 190 ? n : 190), p);
		if (strncmp(line, "Thread ", 7) == 0)
			inside = is_thread(line, pid);
		if (!inside || line[0] != '#')
			continue;
		frame_name(line, frame, sizeof(frame));
		if (frame[0] == '\0')
			continue;
		if (*name == '\0' || !only_waits(frame))
			snprintf(name, size, "%s", frame);
		if (!only_waits(frame))
			return;
	}
}
