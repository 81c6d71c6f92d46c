/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/forensics.h"
#include "host/mono.h"
#include "host/out.h"
#include "host/pending.h"
#include "host/preflight.h"
#include "host/probe.h"
#include "host/site.h"

#define TAIL_MAX 4096 /* bytes of a log or task list */
#define THREADS_SHOWN 64
#define KERNEL_LINES 20u
#define KERNEL_LINE_MAX 300
#define KERNEL_WARNING 4 /* syslog level; below is worse */
#define LVS "/usr/sbin/lvs"

enum {
	P_PROCESS,
	P_HOST,
	P_KERNEL,
	P_QMP,
	P_AGENT,
	P_CONFIG,
	P_PENDING,
	P_TASKS,
	P_STORAGE,
	P_QM_STATUS,
	PROBES
};

struct capture {
	const struct site *site;
	struct evidence *e;
};

static void
cat_file(const char *label, const char *path)
{
	char text[TAIL_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *save = NULL, *l = strtok_r(text, "\n", &save); l != NULL;
	     l = strtok_r(NULL, "\n", &save))
		printf("%s %s\n", label, l);
}

static void
word_of(char *dst, size_t size, const char *dir, const char *tid, const char *name)
{
	char path[128];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/%.16s/%s", dir, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, dst, size - 1);
	if (fd >= 0)
		close(fd);
	dst[n > 0 ? n : 0] = '\0';
	dst[strcspn(dst, "\n")] = '\0';
}

/* Where in the kernel it waits: names the storage driver that does not answer. */
static void
cat_stack(const char *dir, const char *tid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%.16s/stack", dir, tid);
	cat_file("        ", path);
}

/* One line a thread: state, where in the kernel it sleeps, which call. */
static int
probe_process(void *arg)
{
	const struct capture *c = arg;
	const struct qemu *q = &c->e->qemu;
	char dir[48], comm[32], stat[512], wchan[64], call[128], *state;
	struct dirent *d;
	DIR *tasks;
	int n = 0;

	printf("pid %d, main thread %c, %d threads, %d stopped, %d waiting for a disk\n",
	    (int)q->pid, q->leader ? q->leader : '-', q->threads, q->stopped,
	    q->disk_wait);
	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)q->pid);
	tasks = q->pid > 0 ? opendir(dir) : NULL;
	while (tasks != NULL && (d = readdir(tasks)) != NULL && n < THREADS_SHOWN) {
		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		word_of(comm, sizeof(comm), dir, d->d_name, "comm");
		word_of(stat, sizeof(stat), dir, d->d_name, "stat");
		word_of(wchan, sizeof(wchan), dir, d->d_name, "wchan");
		word_of(call, sizeof(call), dir, d->d_name, "syscall");
		state = strrchr(stat, ')');
		call[strcspn(call, " ")] = '\0';
		printf("%-8.16s %c %-16s wchan=%s syscall=%s\n", d->d_name,
		    state && state[1] ? state[2] : '?', comm, *wchan ? wchan : "-",
		    *call ? call : "-");
		if (state && state[1] && state[2] == 'D')
			cat_stack(dir, d->d_name);
		fflush(stdout);
		n++;
	}
	fflush(stdout);
	return 0;
}

static int
probe_host(void *arg)
{
	cat_file("loadavg", "/proc/loadavg");
	cat_file("pressure cpu", "/proc/pressure/cpu");
	cat_file("pressure io", "/proc/pressure/io");
	cat_file("pressure memory", "/proc/pressure/memory");
	cat_file("uptime", "/proc/uptime");
	fflush(stdout);
	return 0;
}

/* The host kernel's last warnings: a disk that times out says so there. */
static int
probe_kernel(void *arg)
{
	static char lines[KERNEL_LINES][KERNEL_LINE_MAX];
	char record[1024], *text;
	unsigned n = 0;
	ssize_t len;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	/* EPIPE: records were overwritten while we read; the next read goes on */
	while (fd >= 0 &&
	    ((len = read(fd, record, sizeof(record) - 1)) > 0 ||
		(len < 0 && errno == EPIPE))) {
		record[len > 0 ? len : 0] = '\0';
		text = strchr(record, ';');
		if (text == NULL || (atoi(record) & 7) > KERNEL_WARNING)
			continue;
		text[strcspn(text, "\n")] = '\0';
		snprintf(lines[n++ % KERNEL_LINES], KERNEL_LINE_MAX, "%s", text + 1);
	}
	for (unsigned i = n > KERNEL_LINES ? n - KERNEL_LINES : 0; i < n; i++)
		printf("%s\n", lines[i % KERNEL_LINES]);
	fflush(stdout);
	return 0;
}

