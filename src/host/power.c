/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * power.c: what start, stop, reset and cycle mean.
 *
 * Nothing is stopped before it is known that it can be started again; a QEMU
 * is ended only when it is proven to be VM 102's; nothing is started while a
 * thread of the old one lives; and no exit status of qm is believed without a
 * look at the process and at QMP.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/job.h"
#include "host/mono.h"
#include "host/preflight.h"
#include "host/qm.h"
#include "host/qmp.h"
#include "host/site.h"

#define START_TRIES 4
#define STOP_TRIES 3
#define HA_WAIT_MS 60000 /* with HA, qm only asks the manager and returns */
#define ASK_MS 1000	 /* QMP while verifying */
#define THAW_MS 5000
#define RESET_USED_MIN 100 /* a younger queue proves nothing */

struct power {
	struct job *j;
	struct evidence e;
	struct verdict v;
	struct preflight pre;
};

static void
set_state(struct job *j, const char *word, long long pid)
{
	snprintf(j->state, sizeof(j->state), "%s", word);
	j->pid = pid;
}

int
job_fail(struct job *j, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(j->why, sizeof(j->why), fmt, ap);
	va_end(ap);
	return rc;
}

static bool
is_down(const struct power *p)
{
	return p->v.word == VERDICT_STOPPED;
}

static bool
is_stuck(const struct power *p)
{
	return p->v.word == VERDICT_HUNG || p->v.word == VERDICT_STALL;
}

/* "suspended" is saved state on disk: a start is what takes it back. */
static int
check_lock(struct power *p)
{
	const char *lock = p->pre.lock[0] ? p->pre.lock : p->e.lock;

	if (*lock == '\0' || (is_down(p) && strcmp(lock, "suspended") == 0))
		return CODE_OK;
	return job_fail(p->j, CODE_LOCKED,
	    "VM 102's config is locked (%.31s): wait for that task, or end it on the host; only "
	    "when it is dead: qm unlock 102",
	    lock);
}

static int
check_startable(struct power *p)
{
	if (p->pre.ok)
		return CODE_OK;
	return job_fail(p->j, CODE_PREFLIGHT, "%s", p->pre.why);
}

static void
look_ahead(struct power *p)
{
	job_phase(p->j, "preflight", NULL);
	preflight_look(p->j->site, &p->pre);
	if (p->pre.lock[0] != '\0')
		out_fact(&p->j->out, "lock", p->pre.lock);
	out_fact(&p->j->out, "ha", p->pre.ha ? "yes" : "no");
	out_fact(&p->j->out, "startable", p->pre.ok ? "yes" : "no");
}

static void
thaw(struct power *p)
{
	struct qmp q;
	int rc = -1;

	if (p->v.word != VERDICT_FROZEN)
		return;
	job_phase(p->j, "thaw", NULL);
	if (qga_open(&q, p->j->site->qga, THAW_MS) == QMP_OPEN_OK)
		rc = qmp_call(
		    &q, "{\"execute\":\"guest-fsfreeze-thaw\"}", THAW_MS, NULL, NULL);
	qmp_close(&q);
	out_text(&p->j->out,
	    rc == 0 ? "the guest's file systems are thawed"
		    : "the thaw was not answered; going on");
}

static int
end_process(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *q = &p->e.qemu;
	bool cannot_act = q->threads > 0 && q->stopped == q->threads;
	char more[48];

	if (q->found != QEMU_OURS)
		return job_fail(j, CODE_UNKILLABLE,
		    "pid %d could not be proven to be VM 102's QEMU; it was not touched",
		    (int)q->pid);
	snprintf(more, sizeof(more), "pid=%d", (int)q->pid);
	job_phase(j, "killing", more);
	out_text(&j->out, "ending QEMU pid %d: %s", (int)q->pid,
	    cannot_act ? "SIGKILL" : "SIGTERM, then SIGKILL");
	if (qemu_end(j->site, q, cannot_act, j->why, sizeof(j->why)) < 0)
		return CODE_UNKILLABLE;
	return CODE_OK;
}

/* 0 stopped; CODE_*: refused; -1: QEMU is to be ended by us. */
static int
ask_qm_to_stop(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *q = &p->e.qemu;
	int wait_ms = p->pre.ha ? HA_WAIT_MS : 2000;
	char line[200];
	struct qm qm;

	for (int try = 1;; try++) {
		out_text(&j->out, "asking qm for a clean stop");
		qm_run(j->site->qm, "stop", j->site->stop_ms, j->qm_fd, &j->out, &qm);
		if (!qm_flock_failed(&qm) || try == STOP_TRIES)
			break;
	}
	if (qemu_threads(q->pid, q->start) == 0)
		return CODE_OK;
	qm_last_line(&qm, line, sizeof(line));
	if (qm_config_locked(&qm))
		return job_fail(j, CODE_LOCKED, "qm stop: %s", line);
	if (qm_flock_failed(&qm))
		return job_fail(j, CODE_LOCKED,
		    "qm stop: %s: another task works on VM 102; look at the host's task list",
		    line);
	if (qm.rc == 0 && qemu_wait_gone(q->pid, q->start, wait_ms) == 0)
		return CODE_OK;
	if (qm.rc == 0 || qm_says_timeout(&qm))
		return -1;
	return job_fail(j, CODE_PREFLIGHT, "qm stop refused: %s", line);
}

