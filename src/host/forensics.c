/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host/forensics.h"
#include "host/gdb.h"
#include "host/look.h"
#include "host/mono.h"
#include "host/out.h"
#include "host/pending.h"
#include "host/preflight.h"
#include "host/probe.h"
#include "host/rrd.h"
#include "host/shot.h"
#include "host/site.h"
#include "host/tell.h"
#include "wire/verbs.h"

#define MARGIN_MS 80 /* of the whole: to kill and collect what hangs */
#define GDB_MS 2500
#define GDB_LET_GO_MS 300
#define GDB_LEAST_MS 700 /* with less time left it is not begun */

enum {
	P_PROCESS,
	P_HOST,
	P_KERNEL,
	P_DISKS,
	P_QMP,
	P_AGENT,
	P_CONFIG,
	P_PENDING,
	P_TASKS,
	P_STORAGE,
	P_RRD,
	P_GDB,
	P_QM_STATUS,
	PROBES
};

struct capture {
	struct look look; /* first: what look.c's probes are given */
	const struct site *site;
	struct evidence *e; /* shared with the probes, as is shot */
	struct shot *shot;
	struct out *o;
	struct gdb_ask gdb;
	long long deadline;
	bool brief;
	struct probe p[PROBES];
};

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

	forensics_ask_all(
	    c->site, c->brief, (int)(c->deadline - mono_ms() - MARGIN_MS), e, c->shot);
	printf("qmp %s after %lld ms%s%s\n", qmp_state_to_str(e->qmp), e->qmp_ms,
	    e->status[0] ? ", status " : "", e->status);
	print_sample("first", &e->a);
	if (e->both) {
		print_sample("second", &e->b);
		printf("gap %lld ms, vCPUs %d %% of a core\n", e->gap_ms, e->vcpu_pct);
	}
	if (e->iothreads >= 0)
		printf("iothreads %d\n", e->iothreads);
	if (e->block_jobs >= 0)
		printf("block jobs %d\n", e->block_jobs);
	fflush(stdout);
	return 0;
}

static int
probe_agent(void *arg)
{
	static const char *const words[] = {"not asked", "not there", "alive", "silent"};
	const struct capture *c = arg;

	forensics_ask_agent(
	    c->site, forensics_greeting_ms(c->site, c->brief, &c->e->qemu), c->e);
	printf("guest agent %s%s%s\n", words[c->e->agent],
	    c->e->freeze[0] ? ", file systems " : "", c->e->freeze);
	fflush(stdout);
	return 0;
}

static void
quote(struct out *o, const char *text, size_t len)
{
	out_quote(o, text, len < PROBE_SHOWN_MAX ? len : PROBE_SHOWN_MAX);
}

static void
take_rrd(struct capture *c, const char *text, size_t len)
{
	static struct rrd rrd;
	long long now = time(NULL);

	if (rrd_parse(text, len, &rrd) < 0) {
		quote(c->o, text, len);
		return;
	}
	rrd_print(c->o, &rrd);
	c->e->rrd_zero_write_s = rrd_zero_write_s(&rrd, now);
	c->e->rrd_silent_s = rrd_silent_s(&rrd, now);
}

static void
print_output(struct capture *c, int which, const char *text, size_t len)
{
	struct evidence *e = c->e;
	int staged;

	if (which == P_PENDING && c->p[which].rc == 0) {
		staged = pending_print(c->o, text, len);
		e->staged = staged;
	} else if (which == P_CONFIG && c->p[which].rc == 0) {
		config_print(c->o, text, len);
		preflight_config_lock(text, e->lock, sizeof(e->lock));
	} else if (which == P_RRD && c->p[which].rc == 0)
		take_rrd(c, text, len);
	else
		quote(c->o, text, len);
	if (which == P_GDB)
		gdb_main_waits_in(
		    text, e->qemu.pid, e->main_waits_in, sizeof(e->main_waits_in));
}

/* "config,gdb": the probes that were given up. */
static void
list_hung(const struct capture *c, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (int i = 0; i < PROBES; i++)
		if (c->p[i].rc == PROBE_TIMEOUT && n + strlen(c->p[i].name) + 2 < size)
			n += (size_t)snprintf(
			    text + n, size - n, "%s%s", n ? "," : "", c->p[i].name);
}