static int
probe_tasks(void *arg)
{
	const struct capture *c = arg;

	cat_file("task", c->site->pve_tasks);
	fflush(stdout);
	return 0;
}

static void
print_sample(const char *label, const struct sample *s)
{
	if (s->blk)
		printf(
		    "%s: reads %llu, writes %llu, flushes %llu, last I/O %lld ms ago\n",
		    label, s->rd, s->wr, s->flush, s->idle_ms);
	if (s->vq)
		printf("%s: disk queues: %llu in use, used index %llu\n", label, s->inuse,
		    s->used);
}

static int
probe_qmp(void *arg)
{
	const struct capture *c = arg;
	struct evidence *e = c->e;

	forensics_ask_qmp(c->site, ASK_TWICE, c->site->greeting_ms, e);
	printf("qmp %s after %lld ms%s%s\n", qmp_state_to_str(e->qmp), e->qmp_ms,
	    e->status[0] ? ", status " : "", e->status);
	print_sample("first", &e->a);
	if (e->both) {
		print_sample("second", &e->b);
		printf("gap %lld ms, vCPUs %d %% of a core\n", e->gap_ms, e->vcpu_pct);
	}
	fflush(stdout);
	return 0;
}

static int
probe_agent(void *arg)
{
	static const char *const words[] = {"not asked", "not there", "alive", "silent"};
	const struct capture *c = arg;

	forensics_ask_agent(c->site, c->site->greeting_ms, c->e);
	printf("guest agent %s%s%s\n", words[c->e->agent],
	    c->e->freeze[0] ? ", file systems " : "", c->e->freeze);
	fflush(stdout);
	return 0;
}

static void
print_section(struct out *o, struct probe *p, int which, struct evidence *e)
{
	size_t len;
	char *text = probe_text(p, &len);

	p->told = true;
	out_mark(o, "section=%s t_ms=%lld", p->name, out_ms(o));
	if (which == P_PENDING) {
		int staged = pending_print(o, text, len);

		if (p->rc == 0)
			e->staged = staged;
		else
			out_quote(o, text, len);
	} else if (which == P_CONFIG && p->rc == 0) {
		config_print(o, text, len);
		preflight_config_lock(text, e->lock, sizeof(e->lock));
	} else
		out_quote(o, text, len);
	if (p->rc == PROBE_TIMEOUT)
		out_text(o, "  gave up after %lld ms", p->ms);
	out_mark(o, "end=%s rc=%d ms=%lld", p->name, p->rc, p->ms);
	free(text);
}

static void
say_facts(struct out *o, const struct evidence *e)
{
	static const char *const agents[] = {"unasked", "none", "alive", "silent"};
	static const char *const found[] = {"none", "foreign", "unproven", "ours"};

	out_fact(o, "qemu", found[e->qemu.found]);
	if (e->qemu.found >= QEMU_UNPROVEN) {
		out_fact_num(o, "qemu_pid", e->qemu.pid);
		out_fact_num(o, "qemu_start", (long long)e->qemu.start);
		out_fact_num(o, "threads", e->qemu.threads);
		out_fact_num(o, "threads_stopped", e->qemu.stopped);
		out_fact_num(o, "threads_disk_wait", e->qemu.disk_wait);
	}
	out_fact(o, "qmp", qmp_state_to_str(e->qmp));
	out_fact_num(o, "qmp_ms", e->qmp_ms);
	out_fact(o, "status", verdict_status(e, ""));
	if (e->both && e->a.blk && e->b.blk) {
		out_fact_num(o, "gap_ms", e->gap_ms);
		out_fact_num(o, "rd_delta", (long long)(e->b.rd - e->a.rd));
		out_fact_num(o, "wr_delta", (long long)(e->b.wr - e->a.wr));
		out_fact_num(o, "flush_delta", (long long)(e->b.flush - e->a.flush));
		out_fact_num(o, "idle_ms", e->b.idle_ms);
		out_fact_num(o, "vcpu_pct", e->vcpu_pct);
	}
	if (e->both && e->a.vq && e->b.vq) {
		out_fact_num(o, "vq_inuse", (long long)e->b.inuse);
		out_fact_num(o, "vq_used_delta", (long long)(e->b.used - e->a.used));
	}
	out_fact(o, "agent", agents[e->agent]);
	if (e->freeze[0] != '\0')
		out_fact(o, "freeze", e->freeze);
	if (e->staged >= 0)
		out_fact_num(o, "staged", e->staged);
	out_fact(o, "lock", e->lock[0] ? e->lock : "none");
}

