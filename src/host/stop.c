/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stop.c: VM 102's QEMU ends.
 *
 * qm stop gives a hung QEMU up to 71 s and then kills it as well; by then the
 * evidence already said that it will not answer, so we do not wait for that.
 * What qm refused is never done by force.
 */
#include <stdio.h>
#include <string.h>

#include "host/codes.h"
#include "host/mono.h"
#include "host/power.h"

#define STOP_TRIES 3
#define GONE_MS 2000 /* qm stop is back with 0: the process is about to end */

/* A host that was too busy to prove it a moment ago is asked once more. */
static void
prove_again(struct power *p)
{
	struct qemu now;

	if (p->e.qemu.found != QEMU_UNPROVEN)
		return;
	qemu_find(p->j->site, &now);
	if (now.pid == p->e.qemu.pid && now.start == p->e.qemu.start)
		p->e.qemu = now;
}

static int
end_process(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *q = &p->e.qemu;
	bool cannot_act;
	char more[48];

	prove_again(p);
	cannot_act = q->threads > 0 && q->stopped == q->threads;
	if (q->found != QEMU_OURS)
		return job_fail(j, CODE_UNKILLABLE,
		    "pid %d could not be proven to be VM 102's QEMU and was not touched; look "
		    "at it on the host: cat /proc/%d/cmdline",
		    (int)q->pid, (int)q->pid);
	snprintf(more, sizeof(more), "pid=%d", (int)q->pid);
	job_phase(j, "killing", more);
	out_text(&j->out, "ending QEMU pid %d: %s", (int)q->pid,
	    cannot_act ? "SIGKILL" : "SIGTERM, then SIGKILL");
	if (qemu_end(j->site, q, cannot_act, j->why, sizeof(j->why)) < 0)
		return CODE_UNKILLABLE;
	return CODE_OK;
}

static int
ha_too_slow(struct power *p)
{
	return job_fail(p->j, CODE_HA,
	    "the HA manager has not stopped VM 102 within %d s; it has the request: on the "
	    "host ha-manager status, or take the VM from it with ha-manager set vm:102 "
	    "--state ignored, then send the verb again",
	    p->j->site->ha_ms / 1000);
}

/* 0 stopped; CODE_*: refused; -1: QEMU is to be ended by us. */
static int
ask_qm(struct power *p)
{
	struct job *j = p->j;
	const struct qemu *q = &p->e.qemu;
	char line[200];
	struct qm qm;

	for (int try = 1;; try++) {
		out_text(&j->out,
		    p->pre.ha ? "asking the HA manager for a stop"
			      : "asking qm for a clean stop");
		qm_run(j->site->qm, "stop", j->site->stop_ms, &j->out, &qm);
		if (!qm_flock_failed(&qm) || try == STOP_TRIES)
			break;
		out_text(&j->out, "another task has Proxmox's lock file; trying again");
		mono_nap(QM_AGAIN_MS);
	}
	if (qemu_threads(q->pid, q->start) == 0)
		return CODE_OK;
	qm_last_line(&qm, line, sizeof(line));
	if (qm_config_locked(&qm))
		return job_fail(j, CODE_LOCKED,
		    "qm stop: %s; wait for that task, then send the verb again", line);
	if (qm_flock_failed(&qm))
		return power_flock_fail(p, "stop", line);
	if (qm.rc == 0 &&
	    qemu_wait_gone(q->pid, q->start,
		p->pre.ha && !power_is_stuck(p) ? j->site->ha_ms : GONE_MS) == 0)
		return CODE_OK;
	if (p->pre.ha && qm.rc == 0 && !power_is_stuck(p))
		return ha_too_slow(p);
	if (qm.rc == 0 || qm_says_timeout(&qm))
		return -1;
	return job_fail(j, CODE_PREFLIGHT,
	    "qm stop refused: %s; nothing was stopped, mend that on the host and send the "
	    "verb again",
	    line);
}

/*
 * The HA manager starts again what ends without its leave, perhaps elsewhere:
 * it is asked also when the process is then ended by us.
 */
int
stop_down(struct power *p)
{
	struct job *j = p->j;
	bool by_qm = p->pre.ha || !power_is_stuck(p);
	int rc = -1;

	if (power_is_down(p))
		return CODE_OK;
	job_phase(j, "stopping", p->pre.ha ? "by=ha" : by_qm ? "by=qm" : "by=signal");
	if (by_qm)
		rc = ask_qm(p);
	if (rc < 0)
		rc = end_process(p);
	if (rc == CODE_UNKILLABLE)
		power_state(j, "unkillable", p->e.qemu.pid);
	if (rc != CODE_OK)
		return rc;
	p->stopped = true;
	power_state(j, "stopped", 0);
	job_phase(j, "stopped", NULL);
	return CODE_OK;
}
