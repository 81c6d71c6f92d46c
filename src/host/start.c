/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * start.c: VM 102 runs, and that is proven.
 *
 * qm start's exit status says that QEMU was started.  On a dead disk backend it
 * has a pid and never boots; under the HA manager it was only asked for.  So
 * the new process must say "running" and its guest must have read something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/mono.h"
#include "host/pending.h"
#include "host/power.h"
#include "host/probe.h"

#define START_TRIES 4
#define START_AGAIN_MS 20000 /* no process for qm, or no pmxcfs: tried that long */
#define ASK_MS 1000	     /* QMP while verifying */
#define HOLD_MS 1000	     /* resumed on a full disk: stops again within that */
#define PENDING_MS 4000

/* Has the slow qm start ended meanwhile?  Then what it started is soon there. */
static void
look_at_qm(struct power *p, long long *deadline)
{
	long long soon = mono_ms() + p->j->site->verify_ms;

	if (p->starting == 0 || waitpid(p->starting, NULL, WNOHANG) == 0)
		return;
	p->starting = 0;
	if (soon < *deadline)
		*deadline = soon;
}

/* Waits until VM 102's QEMU says "running" and is not the old one; e: as last seen. */
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
		look_at_qm(p, &deadline);
		mono_nap(100);
	} while (mono_ms() < deadline);
	return -1;
}

static void
tell_qemu(struct job *j, const struct qemu *q)
{
	power_state(j, "running", q->pid);
	out_fact_num(&j->out, "qemu_pid", q->pid);
	out_fact_num(&j->out, "qemu_start", (long long)q->start);
	out_text(&j->out, "VM 102 runs, QEMU pid %d", (int)q->pid);
}

int
start_verify(struct power *p, const struct qemu *old, int limit_ms)
{
	struct job *j = p->j;
	struct evidence e;
	char more[48];

	job_phase(j, "verifying", NULL);
	if (wait_running(p, old, limit_ms, &e) < 0) {
		bool there = e.qemu.found == QEMU_OURS;

		power_state(j, there ? "unverified" : "stopped", e.qemu.pid);
		if (p->pre.ha && !there)
			return job_fail(j, CODE_HA,
			    "the HA manager has not started VM 102 within %d s; it has the "
			    "request: on the host ha-manager status, or ha-manager set vm:102 "
			    "--state ignored and send start",
			    limit_ms / 1000);
		if (p->starting != 0)
			return job_fail(j, CODE_START_FAILED,
			    "qm start (pid %d) works on and may still bring VM 102 up, once "
			    "its storage or memory is there: ask status before you do more; "
			    "to give it up, end it on the host: kill %d",
			    (int)p->starting, (int)p->starting);
		return job_fail(j, CODE_START_FAILED,
		    there
			? "QEMU pid %d is there but does not say running (QMP %s, status "
			  "%s): capture forensics, then cycle"
			: "no QEMU of VM 102 came up (pid %d, QMP %s, status %s): look at "
			  "the host's task list, then send start",
		    (int)e.qemu.pid, qmp_state_to_str(e.qmp),
		    e.status[0] ? e.status : "none");
	}
	snprintf(more, sizeof(more), "pid=%d", (int)e.qemu.pid);
	job_phase(j, "running", more);
	tell_qemu(j, &e.qemu);
	return CODE_OK;
}

