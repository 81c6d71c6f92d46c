/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/probe.h"
#include "host/proc.h"
#include "host/qemu.h"
#include "host/site.h"
#include "wire/verbs.h"

#define CMDLINE_MAX (64 * 1024) /* bytes; Proxmox's are about 4 KiB */
#define THREADS_MAX 4096
#define FIND_MS 1000
#define PATH_LEN (SITE_PATH_MAX + 80)

static pid_t
read_pidfile(const char *path)
{
	char text[32], *end;
	long n;

	if (proc_slurp(path, text, sizeof(text)) <= 0 || !isdigit((unsigned char)text[0]))
		return 0;
	n = strtol(text, &end, 10);
	if ((*end != '\0' && *end != '\n') || n < 2 || n > INT_MAX)
		return 0;
	return (pid_t)n;
}

/* Calls fn for each thread, leader included; -1 when there is no such process. */
static int
each_thread(pid_t pid, void (*fn)(void *arg, pid_t pid, pid_t tid), void *arg)
{
	char path[PATH_LEN];
	struct dirent *e;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/%d/task", proc_root, (int)pid);
	dir = opendir(path);
	if (dir == NULL)
		return -1;
	while ((e = readdir(dir)) != NULL && n < THREADS_MAX)
		if (isdigit((unsigned char)e->d_name[0])) {
			fn(arg, pid, (pid_t)atoi(e->d_name));
			n++;
		}
	closedir(dir);
	return n;
}

struct count {
	struct qemu *q;
	pid_t living; /* one that still has memory: argv can be read through it */
};

static void
thread_name(pid_t pid, pid_t tid, char *name, size_t size)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/%d/task/%d/comm", proc_root, (int)pid, (int)tid);
	if (proc_slurp(path, name, size) < 0)
		*name = '\0';
	name[strcspn(name, "\n")] = '\0';
}

static void
on_count(void *arg, pid_t pid, pid_t tid)
{
	struct count *c = arg;
	unsigned long long start;
	char path[PATH_LEN], state;

	snprintf(path, sizeof(path), "%s/%d/task/%d/stat", proc_root, (int)pid, (int)tid);
	if (proc_stat(path, &state, NULL, &start) < 0)
		return;
	if (tid == pid)
		c->q->leader = state;
	if (state == 'Z' || state == 'X')
		return;
	c->living = tid;
	c->q->threads++;
	c->q->stopped += state == 'T' || state == 't';
	if (state == 'D' && c->q->disk_wait++ == 0)
		thread_name(pid, tid, c->q->d_thread, sizeof(c->q->d_thread));
}

static bool
is_qemu_name(const char *exe)
{
	const char *base = strrchr(exe, '/');

	base = base ? base + 1 : exe;
	return strcmp(base, "kvm") == 0 || strncmp(base, "kvm ", 4) == 0 ||
	    strncmp(base, "qemu-", 5) == 0;
}

/* "-pidfile" must be ours; "-id", when there, must be 102 as a whole argument. */
static bool
args_are_ours(const char *args, size_t len, const char *pidfile)
{
	const char *end = args + len, *prev = "";
	bool pidfile_ok = false, id_ok = true;
	char id[16];

	snprintf(id, sizeof(id), "%d", VERB_VMID);
	for (const char *a = args; a < end; prev = a, a += strlen(a) + 1) {
		if (strcmp(prev, "-pidfile") == 0)
			pidfile_ok = strcmp(a, pidfile) == 0;
		if (strcmp(prev, "-id") == 0)
			id_ok = strcmp(a, id) == 0;
	}
	return pidfile_ok && id_ok;
}

static enum qemu_found
identify(const struct site *s, pid_t pid, pid_t tid)
{
	static char args[CMDLINE_MAX];
	char path[PATH_LEN], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%d/task/%d/exe", proc_root, (int)pid, (int)tid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return errno == ENOENT ? QEMU_NONE : QEMU_UNPROVEN;
	exe[n] = '\0';
	if (!is_qemu_name(exe))
		return QEMU_FOREIGN;
	snprintf(
	    path, sizeof(path), "%s/%d/task/%d/cmdline", proc_root, (int)pid, (int)tid);
	n = proc_slurp(path, args, sizeof(args));
	if (n <= 0)
		return QEMU_UNPROVEN;
	return args_are_ours(args, (size_t)n, s->pidfile) ? QEMU_OURS : QEMU_FOREIGN;
}

static void
look_at(const struct site *s, pid_t pid, struct qemu *q)
{
	struct count c = {.q = q};
	char path[PATH_LEN], state;

	memset(q, 0, sizeof(*q));
	snprintf(path, sizeof(path), "%s/%d/stat", proc_root, (int)pid);
	if (pid == 0 || proc_stat(path, &state, NULL, &q->start) < 0)
		return;
	q->pid = pid;
	q->found = QEMU_UNPROVEN; /* what stands if the next lines hang */
	if (each_thread(pid, on_count, &c) < 0 || c.q->threads == 0)
		q->found = QEMU_NONE;
	else
		q->found = identify(s, pid, c.living);
}

