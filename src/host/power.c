/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * power.c: what start, stop, reset and cycle mean, and what they refuse.
 *
 * Nothing is stopped before it is known that it can be started again; a QEMU
 * is ended only when it is proven to be VM 102's; nothing is started while a
 * thread of the old one lives; and no exit status of qm is believed without a
 * look at the process and at QMP.
 */
#include <stdio.h>
#include <string.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/holder.h"
#include "host/power.h"

void
power_state(struct job *j, const char *word, long long pid)
{
	snprintf(j->state, sizeof(j->state), "%s", word);
	j->pid = pid;
}

bool
power_is_down(const struct power *p)
{
	return p->v.word == VERDICT_STOPPED;
}

bool
power_is_stuck(const struct power *p)
{
	return p->v.word == VERDICT_HUNG || p->v.word == VERDICT_STALL;
}

int
power_flock_fail(struct power *p, const char *word, const char *line)
{
	struct holder h;

	holder_find(p->j->site, "", &h);
	out_fact(&p->j->out, "lock_holder", h.text);
	if (p->stopped)
		return job_fail(p->j, CODE_START_FAILED,
		    "qm %s: %.90s (%.100s); VM 102 is stopped: wait for that task, then send "
		    "start",
		    word, line, h.text);
	return job_fail(p->j, CODE_LOCKED,
	    "qm %s: %.90s (%.100s); wait for that task, then send the verb again", word,
	    line, h.text);
}

/* "suspended" is saved state on disk: a start is what takes it back. */
static int
check_lock(struct power *p)
{
	const char *lock = p->pre.lock[0] ? p->pre.lock : p->e.lock;
	struct holder *h = &p->pre.holder;

	if (*lock == '\0' || (power_is_down(p) && strcmp(lock, "suspended") == 0))
		return CODE_OK;
	if (h->text[0] == '\0')
		holder_find(p->j->site, lock, h);
	if (h->found == HOLDER_ALIVE)
		return job_fail(p->j, CODE_LOCKED,
		    "VM 102's config is locked (%.31s) by %.150s: wait for it, or end that task "
		    "on the host",
		    lock, h->text);
	return job_fail(p->j, CODE_LOCKED,
	    "VM 102's config is locked (%.31s); holder: %.150s. If it is dead, as root on the "
	    "host: breakglass-pve --remove-lock",
	    lock, h->text);
}

static int
check_startable(struct power *p)
{
	if (p->pre.ok && !p->pre.full && !p->pre.lacks)
		return CODE_OK;
	return job_fail(p->j, CODE_PREFLIGHT, "%s", p->pre.why);
}

static int
check_there(struct power *p)
{
	if (!p->pre.missing)
		return CODE_OK;
	return job_fail(p->j, CODE_MISSING, "%s", p->pre.why);
}

static void
look_ahead(struct power *p)
{
	job_phase(p->j, "preflight", NULL);
	preflight_look(p->j->site, &p->pre);
	if (p->j->verb == VERB_CYCLE || p->j->verb == VERB_START)
		preflight_space(p->j->site, &p->pre);
	preflight_say(&p->pre, &p->j->out);
}

static int
already(struct power *p, const char *text)
{
	p->j->already = true;
	out_text(&p->j->out, "%s", text);
	return CODE_OK;
}

/* Down already, so a pool without room is no reason to leave it so. */
static int
start_stopped(struct power *p)
{
	int rc = check_lock(p);

	if (rc == CODE_OK && (p->pre.full || p->pre.lacks))
		out_text(&p->j->out, "starting all the same: %s", p->pre.why);
	else if (rc == CODE_OK)
		rc = check_startable(p);
	return rc == CODE_OK ? start_up(p) : rc;
}

static bool
is_moving(const char *status)
{
	static const char *const words[] = {"inmigrate", "postmigrate", "finish-migrate",
	    "restore-vm", "save-vm", "colo"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], status) == 0)
			return true;
	return false;
}

