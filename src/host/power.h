/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * power.h: what the parts of the four mutating verbs tell each other.
 *
 *   power.c  which of them a verb needs, and what it refuses
 *   thaw.c   file systems that were left frozen
 *   stop.c   down: by qm, by the HA manager, or by signal
 *   start.c  up: start or resume, and the proof that it runs
 *   reset.c  the reset button, and the proof that it was pressed
 *
 * Each returns an exit code, with job's why and state set when it is not 0.
 */
#ifndef HOST_POWER_H
#define HOST_POWER_H

#include <stdbool.h>

#include "host/job.h"
#include "host/preflight.h"
#include "host/qm.h"
#include "host/verdict.h"

struct power {
	struct job *j;
	struct evidence e; /* as it was before anything changed */
	struct verdict v;
	struct preflight pre;
	bool stopped; /* by this verb: from then on all that fails has left the VM off */
	pid_t starting; /* a qm start that is slower than its limit; 0: none */
};

bool power_is_down(const struct power *p);
/* Hung or stalled: nothing but a new process helps. */
bool power_is_stuck(const struct power *p);
void power_state(struct job *j, const char *word, long long pid);

/* The file systems of the guest, when somebody froze them and went away. */
void thaw_before(struct power *p);
int thaw_only(struct power *p); /* of a guest that is to run on */

/* Until no thread of the old QEMU lives; 0 also when none was there. */
int stop_down(struct power *p);

/* A new process that says running and whose guest has read from a disk. */
int start_up(struct power *p);
/* The same of what another process stopped, or had begun to start, and did not end. */
int start_what_was_stopped(struct job *j);
/* The old process runs on. */
int start_resume(struct power *p);
/* With limit_ms for QMP to say running; old (may be NULL) does not count. */
int start_verify(struct power *p, const struct qemu *old, int limit_ms);

int reset_press(struct power *p);

/* What to say of a qm that met Proxmox's lock file, and with which code. */
int power_flock_fail(struct power *p, const char *word, const char *line);

#endif