struct stray {
	const struct site *site;
	struct qemu found;
};

static int
on_process(void *arg, pid_t pid)
{
	struct stray *st = arg;
	struct qemu q;
	char name[32];

	thread_name(pid, pid, name, sizeof(name));
	/* anybody can call a program of theirs kvm */
	if (!is_qemu_name(name) || !proc_is_trusted(pid))
		return 0;
	look_at(st->site, pid, &q);
	if (q.found == QEMU_OURS)
		st->found = q;
	return q.found == QEMU_OURS;
}

/*
 * qm stop removes the pidfile even of a QEMU that it could not end.  Beside that
 * one no second may start, so without a good pidfile all processes are looked at.
 */
static void
find_here(const struct site *s, struct qemu *q)
{
	struct stray st = {.site = s};

	look_at(s, read_pidfile(s->pidfile), q);
	if (q->found >= QEMU_UNPROVEN)
		return;
	proc_each(on_process, &st);
	if (st.found.found == QEMU_OURS)
		*q = st.found;
}

struct find {
	const struct site *site;
	struct qemu *q;
};

static int
find_child(void *arg)
{
	struct find *f = arg;

	find_here(f->site, f->q);
	return 0;
}

/* A host without a process or a second to spare must not make a QEMU "stopped". */
static void
take_claim(const struct site *s, struct qemu *q)
{
	pid_t pid = read_pidfile(s->pidfile);
	unsigned long long start;
	char path[PATH_LEN], state;

	snprintf(path, sizeof(path), "%s/%d/stat", proc_root, (int)pid);
	if (pid == 0 || proc_stat(path, &state, NULL, &start) < 0 ||
	    !qemu_states(pid, start, q))
		return;
	q->pid = pid;
	q->start = start;
	q->found = QEMU_UNPROVEN;
}

void
qemu_find(const struct site *s, struct qemu *q)
{
	struct find f = {s, probe_shared(sizeof(*q))};
	struct probe p = {
	    .name = "find", .limit_ms = FIND_MS, .fn = find_child, .arg = &f};
	int rc = probe_run(&p);

	*q = *f.q;
	if (rc != 0 && q->found == QEMU_NONE)
		take_claim(s, q);
	probe_end(&p);
	munmap(f.q, sizeof(*q));
}

bool
qemu_states(pid_t pid, unsigned long long start, struct qemu *now)
{
	struct count c = {.q = now};
	unsigned long long is;
	char path[PATH_LEN], state;

	memset(now, 0, sizeof(*now));
	snprintf(path, sizeof(path), "%s/%d/stat", proc_root, (int)pid);
	return proc_stat(path, &state, NULL, &is) == 0 && is == start &&
	    each_thread(pid, on_count, &c) >= 0 && now->threads > 0;
}

int
qemu_threads(pid_t pid, unsigned long long start)
{
	struct qemu now;

	return qemu_states(pid, start, &now) ? now.threads : 0;
}

int
qemu_wait_gone(pid_t pid, unsigned long long start, int limit_ms)
{
	long long deadline = mono_ms() + limit_ms;

	while (qemu_threads(pid, start) > 0) {
		if (mono_ms() >= deadline)
			return -1;
		mono_nap(10);
	}
	return 0;
}

long long
qemu_switches(pid_t pid)
{
	long long sum = 0;
	char path[PATH_LEN], text[4096], *p;

	snprintf(
	    path, sizeof(path), "%s/%d/task/%d/status", proc_root, (int)pid, (int)pid);
	if (proc_slurp(path, text, sizeof(text)) <= 0)
		return -1;
	for (p = text; (p = strstr(p, "voluntary_ctxt_switches:")) != NULL; p++)
		sum += atoll(p + strlen("voluntary_ctxt_switches:"));
	return sum;
}

static void
on_vcpu(void *arg, pid_t pid, pid_t tid)
{
	long long *sum = arg, run, wait;
	unsigned long long ticks, start;
	char path[PATH_LEN], text[128], state;

	thread_name(pid, tid, text, sizeof(text));
	if (strncmp(text, "CPU ", 4) != 0)
		return;
	snprintf(
	    path, sizeof(path), "%s/%d/task/%d/schedstat", proc_root, (int)pid, (int)tid);
	if (proc_slurp(path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%lld %lld", &run, &wait) == 2) {
		*sum += run + wait;
		return;
	}
	snprintf(path, sizeof(path), "%s/%d/task/%d/stat", proc_root, (int)pid, (int)tid);
	if (proc_stat(path, &state, &ticks, &start) == 0)
		*sum += (long long)ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

long long
qemu_vcpu_ns(pid_t pid)
{
	long long sum = 0;

	return each_thread(pid, on_vcpu, &sum) < 0 ? -1 : sum;
}