/* A guest that boots reads its disk. */
static int
check_boots(struct power *p)
{
	struct job *j = p->j;
	long long began = mono_ms(), deadline = began + j->site->progress_ms;
	struct evidence e;
	bool moved = false, known = false;

	do {
		memset(&e, 0, sizeof(e));
		qemu_find(j->site, &e.qemu);
		if (e.qemu.found < QEMU_UNPROVEN) {
			int rc = job_fail(j, CODE_START_FAILED,
			    "QEMU pid %lld ran and ended again: look at the host's log, then "
			    "send start",
			    j->pid);

			power_state(j, "stopped", 0);
			return rc;
		}
		/* who was seen first may have been the one that forked it */
		if (e.qemu.pid != j->pid)
			tell_qemu(j, &e.qemu);
		forensics_ask_qmp(j->site, ASK_ONCE, ASK_MS, &e);
		known |= e.a.blk || e.a.vq;
		moved = (e.a.blk && e.a.rd > 0) || (e.a.vq && e.a.used > 0);
		if (!moved)
			mono_nap(100);
	} while (!moved && mono_ms() < deadline);
	out_fact(&j->out, "boot_progress", moved ? "yes" : known ? "no" : "unknown");
	if (moved || !known)
		return CODE_OK;
	power_state(j, "unverified", j->pid);
	return job_fail(j, CODE_START_FAILED,
	    "QEMU pid %lld runs, but its guest has read nothing from a disk in %d s: look at "
	    "the host's storage, then cycle",
	    j->pid, j->site->progress_ms / 1000);
}

/* After a cycle nothing should be staged any more. */
static void
say_staged(struct power *p)
{
	struct job *j = p->j;
	const char *argv[] = {j->site->qm, "pending", "102", NULL};
	struct probe pending = {.name = "pending", .limit_ms = PENDING_MS, .argv = argv};
	int staged = -1;
	size_t len;
	char *text;

	if (p->e.staged <= 0) /* none, or qm pending hung a moment ago */
		return;
	(void)probe_run(&pending);
	text = probe_text(&pending, &len);
	out_mark(&j->out, "section=pending t_ms=%lld", out_ms(&j->out));
	if (pending.rc == 0)
		staged = pending_print(&j->out, text, len);
	out_mark(&j->out, "end=pending rc=%d ms=%lld", pending.rc, pending.ms);
	if (staged >= 0)
		out_fact_num(&j->out, "staged", staged);
	if (staged > 0)
		out_text(&j->out,
		    "%d staged config changes were not applied by this start; look at qm "
		    "pending 102 on the host",
		    staged);
	else if (staged == 0)
		out_text(&j->out, "the staged config is applied");
	free(text);
	probe_end(&pending);
}

/* A qm that failed may have started QEMU before: a time-out of its own, or a hook's. */
static bool
is_there_all_the_same(struct power *p, const struct qemu *old)
{
	struct qemu now;

	qemu_find(p->j->site, &now);
	return now.found == QEMU_OURS &&
	    (old == NULL || now.pid != old->pid || now.start != old->start);
}

static int
start_refused(struct power *p, const struct qm *qm)
{
	struct job *j = p->j;
	char line[200];

	qm_last_line(qm, line, sizeof(line));
	power_state(j, "stopped", 0);
	if (qm_config_locked(qm))
		return job_fail(j, p->stopped ? CODE_START_FAILED : CODE_LOCKED,
		    "qm start: %s; VM 102 is stopped: wait for that task, then send start",
		    line);
	if (qm_flock_failed(qm))
		return power_flock_fail(p, "start", line);
	return job_fail(j, CODE_START_FAILED,
	    "qm start: %s; VM 102 is stopped: mend that on the host, then send start",
	    line);
}

/*
 * A stopped VM must not stay off for a fork that failed once, a lock that passes, or
 * a pmxcfs that is being restarted or looks for its quorum: it was well a moment ago,
 * or nothing would have been stopped.
 */
static void
ask_qm(struct power *p, struct qm *qm)
{
	struct job *j = p->j;
	long long deadline = mono_ms() + START_AGAIN_MS;

	for (int try = 1;; try++) {
		job_phase(j, "starting", NULL);
		qm_run(j->site->qm, "start", j->site->start_ms, &j->out, qm);
		if (qm->unable) {
			if (mono_ms() >= deadline)
				return;
			out_text(&j->out, "no process for qm could be had; trying again");
			mono_nap(1000);
			continue;
		}
		if (p->stopped && qm_cluster_away(qm) && mono_ms() < deadline) {
			out_text(&j->out, "pmxcfs does not serve just now; trying again");
			mono_nap(1000);
			continue;
		}
		if (!qm_is_transient(qm) || try >= START_TRIES)
			return;
		out_text(
		    &j->out, "another task is not done with VM 102 yet; trying again");
		mono_nap(QM_AGAIN_MS);
	}
}