static void
say_verdict(struct out *o, const struct verdict *v)
{
	char why[300];

	escape_value(why, sizeof(why), v->why);
	out_mark(o, "verdict word=%s advice=%s why=%s", verdict_to_str(v->word),
	    v->advice, *v->why ? why : "\"\"");
	out_text(o, "verdict: %s: %s%s%s", verdict_to_str(v->word), v->why,
	    strcmp(v->advice, "none") == 0 ? "" : "; advice: ",
	    strcmp(v->advice, "none") == 0 ? "" : v->advice);
}

/*
 * qm status comes last and only when it can tell something: on a silent QMP it
 * waits 3 s and then says "running" whatever is true.
 */
static void
follow_up(struct probe *p, const struct evidence *e, bool brief)
{
	if (p[P_QM_STATUS].running || p[P_QM_STATUS].done || !p[P_QMP].done)
		return;
	if (brief && e->qmp != QMP_ALIVE)
		p[P_QM_STATUS].done = p[P_QM_STATUS].told = true;
	else
		probe_start(&p[P_QM_STATUS]);
}

static bool
all_told(const struct probe *p)
{
	for (int i = 0; i < PROBES; i++)
		if (!p[i].told)
			return false;
	return true;
}

static void
collect(
    struct out *o, struct probe *p, struct evidence *e, bool brief, long long deadline)
{
	struct probe *list[PROBES];

	for (int i = 0; i < PROBES; i++)
		list[i] = &p[i];
	for (bool last = false;;) {
		last = mono_ms() >= deadline;
		for (int i = 0; i < PROBES; i++) {
			probe_check(&p[i], deadline);
			if (p[i].done && !p[i].told)
				print_section(o, &p[i], i, e);
		}
		if (last || all_told(p))
			break;
		follow_up(p, e, brief);
		probe_wait_any(list, PROBES, deadline);
	}
}

void
forensics_run(const struct site *s, struct out *o, bool brief, struct evidence *e,
    struct verdict *v)
{
	struct evidence *shared = probe_shared(sizeof(*shared));
	struct capture c = {s, shared};
	const char *config[] = {s->qm, "config", "102", "--current", "1", NULL};
	const char *pending[] = {s->qm, "pending", "102", NULL};
	const char *status[] = {s->qm, "status", "102", "--verbose", "1", NULL};
	static const char *const lvs[] = {LVS, "--noheadings", "-o",
	    "vg_name,lv_name,data_percent,metadata_percent", NULL};
	struct probe p[PROBES] = {
	    [P_PROCESS] = {.name = "process", .limit_ms = 1000, .fn = probe_process},
	    [P_HOST] = {.name = "host", .limit_ms = 1000, .fn = probe_host},
	    [P_KERNEL] = {.name = "kernel", .limit_ms = 1000, .fn = probe_kernel},
	    [P_QMP] = {.name = "qmp", .limit_ms = 7500, .fn = probe_qmp},
	    [P_AGENT] = {.name = "agent", .limit_ms = 5500, .fn = probe_agent},
	    [P_CONFIG] = {.name = "config", .limit_ms = 3000, .argv = config},
	    [P_PENDING] = {.name = "pending", .limit_ms = 3000, .argv = pending},
	    [P_TASKS] = {.name = "tasks", .limit_ms = 1000, .fn = probe_tasks},
	    [P_STORAGE] = {.name = "storage", .limit_ms = 3000, .argv = lvs},
	    [P_QM_STATUS] = {.name = "qm-status", .limit_ms = 5000, .argv = status},
	};
	long long deadline = mono_ms() + s->forensics_ms;

	out_phase(o, "forensics", NULL);
	shared->staged = -1;
	shared->vcpu_pct = -1;
	qemu_find(s, &shared->qemu);
	for (int i = 0; i < PROBES; i++) {
		p[i].arg = &c;
		p[i].fd = p[i].pidfd = -1;
		if (i == P_QM_STATUS)
			continue;
		if ((i == P_QMP || i == P_AGENT) && shared->qemu.found < QEMU_UNPROVEN)
			p[i].done = p[i].told = true;
		else if (i == P_STORAGE && access(LVS, X_OK) < 0)
			p[i].done = p[i].told = true;
		else
			probe_start(&p[i]);
	}
	collect(o, p, shared, brief, deadline);
	for (int i = 0; i < PROBES; i++)
		probe_end(&p[i]);
	*e = *shared;
	munmap(shared, sizeof(*shared));
	verdict_make(e, v);
	say_facts(o, e);
	say_verdict(o, v);
	out_phase(o, "forensics-done", NULL);
}