static int
bring_down(struct power *p)
{
	struct job *j = p->j;
	bool by_qm = !is_stuck(p);
	int rc = -1;

	if (is_down(p))
		return CODE_OK;
	job_phase(j, "stopping", by_qm ? "by=qm" : "by=signal");
	if (by_qm)
		rc = ask_qm_to_stop(p);
	if (rc < 0)
		rc = end_process(p);
	if (rc == CODE_UNKILLABLE)
		set_state(j, "unkillable", p->e.qemu.pid);
	if (rc != CODE_OK)
		return rc;
	set_state(j, "stopped", 0);
	job_phase(j, "stopped", NULL);
	return CODE_OK;
}

/*
 * Waits until VM 102's QEMU says "running" and is not the old one.  The last
 * status seen stands in e.
 */
static int
wait_running(struct power *p, const struct qemu *old, int limit_ms, struct evidence *e)
{
	struct job *j = p->j;
	long long deadline = mono_ms() + limit_ms;

	do {
		memset(e, 0, sizeof(*e));
		qemu_find(j->site, &e->qemu);
		if (e->qemu.found == QEMU_OURS &&
		    (old == NULL || e->qemu.pid != old->pid ||
			e->qemu.start != old->start)) {
			forensics_ask_qmp(j->site, ASK_STATUS, ASK_MS, e);
			if (e->qmp == QMP_ALIVE && strcmp(e->status, "running") == 0)
				return 0;
		}
		mono_nap(100);
	} while (mono_ms() < deadline);
	return -1;
}

static int
verify(struct power *p, const struct qemu *old)
{
	struct job *j = p->j;
	struct evidence e;
	char more[48];

	job_phase(j, "verifying", NULL);
	if (wait_running(p, old, p->pre.ha ? HA_WAIT_MS : j->site->verify_ms, &e) < 0) {
		set_state(
		    j, e.qemu.found == QEMU_OURS ? "unverified" : "stopped", e.qemu.pid);
		return job_fail(j, CODE_START_FAILED,
		    e.qemu.found == QEMU_OURS
			? "QEMU pid %d is there but does not say running (QMP %s, status %s)"
			: "no QEMU of VM 102 came up (pid %d, QMP %s, status %s)",
		    (int)e.qemu.pid, qmp_state_to_str(e.qmp),
		    e.status[0] ? e.status : "none");
	}
	set_state(j, "running", e.qemu.pid);
	snprintf(more, sizeof(more), "pid=%d", (int)e.qemu.pid);
	job_phase(j, "running", more);
	out_fact_num(&j->out, "qemu_pid", e.qemu.pid);
	out_fact_num(&j->out, "qemu_start", (long long)e.qemu.start);
	out_text(&j->out, "VM 102 runs, QEMU pid %d", (int)e.qemu.pid);
	return CODE_OK;
}

static int
bring_up(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *old = is_down(p) ? NULL : &p->e.qemu;
	char line[200];
	struct qm qm;

	for (int try = 1; try <= START_TRIES; try++) {
		job_phase(j, "starting", NULL);
		qm_run(j->site->qm, "start", j->site->start_ms, j->qm_fd, &j->out, &qm);
		if (!qm_is_transient(&qm))
			break;
		out_text(
		    &j->out, "another task is not done with VM 102 yet; trying again");
	}
	if (qm.rc != 0 && strstr(qm.text, "already running") == NULL) {
		qm_last_line(&qm, line, sizeof(line));
		set_state(j, "stopped", 0);
		if (qm_config_locked(&qm))
			return job_fail(j, CODE_LOCKED, "qm start: %s", line);
		if (qm.rc != QM_TIMEOUT)
			return job_fail(j, CODE_START_FAILED, "qm start: %s", line);
		out_text(&j->out, "qm start has not ended after %lld ms; looking at QEMU",
		    qm.ms);
	}
	return verify(p, old);
}

static int
resume(struct power *p)
{
	struct job *j = p->j;
	char line[200];
	struct qm qm;

	job_phase(j, "resuming", NULL);
	qm_run(j->site->qm, "resume", j->site->reset_ms, j->qm_fd, &j->out, &qm);
	if (qm.rc != 0) {
		qm_last_line(&qm, line, sizeof(line));
		return job_fail(j,
		    qm_config_locked(&qm) ? CODE_LOCKED : CODE_START_FAILED,
		    "qm resume: %s", line);
	}
	return verify(p, NULL);
}