/*
 * Proxmox itself gives QEMU up to 300 s (saved state), or 4 s for each GiB with a
 * passed-through device; so a slow qm is waited for, but no longer than for a QEMU
 * that says "running".
 */
int
start_up(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *old = power_is_down(p) ? NULL : &p->e.qemu;
	struct qm qm;
	bool failed;
	int rc;

	ask_qm(p, &qm);
	failed = qm.rc != 0 && qm.rc != QM_TIMEOUT &&
	    strstr(qm.text, "already running") == NULL;
	if (failed) {
		if (!is_there_all_the_same(p, old))
			return start_refused(p, &qm);
		out_text(&j->out,
		    "qm start failed, and yet a QEMU of VM 102 is there; looking at it");
	}
	p->starting = qm.left;
	if (qm.rc == QM_TIMEOUT)
		out_text(&j->out, "qm start has not ended after %lld ms; looking at QEMU",
		    qm.ms);
	rc = start_verify(p, old,
	    qm.rc == QM_TIMEOUT ? j->site->start_ms / 3 * 5
		: p->pre.ha	? j->site->ha_ms
				: j->site->verify_ms);
	if (rc != CODE_OK && failed && !is_there_all_the_same(p, old))
		return start_refused(p, &qm); /* qm knows why */
	if (rc == CODE_OK)
		rc = check_boots(p);
	if (rc == CODE_OK)
		say_staged(p);
	return rc;
}

/* Nothing is measured and nothing refused: it was, before VM 102 was stopped. */
int
start_what_was_stopped(struct job *j)
{
	struct power p = {.j = j, .stopped = true, .v.word = VERDICT_STOPPED};
	int rc;

	preflight_look(j->site, &p.pre);
	if (!is_there_all_the_same(&p, NULL))
		return start_up(&p);
	/* the qm start of before goes on by itself */
	rc = start_verify(&p, NULL, j->site->verify_ms);
	return rc == CODE_OK ? check_boots(&p) : rc;
}

/* A guest that QEMU stopped for want of space stops again at once when there is none. */
static int
check_holds(struct power *p)
{
	struct job *j = p->j;
	long long deadline = mono_ms() + HOLD_MS;
	struct evidence e;

	do {
		memset(&e, 0, sizeof(e));
		qemu_find(j->site, &e.qemu);
		forensics_ask_qmp(j->site, ASK_STATUS, ASK_MS, &e);
		if (strcmp(e.status, "io-error") == 0) {
			power_state(j, "io-error", e.qemu.pid);
			return job_fail(j, CODE_START_FAILED,
			    "resumed, and QEMU stopped the guest again on an I/O error: there "
			    "is still no room%s%s; make room on the host, then send start",
			    p->pre.full ? " in " : "",
			    p->pre.full ? p->pre.space.worst : "");
		}
		mono_nap(100);
	} while (mono_ms() < deadline);
	return CODE_OK;
}

int
start_resume(struct power *p)
{
	struct job *j = p->j;
	char line[200];
	struct qm qm;
	int rc;

	job_phase(j, "resuming", NULL);
	qm_run(j->site->qm, "resume", j->site->reset_ms, &j->out, &qm);
	if (qm.rc != 0) {
		qm_last_line(&qm, line, sizeof(line));
		return job_fail(j,
		    qm_config_locked(&qm) ? CODE_LOCKED : CODE_START_FAILED,
		    "qm resume: %s; mend that on the host and send start, or cycle",
		    line);
	}
	if (p->v.word == VERDICT_NOSPACE && (rc = check_holds(p)) != CODE_OK)
		return rc;
	return start_verify(p, NULL, j->site->verify_ms);
}