static void
print_section(struct capture *c, int which)
{
	struct probe *p = &c->p[which];
	size_t len;
	char *text = probe_text(p, &len);

	p->told = true;
	out_mark(c->o, "section=%s t_ms=%lld", p->name, out_ms(c->o));
	print_output(c, which, text, len);
	if (p->rc == PROBE_TIMEOUT)
		out_text(c->o, "  gave up after %lld ms", p->ms);
	out_mark(c->o, "end=%s rc=%d ms=%lld", p->name, p->rc, p->ms);
	free(text);
	if (which == P_QMP)
		tell_screen(c->o, c->shot);
}

static void
leave_out(struct probe *p)
{
	p->done = p->told = true;
}

static bool
waits(const struct probe *p)
{
	return !p->running && !p->done;
}

/* What is known so far says that this QEMU works for nobody, and gdb can look. */
static bool
wants_gdb(const struct capture *c)
{
	struct verdict v;

	if (access(c->site->gdb, X_OK) < 0 || !gdb_is_safe(&c->e->qemu) ||
	    c->deadline - mono_ms() < GDB_LEAST_MS)
		return false;
	verdict_make(c->e, &v);
	return v.word == VERDICT_HUNG || v.word == VERDICT_STALL;
}

static void
start_gdb(struct capture *c)
{
	long long left = c->deadline - mono_ms() - GDB_LET_GO_MS;
	int limit = left < GDB_MS ? (int)left : GDB_MS;

	c->gdb = (struct gdb_ask){c->site->gdb, &c->e->qemu, limit};
	/* it ends itself, and with more time for what it must leave in order */
	c->p[P_GDB].limit_ms = limit + GDB_LET_GO_MS;
	probe_start(&c->p[P_GDB]);
}

/*
 * gdb stops QEMU, which would spoil what QMP and the agent say, so it waits for
 * both.  qm status comes last and only when it can tell something: on a silent
 * QMP it waits 3 s and then says "running" whatever is true.
 */