static int
do_start(struct power *p)
{
	struct job *j = p->j;
	int rc;

	look_ahead(p);
	if (is_down(p)) {
		if ((rc = check_lock(p)) != CODE_OK ||
		    (rc = check_startable(p)) != CODE_OK)
			return rc;
		return bring_up(p);
	}
	if (p->e.qemu.leader == 'Z')
		return job_fail(j, CODE_UNKILLABLE, "%s", p->v.why);
	if (is_stuck(p))
		return job_fail(j, CODE_START_FAILED,
		    "QEMU is there and does not work (%s); start cannot replace it: use cycle",
		    verdict_to_str(p->v.word));
	if (p->v.word == VERDICT_PAUSED && strcmp(p->v.advice, "cycle") == 0)
		return job_fail(j, CODE_START_FAILED, "%s: use cycle", p->v.why);
	if (p->v.word == VERDICT_PAUSED || p->v.word == VERDICT_NOSPACE)
		return resume(p);
	out_text(&j->out, "VM 102 runs already; nothing to do");
	return CODE_OK;
}

static int
do_stop(struct power *p)
{
	int rc;

	look_ahead(p);
	if (is_down(p)) {
		out_text(&p->j->out, "VM 102 is stopped already; nothing to do");
		return CODE_OK;
	}
	if ((rc = check_lock(p)) != CODE_OK)
		return rc;
	thaw(p);
	return bring_down(p);
}

static int
do_cycle(struct power *p)
{
	int rc;

	look_ahead(p);
	if ((rc = check_lock(p)) != CODE_OK || (rc = check_startable(p)) != CODE_OK)
		return rc;
	thaw(p);
	if ((rc = bring_down(p)) != CODE_OK)
		return rc;
	return bring_up(p);
}

/*
 * qm reset's exit status means only that QEMU accepted the command.  A reset
 * that happened took the disks' queues back to the beginning.
 */
static int
check_was_reset(struct power *p, const struct evidence *after)
{
	struct job *j = p->j;
	unsigned long long before = p->e.both ? p->e.b.used : p->e.a.used;
	bool known = p->e.a.vq && after->a.vq && before >= RESET_USED_MIN;
	bool seen = known && after->a.used < before;

	out_fact(&j->out, "reset_seen", !known ? "unknown" : seen ? "yes" : "no");
	if (known && !seen)
		return job_fail(j, CODE_START_FAILED,
		    "QEMU accepted the reset and did not do it: use cycle");
	return CODE_OK;
}

/* A reset of a paused VM leaves it in prelaunch, so it is resumed afterwards. */
static int
press_reset(struct power *p)
{
	struct job *j = p->j;
	struct evidence after = {.qemu = p->e.qemu};
	char line[200];
	struct qm qm;
	int rc;

	job_phase(j, "resetting", NULL);
	qm_run(j->site->qm, "reset", j->site->reset_ms, j->qm_fd, &j->out, &qm);
	if (qm.rc != 0) {
		qm_last_line(&qm, line, sizeof(line));
		return job_fail(j,
		    qm_config_locked(&qm) ? CODE_LOCKED : CODE_START_FAILED,
		    "qm reset: %s", line);
	}
	forensics_ask_qmp(j->site, ASK_ONCE, j->site->greeting_ms, &after);
	if ((rc = check_was_reset(p, &after)) != CODE_OK)
		return rc;
	if (after.qmp == QMP_ALIVE &&
	    (strcmp(after.status, "prelaunch") == 0 ||
		strcmp(after.status, "paused") == 0))
		return resume(p);
	return verify(p, NULL);
}

static int
do_reset(struct power *p)
{
	struct job *j = p->j;
	int rc;

	look_ahead(p);
	if (is_down(p))
		return job_fail(j, CODE_RESET_REFUSED,
		    "VM 102 does not run; reset needs it to: use start");
	if (is_stuck(p))
		return job_fail(j, CODE_RESET_REFUSED,
		    "reset cannot cure this (%s) and would destroy the evidence: use cycle",
		    verdict_to_str(p->v.word));
	if (p->v.word == VERDICT_NOSPACE)
		return job_fail(j, CODE_RESET_REFUSED, "%s", p->v.why);
	if ((rc = check_lock(p)) != CODE_OK)
		return rc;
	thaw(p);
	return press_reset(p);
}

static const char *
state_word(const struct power *p)
{
	if (is_down(p))
		return "stopped";
	if (is_stuck(p))
		return verdict_to_str(p->v.word);
	return p->e.status[0] ? p->e.status : "running";
}

int
power_do(struct job *j)
{
	struct power p = {.j = j};

	forensics_run(j->site, &j->out, j->verb != VERB_FORENSICS, &p.e, &p.v);
	set_state(j, state_word(&p), is_down(&p) ? 0 : p.e.qemu.pid);
	switch (j->verb) {
	case VERB_START:
		return do_start(&p);
	case VERB_STOP:
		return do_stop(&p);
	case VERB_RESET:
		return do_reset(&p);
	case VERB_CYCLE:
		return do_cycle(&p);
	case VERB_FORENSICS:
	case VERB_STATUS:
	case VERBS:
		break;
	}
	return CODE_OK;
}
