/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Finding and ending what claude, or a tool whose warden was killed, left behind.
 *
 * Each command of the agent runs in a session of its own and survives claude.
 * As agent-host is the subreaper, all of them are below it in the process
 * tree, however they detached themselves; the tree is read from /proc.  Those of
 * an agent-host that was killed belong to nobody: their environment tells them.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/host.h"
#include "base/mem.h"
#include "base/pidfd.h"
#include "base/pidstat.h"

#define PROC_MAX 65536		 /* processes looked at */
#define ENVIRON_MAX (128 * 1024) /* bytes of one environment */

struct proc {
	pid_t pid, ppid;
	char state;
	long long born; /* clock ticks since boot: with pid, the identity */
	bool ours;
};

static int
proc_read(pid_t pid, struct proc *p)
{
	struct pidstat s;

	if (!pidstat_of(pid, &s))
		return -1;
	*p = (struct proc){
	    .pid = pid, .ppid = (pid_t)s.parent, .state = s.state, .born = s.born};
	return 0;
}

static struct proc *
proc_list(size_t *n)
{
	struct proc *list = NULL;
	size_t size = 0;
	DIR *d = opendir("/proc");
	struct dirent *e;

	*n = 0;
	while (d && (e = readdir(d)) != NULL && *n < PROC_MAX) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (*n == size) {
			size = size ? size * 2 : 256;
			list = mem_resize(list, size * sizeof *list);
		}
		if (proc_read((pid_t)atol(e->d_name), &list[*n]) == 0)
			(*n)++;
	}
	if (d)
		closedir(d);
	return list;
}

static bool
proc_is_parent_ours(const struct proc *list, size_t n, pid_t ppid)
{
	if (ppid == getpid())
		return true;
	for (size_t i = 0; i < n; i++)
		if (list[i].pid == ppid)
			return list[i].ours;
	return false;
}

static bool
is_one_of(pid_t pid, const pid_t *pids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

static void
proc_mark_ours(struct proc *list, size_t n, const pid_t *spared, size_t n_spared)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++)
			if (!list[i].ours && !is_one_of(list[i].pid, spared, n_spared) &&
			    proc_is_parent_ours(list, n, list[i].ppid))
				list[i].ours = more = true;
	}
}

/* By pidfd, so that a number that was given to another process meanwhile is safe. */
static void
proc_kill(const struct proc *p)
{
	struct proc now;
	int fd = pidfd_of(p->pid);

	if (fd < 0 && errno != ENOSYS)
		return;
	if (proc_read(p->pid, &now) == 0 && now.born == p->born) {
		if (fd < 0)
			kill(p->pid, SIGKILL);
		else
			pidfd_kill(fd, SIGKILL);
	}
	if (fd >= 0)
		close(fd);
}

int
host_proc_kill_all(const pid_t *spared, size_t n_spared)
{
	size_t n;
	struct proc *list = proc_list(&n);
	int alive = 0;

	proc_mark_ours(list, n, spared, n_spared);
	for (size_t i = 0; i < n; i++) {
		if (!list[i].ours || list[i].state == 'Z' || list[i].state == 'X')
			continue;
		proc_kill(&list[i]);
		alive++;
	}
	free(list);
	return alive;
}

/* Whether one of the environment's entries is exactly entry. */
static bool
proc_has_env(pid_t pid, const char *entry)
{
	static char env[ENVIRON_MAX + 1];
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%ld/environ", (long)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(env, 1, ENVIRON_MAX, f);
	fclose(f);
	env[n] = '\0';
	for (const char *p = env; p < env + n; p += strlen(p) + 1)
		if (strcmp(p, entry) == 0)
			return true;
	return false;
}

int
host_proc_kill_strays(const char *entry)
{
	size_t n;
	struct proc *list = proc_list(&n);
	int found = 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].state == 'Z' || list[i].pid == getpid() ||
		    !proc_has_env(list[i].pid, entry))
			continue;
		proc_kill(&list[i]);
		found++;
	}
	free(list);
	return found;
}

void
host_proc_reap(const pid_t *ours, size_t n)
{
	size_t procs;
	struct proc *list = proc_list(&procs);

	for (size_t i = 0; i < procs; i++)
		if (list[i].ppid == getpid() && list[i].state == 'Z' &&
		    !is_one_of(list[i].pid, ours, n))
			waitpid(list[i].pid, NULL, WNOHANG);
	free(list);
}
