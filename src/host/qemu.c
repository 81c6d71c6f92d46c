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
#include "host/qemu.h"
#include "host/site.h"
#include "wire/verbs.h"

#define CMDLINE_MAX (64 * 1024) /* bytes; Proxmox's are about 4 KiB */
#define THREADS_MAX 4096
#define FIND_MS 1000

static ssize_t
slurp(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t n = 0;
	ssize_t rc = 0;

	if (fd < 0)
		return -1;
	while (n < size - 1 && (rc = read(fd, buf + n, size - 1 - n)) > 0)
		n += (size_t)rc;
	close(fd);
	buf[n] = '\0';
	return rc < 0 ? -1 : (ssize_t)n;
}

/* comm may hold spaces and parentheses: fields count from the last ')'. */
static int
read_stat(
    const char *path, char *state, unsigned long long *ticks, unsigned long long *start)
{
	char text[1024], *p;
	unsigned long long ut, st;

	if (slurp(path, text, sizeof(text)) <= 0 || (p = strrchr(text, ')')) == NULL)
		return -1;
	if (sscanf(p + 1,
		" %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d "
		"%*d %*d %llu",
		state, &ut, &st, start) != 4)
		return -1;
	if (ticks != NULL)
		*ticks = ut + st;
	return 0;
}

static pid_t
read_pidfile(const char *path)
{
	char text[32], *end;
	long n;

	if (slurp(path, text, sizeof(text)) <= 0 || !isdigit((unsigned char)text[0]))
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
	char path[64];
	struct dirent *e;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
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
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", (int)pid, (int)tid);
	if (slurp(path, name, size) < 0)
		*name = '\0';
	name[strcspn(name, "\n")] = '\0';
}

static void
on_count(void *arg, pid_t pid, pid_t tid)
{
	struct count *c = arg;
	unsigned long long start;
	char path[80], state;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (read_stat(path, &state, NULL, &start) < 0)
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
	char path[80], exe[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/exe", (int)pid, (int)tid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n < 0)
		return errno == ENOENT ? QEMU_NONE : QEMU_UNPROVEN;
	exe[n] = '\0';
	if (!is_qemu_name(exe))
		return QEMU_FOREIGN;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/cmdline", (int)pid, (int)tid);
	n = slurp(path, args, sizeof(args));
	if (n <= 0)
		return QEMU_UNPROVEN;
	return args_are_ours(args, (size_t)n, s->pidfile) ? QEMU_OURS : QEMU_FOREIGN;
}

void
qemu_find_here(const struct site *s, struct qemu *q)
{
	struct count c = {.q = q};
	char path[64], state;
	pid_t pid = read_pidfile(s->pidfile);

	memset(q, 0, sizeof(*q));
	if (pid == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_stat(path, &state, NULL, &q->start) < 0)
		return;
	q->pid = pid;
	q->found = QEMU_UNPROVEN; /* what stands if the next lines hang */
	if (each_thread(pid, on_count, &c) < 0 || c.q->threads == 0) {
		q->found = QEMU_NONE;
		return;
	}
	q->found = identify(s, pid, c.living);
}

struct find {
	const struct site *site;
	struct qemu *q;
};

static int
find_child(void *arg)
{
	struct find *f = arg;

	qemu_find_here(f->site, f->q);
	return 0;
}

void
qemu_find(const struct site *s, struct qemu *q)
{
	struct find f = {s, probe_shared(sizeof(*q))};
	struct probe p = {
	    .name = "find", .limit_ms = FIND_MS, .fn = find_child, .arg = &f};

	(void)probe_run(&p);
	*q = *f.q;
	probe_end(&p);
	munmap(f.q, sizeof(*q));
}

bool
qemu_states(pid_t pid, unsigned long long start, struct qemu *now)
{
	struct count c = {.q = now};
	unsigned long long is;
	char path[64], state;

	memset(now, 0, sizeof(*now));
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	return read_stat(path, &state, NULL, &is) == 0 && is == start &&
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
	char path[80], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)pid);
	if (slurp(path, text, sizeof(text)) <= 0)
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
	char path[80], text[128], state;

	thread_name(pid, tid, text, sizeof(text));
	if (strncmp(text, "CPU ", 4) != 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", (int)pid, (int)tid);
	if (slurp(path, text, sizeof(text)) > 0 &&
	    sscanf(text, "%lld %lld", &run, &wait) == 2) {
		*sum += run + wait;
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
	if (read_stat(path, &state, &ticks, &start) == 0)
		*sum += (long long)ticks * (1000000000 / sysconf(_SC_CLK_TCK));
}

long long
qemu_vcpu_ns(pid_t pid)
{
	long long sum = 0;

	return each_thread(pid, on_vcpu, &sum) < 0 ? -1 : sum;
}
