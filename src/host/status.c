/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.c: the one verb that is asked all the time.
 *
 * Takes no lock and starts no worker.  QMP is asked first and directly, because
 * "qm status" says "running" of a hung QEMU; qm is asked only where QMP cannot
 * tell, and its word is shown as qm's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/job.h"
#include "host/mono.h"
#include "host/pending.h"
#include "host/preflight.h"
#include "host/probe.h"
#include "host/qm.h"

#define STALL_MS 5000	  /* requests in use and no I/O for that long: worth a line */
#define QMP_MS 2000	  /* silence in a status; forensics wait longer */
#define QMP_BESIDE_MS 500 /* while a verb runs the monitor is its own */

struct ask {
	const struct site *site;
	struct evidence *e;
	int limit_ms;
};

static int
ask_child(void *arg)
{
	struct ask *a = arg;

	forensics_ask_qmp(a->site, ASK_ONCE, a->limit_ms, a->e);
	return 0;
}

static long long
uptime_s(const struct qemu *q)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (long long)ts.tv_sec -
	    (long long)(q->start / (unsigned)sysconf(_SC_CLK_TCK));
}

/* "status: running" of qm status; empty when it said nothing of the kind. */
static void
qm_word(struct probe *p, char *word, size_t size)
{
	size_t len;
	char *text = probe_text(p, &len);

	*word = '\0';
	if (p->rc == 0 && strncmp(text, "status: ", 8) == 0)
		snprintf(word, size, "%.*s", (int)strcspn(text + 8, " \r\n"), text + 8);
	free(text);
}

static long long
age_s(long long at)
{
	long long t = time(NULL);

	return t > at ? t - at : 0;
}

/* What an interrupted run left behind, in one sentence with what helps. */
static void
say_interrupted(struct job *j, const struct run_now *now)
{
	bool down = strcmp(j->state, "stopped") == 0;

	out_text(&j->out,
	    "interrupted: %s (%s) was cut short in phase %s, %lld s ago; VM 102 is %s%s",
	    now->verb, now->id, now->phase, age_s(now->at), j->state,
	    down && strcmp(now->verb, "stop") != 0 ? ": start brings it up"
		: down				   ? ""
		       : "; send the verb again if it is still wanted");
}

static void
say_last(struct job *j, const struct run_last *last)
{
	struct out *o = &j->out;

	out_fact(o, "last_id", last->id);
	out_fact(o, "last_verb", last->verb);
	out_fact_num(o, "last_rc", last->rc);
	out_fact(o, "last_state", last->state);
	out_fact_num(o, "last_ms", last->ms);
	out_fact_num(o, "last_age_s", age_s(last->at));
	if (last->why[0] != '\0')
		out_fact(o, "last_why", last->why);
	out_text(o, "last: %s (%s) ended with %lld, %s, %lld s ago%s%s", last->verb,
	    last->id, last->rc, last->state, age_s(last->at), last->why[0] ? ": " : "",
	    last->why);
}

static void
say_job(struct job *j, const struct run_past *past)
{
	const struct run_now *now = &past->now;
	struct out *o = &j->out;

	out_fact(o, "job",
	    !past->has_now    ? "none"
		: past->alive ? "running"
			      : "interrupted");
	if (past->has_now) {
		out_fact(o, "job_id", now->id);
		out_fact(o, "job_verb", now->verb);
		out_fact(o, "job_phase", now->phase);
		out_fact_num(o, "job_age_s", age_s(now->at));
		if (past->alive)
			out_text(o, "running now: %s (%s), phase %s, since %lld s",
			    now->verb, now->id, now->phase, age_s(now->at));
		else
			say_interrupted(j, now);
	}
	if (past->has_last)
		say_last(j, &past->last);
}

/* What was done here to VM 102, for who holds a journal against it. */
static void
say_runs(struct job *j, const struct run_list *l)
{
	char list[OUT_LINE_MAX - 32];
	size_t len = 0;

	for (size_t i = 0; i < l->count; i++) {
		char row[RUN_ID_MAX + 16];
		int n = l->row[i].rc < 0
		    ? snprintf(row, sizeof(row), "%s=-", l->row[i].id)
		    : snprintf(row, sizeof(row), "%s=%d", l->row[i].id, l->row[i].rc);

		if (len + (size_t)n + 2 > sizeof(list)) {
			out_mark(&j->out, "runs list=\"%s\"", list);
			len = 0;
		}
		len += (size_t)snprintf(
		    list + len, sizeof(list) - len, "%s%s", len ? " " : "", row);
	}
	if (len > 0)
		out_mark(&j->out, "runs list=\"%s\"", list);
}

