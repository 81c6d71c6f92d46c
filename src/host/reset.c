/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reset.c: the guest's reset button; qm reset goes past the HA manager. */
#include <string.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/power.h"

#define RESET_USED_MIN 100 /* a younger queue proves nothing */

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

/* One that was paused in the meantime comes out of a reset in prelaunch. */
int
reset_press(struct power *p)
{
	struct job *j = p->j;
	struct evidence after = {.qemu = p->e.qemu};
	char line[200];
	struct qm qm;
	int rc;

	job_phase(j, "resetting", NULL);
	qm_run(j->site->qm, "reset", j->site->reset_ms, &j->out, &qm);
	if (qm.rc != 0) {
		qm_last_line(&qm, line, sizeof(line));
		if (qm_flock_failed(&qm))
			return power_flock_fail(p, "reset", line);
		return job_fail(j,
		    qm_config_locked(&qm) ? CODE_LOCKED : CODE_START_FAILED,
		    "qm reset: %s; capture forensics, then cycle", line);
	}
	forensics_ask_qmp(j->site, ASK_ONCE, j->site->greeting_ms, &after);
	if ((rc = check_was_reset(p, &after)) != CODE_OK)
		return rc;
	if (after.qmp == QMP_ALIVE &&
	    (strcmp(after.status, "prelaunch") == 0 ||
		strcmp(after.status, "paused") == 0))
		return start_resume(p);
	return start_verify(p, NULL, j->site->verify_ms);
}
