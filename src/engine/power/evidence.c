/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/evidence.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/power/verdict.h"

#define AGE_WORTH_SAYING_MS 60000

struct lines {
	struct verdict *v;
	const struct verdict_in *in;
	const struct vmfacts *h;
	const struct vmfacts_measured *m;
	const struct ladder_seen *l; /* NULL: no climb */
	unsigned asked;		     /* the lines that the word rests on */
};

static void __attribute__((format(printf, 2, 3)))
say(struct lines *o, const char *fmt, ...)
{
	char *line = o->v->evidence[o->v->evidence_count];
	va_list ap;

	if (o->v->evidence_count == VERDICT_EVIDENCE_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(line, VERDICT_LINE_MAX + 1, fmt, ap);
	va_end(ap);
	line[text_cut(line, strlen(line))] = '\0';
	o->v->evidence_count++;
}

/* "40 ms", "3.1 s", "5 min" */
static const char *
span(long long ms, char out[24])
{
	if (ms < 1000)
		snprintf(out, 24, "%lld ms", ms);
	else
		clock_age(ms, out, 24);
	return out;
}

static void
say_status(struct lines *o)
{
	char took[24], up[40] = "", age[24], old[48] = "", text[24];
	long ms = o->m->qmp_ms >= 0 ? o->m->qmp_ms : (long)o->h->status_ms;

	if (!o->h->status[0])
		return;
	if (o->m->uptime_s >= 0)
		snprintf(up, sizeof up, ", up %s",
		    clock_age(o->m->uptime_s * 1000LL, text, sizeof text));
	if (o->in->host_age_ms > AGE_WORTH_SAYING_MS)
		snprintf(old, sizeof old, " (%s ago)",
		    clock_age(o->in->host_age_ms, age, sizeof age));
	if (strcmp(o->m->vm, "missing") == 0)
		say(o, "host: no config of VM 102 on this node");
	else if (o->h->plain && !o->h->marks)
		say(o,
		    "host: status %s after %s; the host program is old and measures no more%s",
		    o->h->status, span(o->h->status_ms, took), old);
	else if (strcmp(o->h->qmp, "alive") == 0)
		say(o, "host: status %s: QMP answered in %s, QEMU pid %ld%s%s",
		    o->h->status, span(ms, took), o->h->pid, up, old);
	else if (strcmp(o->h->status, "stopped") == 0)
		say(o, "host: status stopped: no QEMU process%s", old);
	else if (strcmp(o->h->qmp, "hung") == 0)
		say(o,
		    "host: QMP gave no answer in %s and the main thread stands still, QEMU pid %ld%s%s",
		    span(ms, took), o->h->pid, up, old);
	else
		say(o, "host: status %s, QMP %s, QEMU pid %ld%s%s", o->h->status,
		    o->h->qmp[0] ? o->h->qmp : "not asked", o->h->pid, up, old);
}

static void
say_threads(struct lines *o)
{
	if (o->m->threads_stopped > 0)
		say(o, "host: %ld of QEMU's %ld threads are stopped by a signal",
		    o->m->threads_stopped, o->m->threads);
	if (o->m->threads_disk_wait > 0)
		say(o, "host: %ld of QEMU's %ld threads wait for the host's storage (D)",
		    o->m->threads_disk_wait, o->m->threads);
}

static void
say_gdb(struct lines *o)
{
	if (o->m->main_waits_in[0])
		say(o, "host: the main thread waits in %s", o->m->main_waits_in);
}

static void
say_disks(struct lines *o)
{
	char gap[24], idle[24], last[48] = "";

	if (o->m->idle_ms >= 0)
		snprintf(
		    last, sizeof last, "; last I/O %s ago", span(o->m->idle_ms, idle));
	if (o->m->gap_ms < 0 || o->m->wr_delta < 0) {
		if (o->m->idle_ms >= 0)
			say(o, "host: the disk's last I/O was %s ago", idle);
		return;
	}
	span(o->m->gap_ms, gap);
	if (o->m->wr_delta == 0 && o->m->rd_delta <= 0)
		say(o, "host: read and write counters stood still for %s%s", gap, last);
	else if (o->m->wr_delta == 0)
		say(o, "host: write counters stood still for %s, reads went on (+%ld)%s",
		    gap, o->m->rd_delta, last);
	else
		say(o, "host: %ld writes and %ld reads in %s%s", o->m->wr_delta,
		    o->m->rd_delta < 0 ? 0 : o->m->rd_delta, gap, last);
}

static void
say_queue(struct lines *o)
{
	char gap[24];

	if (o->m->vq_inuse < 0)
		return;
	if (o->m->vq_used_delta < 0)
		say(o, "host: the disk queue holds %ld request%s", o->m->vq_inuse,
		    o->m->vq_inuse == 1 ? "" : "s");
	else
		say(o, "host: the disk queue holds %ld request%s, %ld finished in %s",
		    o->m->vq_inuse, o->m->vq_inuse == 1 ? "" : "s", o->m->vq_used_delta,
		    span(o->m->gap_ms < 0 ? 0 : o->m->gap_ms, gap));
}

static void
say_agent(struct lines *o)
{
	if (!o->m->agent[0] || strcmp(o->m->agent, "unasked") == 0)
		return;
	if (strcmp(o->m->agent, "none") == 0)
		say(o, "host: no guest agent is there to ask");
	else
		say(o, "host: guest agent %s%s%s", o->m->agent,
		    o->m->freeze[0] ? ", file systems " : "", o->m->freeze);
}

static void
say_cpu(struct lines *o)
{
	if (o->m->vcpu_pct >= 0)
		say(o, "host: the guest uses %ld %% of a core", o->m->vcpu_pct);
}

/* Rows that tell of trouble, quoted; false: there is none, or it shows a login. */
static bool
say_screen_trouble(struct lines *o)
{
	const struct screen_seen *s = &o->m->seen;
	bool said = false;

	for (int i = 0; i < s->count; i++) {
		if (screen_says_group(s->line[i].row) == SCREEN_LOGIN)
			continue;
		say(o, "host: the screen shows%s: %s: %s",
		    s->line[i].above ? ", scrolled out of sight" : "",
		    screen_says_words(s->line[i].row), s->line[i].text);
		said = true;
	}
	return said;
}

static void
say_screen(struct lines *o)
{
	const struct vmfacts_measured *m = o->m;

	if (say_screen_trouble(o))
		return;
	if (m->screen_says[0])
		say(o, "host: the screen shows: %s", m->screen_says);
	for (int i = 0; i < 2; i++)
		if (m->screen_line[i][0])
			say(o, "host: screen: %s", m->screen_line[i]);
}

/* What the guest itself wrote there is said whatever the word is. */
static void
say_screen_beside(struct lines *o)
{
	if (!(o->asked & E_SCREEN))
		say_screen_trouble(o);
}

static void
say_picture(struct lines *o)
{
	if (o->in->png)
		say(o, "host: the screen's picture is saved: %s", o->in->png);
}

static void
say_nic(struct lines *o)
{
	if (o->m->link[0])
		say(o, "host: the guest's network link is %s", o->m->link);
}

static void
say_jobs(struct lines *o)
{
	if (o->m->block_jobs > 0)
		say(o, "host: %ld block jobs run (a backup or a mirror)",
		    o->m->block_jobs);
}

static void
say_past(struct lines *o)
{
	char age[24];

	if (o->m->rrd_zero_write_s > 0)
		say(o, "host: its statistics show no write for %s",
		    span(o->m->rrd_zero_write_s * 1000LL, age));
	if (o->m->rrd_silent_s > 0)
		say(o, "host: its statistics have no answer of QEMU for %s",
		    span(o->m->rrd_silent_s * 1000LL, age));
}

static void
say_host(struct lines *o)
{
	const struct vmfacts_measured *m = o->m;

	if (m->host_load1[0] || m->host_psi_io[0])
		say(o, "host: load %s, I/O pressure %s %%, %ld MB free",
		    m->host_load1[0] ? m->host_load1 : "?",
		    m->host_psi_io[0] ? m->host_psi_io : "?",
		    m->host_mem_free_mb < 0 ? 0 : m->host_mem_free_mb);
}

static size_t
ladder_part(char *out, size_t n, size_t size, const char *what, int64_t ms)
{
	char took[24];

	if (ms < 0 || n >= size)
		return n;
	snprintf(out + n, size - n, "%s%s after %s", n ? ", " : "", what, span(ms, took));
	return strlen(out);
}

/* " in 8.0 s": how long the rung that gave no answer was waited for. */
static const char *
waited(const struct verdict_in *in, int rung, char out[40])
{
	int64_t ms = in->ladder_took_ms - (rung ? in->ladder->rung_ms[rung - 1] : 0);
	char text[24];

	out[0] = '\0';
	if (in->ladder_took_ms > 0 && ms > 0)
		snprintf(out, 40, " in %s", span(ms, text));
	return out;
}

/* What matters of a failed rung's words, without our own name for the host. */
static const char *
short_why(const char *why)
{
	static const char *const tails[] = {"No space left", "Read-only file system"};
	const char *at;

	for (size_t i = 0; i < ARRAY_LEN(tails); i++)
		if ((at = strstr(why, tails[i])) != NULL)
			return at;
	if (strncmp(why, "devvm ", 6) == 0 && (at = strchr(why + 6, ' ')) != NULL)
		return at + 1;
	return why;
}

static void
say_ladder(struct lines *o)
{
	static const char *const what[RUNGS] = {"a TCP connection", "sshd's banner",
	    "the key exchange", "the login", "a command", "sudo", "a write with sync"};
	const struct ladder_seen *l = o->l;
	char text[VERDICT_LINE_MAX + 1] = "";
	size_t n;
	char took[40];
	int next = 0;

	if (!l)
		return;
	while (next < RUNGS && l->rung_ms[next] >= 0)
		next++;
	n = ladder_part(text, 0, sizeof text, "TCP", next == 1 ? l->rung_ms[0] : -1);
	n = ladder_part(text, n, sizeof text, "banner", l->rung_ms[RUNG_BANNER]);
	n = ladder_part(text, n, sizeof text, "login", l->rung_ms[RUNG_AUTH]);
	n = ladder_part(text, n, sizeof text, "command",
	    next > RUNG_SUDO ? -1 : l->rung_ms[RUNG_EXEC]);
	n = ladder_part(
	    text, n, sizeof text, "sudo", next > RUNG_DISK ? -1 : l->rung_ms[RUNG_SUDO]);
	n = ladder_part(text, n, sizeof text, "write with sync", l->rung_ms[RUNG_DISK]);
	if (next == RUNGS)
		say(o, "devvm: %s", text);
	else if (l->hung || l->disk_hung)
		say(o, "devvm: %s%s%s did not come back%s", text, n ? ", then " : "",
		    what[next], waited(o->in, next, took));
	else
		say(o, "devvm: %s%s%s failed: %s", text, n ? ", then " : "", what[next],
		    l->why[0] ? short_why(l->why) : "no reason given");
}

static void
say_load(struct lines *o)
{
	if (o->l && o->l->load1 >= 0 && o->l->cpus > 0)
		say(o, "devvm: load %.1f on %ld CPU%s", o->l->load1, o->l->cpus,
		    o->l->cpus == 1 ? "" : "s");
}

static void
say_mem(struct lines *o)
{
	if (o->l && o->l->mem_total_kb > 0 && o->l->mem_avail_kb >= 0)
		say(o, "devvm: %ld of %ld MB memory available, %ld MB swap free",
		    o->l->mem_avail_kb / 1024, o->l->mem_total_kb / 1024,
		    o->l->swap_free_kb < 0 ? 0 : o->l->swap_free_kb / 1024);
}

static void
say_used(struct lines *o)
{
	if (o->l && o->l->root_used_pct >= 0)
		say(o, "devvm: the fullest file system is %d %% used",
		    o->l->root_used_pct);
}

static void
say_units(struct lines *o)
{
	if (o->l && o->l->failed_units > 0)
		say(o, "devvm: %d failed units: %s", o->l->failed_units, o->l->failed);
}

static void
say_link(struct lines *o, const char *who, enum verdict_link link, const char *why)
{
	if (link == VERDICT_LINK_UP)
		say(o, "%s: the connection answers", who);
	else if (link == VERDICT_LINK_DOWN)
		say(o, "%s: the connection is down%s%s", who, why && *why ? ": " : "",
		    why ? why : "");
}

static void
say_dev_link(struct lines *o)
{
	if (!o->l)
		say_link(o, "devvm", o->in->devvm, o->in->devvm_why);
}

static void
say_pve_link(struct lines *o)
{
	say_link(o, "pve", o->in->pve, o->in->pve_why);
}

/* What stands in a verb's way is said whatever the word is. */
static void
say_in_the_way(struct lines *o)
{
	if (o->h->lock[0])
		say(o, "host: config lock %s%s%s", o->h->lock,
		    o->m->lock_holder[0] ? ", held by " : "", o->m->lock_holder);
	if (o->m->staged > 0)
		say(o, "host: %ld staged config changes wait for a cycle", o->m->staged);
	if (strcmp(o->m->startable, "no") == 0)
		say(o, "host: a start would be refused%s%s",
		    o->m->startable_why[0] ? ": " : "", o->m->startable_why);
	if (o->m->hung_probes[0])
		say(o, "host: given up at their limit: %s", o->m->hung_probes);
}

static const struct {
	unsigned line;
	void (*say)(struct lines *o);
} rows[] = {
    {E_STATUS, say_status},
    {E_THREADS, say_threads},
    {E_GDB, say_gdb},
    {E_DISKS, say_disks},
    {E_QUEUE, say_queue},
    {E_AGENT, say_agent},
    {E_CPU, say_cpu},
    {E_LADDER, say_ladder},
    {E_SCREEN, say_screen},
    {E_NIC, say_nic},
    {E_JOBS, say_jobs},
    {E_LOAD, say_load},
    {E_MEM, say_mem},
    {E_USED, say_used},
    {E_UNITS, say_units},
    {E_DEV_LINK, say_dev_link},
    {E_PVE_LINK, say_pve_link},
    {~0u, say_in_the_way},
    {E_PAST, say_past},
    {E_HOST, say_host},
    {~0u, say_screen_beside},
    {~0u, say_picture},
};

void
evidence_add(struct verdict *v, const struct verdict_in *in, const struct vmfacts *host,
    unsigned lines)
{
	struct lines o = {
	    .v = v, .in = in, .h = host, .m = &host->m, .l = in->ladder, .asked = lines};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (lines & rows[i].line)
			rows[i].say(&o);
}