static void
say_vm(struct job *j, const struct evidence *e, const char *word, const char *qm,
    const struct preflight *pre)
{
	struct out *o = &j->out;

	out_fact(o, "status", word);
	out_fact_num(o, "status_ms", e->qmp_ms);
	out_fact(o, "qmp", qmp_state_to_str(e->qmp));
	if (*qm)
		out_fact(o, "qm_status", qm);
	if (e->qemu.found >= QEMU_UNPROVEN) {
		out_fact_num(o, "qemu_pid", e->qemu.pid);
		out_fact_num(o, "qemu_start", (long long)e->qemu.start);
		out_fact_num(o, "uptime_s", uptime_s(&e->qemu));
	}
	if (e->a.vq)
		out_fact_num(o, "vq_inuse", (long long)e->a.inuse);
	if (e->a.blk && e->a.idle_ms >= 0)
		out_fact_num(o, "idle_ms", e->a.idle_ms);
	preflight_say(pre, o);
	if (e->qemu.found >= QEMU_UNPROVEN)
		out_text(o,
		    "VM 102: %s, QMP %s in %lld ms, QEMU pid %d up %lld s, lock %s", word,
		    qmp_state_to_str(e->qmp), e->qmp_ms, (int)e->qemu.pid,
		    uptime_s(&e->qemu), pre->lock[0] ? pre->lock : "none");
	else
		out_text(o, "VM 102: %s, no QEMU process, lock %s", word,
		    pre->lock[0] ? pre->lock : "none");
	if (e->a.vq && e->a.inuse > 0 && e->a.idle_ms >= STALL_MS)
		out_text(o,
		    "QEMU holds %llu disk requests and its last I/O was %lld s ago: perhaps an "
		    "I/O stall; forensics tell",
		    e->a.inuse, e->a.idle_ms / 1000);
	if (strcmp(word, "hung") == 0 && strcmp(qm, "running") == 0)
		out_text(o, "qm says \"running\", which it also says of a hung QEMU");
	if (pre->lock[0] != '\0')
		out_text(o, "the config's lock (%s): %s", pre->lock, pre->holder.text);
	if (!pre->ok)
		out_text(o, "a start would fail: %s", pre->why);
}

static void
say_staged(struct job *j, struct probe *p)
{
	int staged = -1;
	size_t len;
	char *text = probe_text(p, &len);

	out_mark(&j->out, "section=pending t_ms=%lld", out_ms(&j->out));
	if (p->rc == 0)
		staged = pending_print(&j->out, text, len);
	else
		out_quote(&j->out, text, len);
	out_mark(&j->out, "end=pending rc=%d ms=%lld", p->rc, p->ms);
	if (staged >= 0)
		out_fact_num(&j->out, "staged", staged);
	if (staged > 0)
		out_text(&j->out,
		    "%d staged config changes: a cycle applies them, a reset does not",
		    staged);
	free(text);
}

static void
wait_all(struct probe *const *p, size_t n, long long deadline)
{
	bool any = true;

	while (any) {
		probe_wait_any(p, n, deadline);
		any = false;
		for (size_t i = 0; i < n; i++) {
			probe_check(p[i], deadline);
			any |= p[i]->running;
		}
	}
}

int
status_do(struct job *j)
{
	const struct site *s = j->site;
	long long deadline = mono_ms() + s->status_ms;
	struct evidence *e = probe_shared(sizeof(*e));
	struct run_past past;
	bool known = run_past_read(s, &past), beside = past.alive;
	struct ask a = {s, e, beside ? QMP_BESIDE_MS : QMP_MS};
	const char *pending[] = {s->qm, "pending", "102", NULL};
	const char *status[] = {s->qm, "status", "102", NULL};
	struct probe p_qmp = {
	    .name = "qmp", .limit_ms = 3000, .fn = ask_child, .arg = &a};
	struct probe p_pending = {.name = "pending",
	    .limit_ms = 5500,
	    .argv = pending,
	    .fd = -1,
	    .rc = PROBE_TIMEOUT};
	struct probe p_status = {
	    .name = "status", .limit_ms = 5500, .argv = status, .fd = -1};
	struct probe *first[] = {&p_qmp}, *both[] = {&p_pending, &p_status};
	char qm[RUN_WORD_MAX] = "";
	struct preflight pre;
	struct run_list list;

	qemu_find(s, &e->qemu);
	probe_start(&p_qmp);
	/*
	 * A dead pmxcfs keeps whoever asks it in D state for good.  Asked every 30 s,
	 * that must not cost the host the memory of a Perl each time.
	 */
	preflight_look(s, &pre);
	if (!pre.silent)
		probe_start(&p_pending);
	wait_all(first, e->qemu.found >= QEMU_UNPROVEN ? 1 : 0, deadline);
	/* what is known is said at once; qm's Perl takes its time */
	if (beside && e->qmp != QMP_ALIVE)
		e->qmp = QMP_BUSY; /* the running verb has it; nothing to conclude */
	else if (e->qmp != QMP_ALIVE && !pre.silent) {
		probe_start(&p_status);
		wait_all(both, 2, deadline);
		qm_word(&p_status, qm, sizeof(qm));
	}
	snprintf(j->state, sizeof(j->state), "%s", verdict_status(e, qm));
	j->pid = e->qemu.found >= QEMU_UNPROVEN ? e->qemu.pid : 0;
	say_vm(j, e, j->state, qm, &pre);
	if (known)
		say_job(j, &past);
	else
		out_text(&j->out,
		    "the records of earlier runs do not answer: the host's disk hangs");
	wait_all(both, 2, deadline);
	say_staged(j, &p_pending);
	if (known) {
		run_list_read(s, &list);
		say_runs(j, &list);
	}
	probe_end(&p_qmp);
	probe_end(&p_pending);
	probe_end(&p_status);
	munmap(e, sizeof(*e));
	return CODE_OK;
}