static int
start_paused(struct power *p)
{
	struct job *j = p->j;
	int rc;

	if (is_moving(p->e.status))
		return job_fail(j, CODE_LOCKED,
		    "QEMU says %s: the VM is being moved or saved; wait for that task",
		    p->e.status);
	if (p->v.word == VERDICT_PAUSED && strcmp(p->v.advice, "cycle") == 0)
		return job_fail(j, CODE_START_FAILED, "%s: use cycle", p->v.why);
	/* a backup may have paused it: its holder resumes it */
	if ((rc = check_lock(p)) != CODE_OK)
		return rc;
	return start_resume(p);
}

static int
do_start(struct power *p)
{
	int rc;

	look_ahead(p);
	if ((rc = check_there(p)) != CODE_OK)
		return rc;
	if (power_is_down(p))
		return start_stopped(p);
	if (p->e.qemu.leader == 'Z')
		return job_fail(p->j, CODE_UNKILLABLE,
		    "%s; bring that storage back, then send start", p->v.why);
	if (power_is_stuck(p))
		return job_fail(p->j, CODE_START_FAILED,
		    "QEMU is there and does not work (%s); start cannot replace it: use cycle",
		    verdict_to_str(p->v.word));
	if (p->v.word == VERDICT_PAUSED || p->v.word == VERDICT_NOSPACE)
		return start_paused(p);
	if (p->v.word == VERDICT_FROZEN) {
		rc = check_lock(p);
		return rc == CODE_OK ? thaw_only(p) : rc;
	}
	return already(p, "VM 102 runs already; nothing to do");
}

static int
do_stop(struct power *p)
{
	int rc;

	look_ahead(p);
	if ((rc = check_there(p)) != CODE_OK)
		return rc;
	if (power_is_down(p))
		return already(p, "VM 102 is stopped already; nothing to do");
	if ((rc = check_lock(p)) != CODE_OK)
		return rc;
	thaw_before(p);
	return stop_down(p);
}

static int
do_cycle(struct power *p)
{
	int rc;

	look_ahead(p);
	if ((rc = check_there(p)) != CODE_OK)
		return rc;
	if (power_is_down(p))
		return start_stopped(p);
	if ((rc = check_lock(p)) != CODE_OK || (rc = check_startable(p)) != CODE_OK)
		return rc;
	thaw_before(p);
	if ((rc = stop_down(p)) != CODE_OK)
		return rc;
	return start_up(p);
}

/* Where a reset cannot help, or would destroy what tells why. */
static int
refuse_reset(struct power *p)
{
	struct job *j = p->j;

	if (power_is_down(p))
		return job_fail(j, CODE_RESET_REFUSED,
		    "VM 102 does not run; reset needs it to: use start");
	if (power_is_stuck(p))
		return job_fail(j, CODE_RESET_REFUSED,
		    "reset cannot cure this (%s) and would destroy the evidence: use cycle",
		    verdict_to_str(p->v.word));
	if (p->v.word == VERDICT_NOSPACE)
		return job_fail(j, CODE_RESET_REFUSED, "%s", p->v.why);
	if (p->v.word == VERDICT_PAUSED)
		return job_fail(j, CODE_RESET_REFUSED,
		    "QEMU says %s, and a reset would leave it stopped: use %s",
		    p->e.status, p->v.advice);
	/* on a stall that nobody could see it would destroy the evidence */
	if (!p->e.both)
		return job_fail(j, CODE_RESET_REFUSED,
		    "QEMU's disks could not be watched (QMP %s), so nobody knows whether a "
		    "reset would help: send it again in some seconds, or use cycle",
		    qmp_state_to_str(p->e.qmp));
	return CODE_OK;
}

static int
do_reset(struct power *p)
{
	int rc;

	look_ahead(p);
	if ((rc = check_there(p)) != CODE_OK || (rc = refuse_reset(p)) != CODE_OK ||
	    (rc = check_lock(p)) != CODE_OK)
		return rc;
	thaw_before(p);
	return reset_press(p);
}

static const char *
state_word(const struct power *p)
{
	if (power_is_down(p))
		return "stopped";
	if (power_is_stuck(p))
		return verdict_to_str(p->v.word);
	return p->e.status[0] ? p->e.status : "running";
}

int
power_do(struct job *j)
{
	struct power p = {.j = j};

	forensics_run(j->site, &j->out, j->verb != VERB_FORENSICS, &p.e, &p.v);
	power_state(j, state_word(&p), power_is_down(&p) ? 0 : p.e.qemu.pid);
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