static void
follow_up(struct capture *c)
{
	struct probe *p = c->p;

	if (waits(&p[P_GDB]) && p[P_QMP].done && p[P_AGENT].done) {
		if (wants_gdb(c))
			start_gdb(c);
		else
			leave_out(&p[P_GDB]);
	}
	if (waits(&p[P_QM_STATUS]) && p[P_GDB].done) {
		if (c->brief && c->e->qmp != QMP_ALIVE)
			leave_out(&p[P_QM_STATUS]);
		else
			probe_start(&p[P_QM_STATUS]);
	}
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
collect(struct capture *c)
{
	struct probe *list[PROBES];

	for (int i = 0; i < PROBES; i++)
		list[i] = &c->p[i];
	for (bool last = false;;) {
		last = mono_ms() >= c->deadline;
		for (int i = 0; last && i < PROBES; i++)
			probe_kill(list[i]);
		for (int i = 0; i < PROBES; i++) {
			probe_check(list[i], c->deadline);
			if (list[i]->done && !list[i]->told)
				print_section(c, i);
		}
		if (last || all_told(c->p))
			break;
		follow_up(c);
		probe_wait_any(list, PROBES, c->deadline);
	}
	/* a gdb that was given up did not get to leave things in order itself */
	if (c->p[P_GDB].rc == PROBE_TIMEOUT)
		(void)gdb_let_go(&c->e->qemu, GDB_LET_GO_MS);
	for (int i = 0; i < PROBES; i++)
		probe_end(&c->p[i]);
}

static bool
is_there(const struct capture *c, int which)
{
	const struct site *s = c->site;

	switch (which) {
	case P_QMP:
	case P_AGENT:
		return c->e->qemu.found >= QEMU_UNPROVEN;
	case P_STORAGE:
		return access(s->lvs, X_OK) == 0;
	case P_RRD:
		return access(s->pvesh, X_OK) == 0;
	}
	return true;
}

static void
begin(struct capture *c)
{
	for (int i = 0; i < PROBES; i++) {
		c->p[i].fd = c->p[i].pidfd = -1;
		if (i == P_QM_STATUS || i == P_GDB)
			continue;
		if (is_there(c, i))
			probe_start(&c->p[i]);
		else
			leave_out(&c->p[i]);
	}
}

/* "/nodes/NODE/...": Proxmox's node name is the host's, without its domain. */
static void
rrd_path(char *path, size_t size)
{
	char node[65] = "";

	(void)gethostname(node, sizeof(node) - 1);
	node[strcspn(node, ".")] = '\0';
	snprintf(path, size, "/nodes/%s/qemu/%d/rrddata", node, VERB_VMID);
}

static void
set_unknown(struct evidence *e)
{
	e->staged = e->vcpu_pct = e->block_jobs = e->iothreads = -1;
	e->load1_x100 = e->psi_io_x100 = e->mem_free_mb = -1;
	e->rrd_zero_write_s = e->rrd_silent_s = -1;
}

/*
 * A stop that has ended meanwhile, a debugger's for example, is no hang: what
 * was silent then may speak now, and nobody is killed for it.
 */
static void
look_again(struct evidence *e)
{
	struct qemu now;

	if (e->qemu.stopped == 0 || !qemu_states(e->qemu.pid, e->qemu.start, &now))
		return;
	if (e->qmp == QMP_HUNG && now.stopped == 0)
		e->qmp = QMP_BUSY;
	now.found = e->qemu.found;
	now.pid = e->qemu.pid;
	now.start = e->qemu.start;
	e->qemu = now;
}

static void
conclude(struct capture *c, struct evidence *e, struct verdict *v)
{
	char hung[200];

	c->e->screen = c->shot->kind;
	c->e->link = c->shot->link;
	if (c->shot->kind == SHOT_TEXT)
		c->e->says = screen_says(&c->shot->text);
	look_again(c->e);
	*e = *c->e;
	verdict_make(e, v);
	list_hung(c, hung, sizeof(hung));
	tell_facts(c->o, e, c->shot, hung);
	tell_verdict(c->o, v);
	tell_png(c->o, c->shot);
	out_phase(c->o, "forensics-done", NULL);
}

void
forensics_run(const struct site *s, struct out *o, bool brief, struct evidence *e,
    struct verdict *v)
{
	const char *config[] = {s->qm, "config", "102", "--current", "1", NULL};
	const char *pending[] = {s->qm, "pending", "102", NULL};
	const char *status[] = {s->qm, "status", "102", "--verbose", "1", NULL};
	const char *lvs[] = {s->lvs, "--noheadings", "-o",
	    "vg_name,lv_name,data_percent,metadata_percent", NULL};
	char rrd[128];
	const char *pvesh[] = {
	    s->pvesh, "get", rrd, "--timeframe", "hour", "--output-format", "json", NULL};
	struct capture c = {
	    .site = s,
	    .e = probe_shared(sizeof(*c.e)),
	    .shot = probe_shared(sizeof(*c.shot)),
	    .o = o,
	    .brief = brief,
	    .deadline = mono_ms() + s->forensics_ms - MARGIN_MS,
	    .p =
		{
		    [P_PROCESS] = {.name = "process",
			.limit_ms = 1000,
			.fn = look_process},
		    [P_HOST] = {.name = "host", .limit_ms = 1000, .fn = look_host},
		    [P_KERNEL] = {.name = "kernel", .limit_ms = 1000, .fn = look_kernel},
		    [P_DISKS] = {.name = "disks", .limit_ms = 2000, .fn = look_disks},
		    [P_QMP] = {.name = "qmp", .limit_ms = 7500, .fn = probe_qmp},
		    [P_AGENT] = {.name = "agent", .limit_ms = 5500, .fn = probe_agent},
		    [P_CONFIG] = {.name = "config", .limit_ms = 3000, .argv = config},
		    [P_PENDING] = {.name = "pending", .limit_ms = 3000, .argv = pending},
		    [P_TASKS] = {.name = "tasks", .limit_ms = 1000, .fn = look_tasks},
		    [P_STORAGE] = {.name = "storage", .limit_ms = 3000, .argv = lvs},
		    [P_RRD] = {.name = "rrd",
			.limit_ms = brief ? 3000 : 5000,
			.argv = pvesh},
		    [P_GDB] = {.name = "gdb", .fn = gdb_probe},
		    [P_QM_STATUS] = {.name = "qm-status",
			.limit_ms = 5000,
			.argv = status},
		},
	};

	out_phase(o, "forensics", NULL);
	rrd_path(rrd, sizeof(rrd));
	set_unknown(c.e);
	qemu_find(s, &c.e->qemu);
	c.look = (struct look){s, c.e};
	for (int i = 0; i < PROBES; i++) {
		c.p[i].arg = &c;
		c.p[i].tied = i != P_GDB; /* that one has to leave QEMU in order */
	}
	c.p[P_GDB].arg = &c.gdb;
	begin(&c);
	collect(&c);
	conclude(&c, e, v);
	munmap(c.e, sizeof(*c.e));
	munmap(c.shot, sizeof(*c.shot));
}
