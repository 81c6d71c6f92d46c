/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * front.c: what sshd started: it gets a worker going and then only watches.
 *
 * front                              worker
 *   lock_take, "now" is ours
 *   systemd-run or fork+setsid  -->  runs/ID.log is made (who makes it, works)
 *   follows runs/ID.log              forensics, verb, "last", lock released
 *   exits with the result's rc       result line
 *
 * With fork the lock's descriptor goes over; with systemd-run the front lets
 * go once the unit runs and the worker takes it.  Who comes in that gap finds
 * the lock free and a "now" whose process lives, and says busy as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/job.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/mono.h"
#include "host/probe.h"

#define SYSTEMD_RUN_MS 5000
#define UNIT_UP_MS 3000
#define FORENSICS_PLACES 3
#define PLACE_FREE_MS 1000 /* what a capture takes beyond its budget */

/*
 * A free lock with a "now" in place is a run that was cut short.  It gets its
 * log line here, because its own worker could not write it.  With the lock held.
 */
static void
take_over(struct job *j, const struct run_past *past)
{
	if (past->has_now) {
		j->cut_short = past->now;
		log_line(j->site, "id=%s verb=%s rc=none state=interrupted phase=%s",
		    j->cut_short.id, j->cut_short.verb, j->cut_short.phase);
	}
	if (j->dir[0] == '\0')
		return;
	snprintf(j->now.phase, sizeof(j->now.phase), "asked");
	run_now_self(&j->now);
	(void)run_now_write(j->dir, &j->now);
}

/* 75, with everything a person needs to know about the holder. */
int
front_busy(struct job *j)
{
	struct run_past past = {0};
	struct run_now *now = &past.now;
	long long age;

	/* it is about to write its name; a disk that hangs is asked once */
	for (int i = 0; i < 20 && run_past_read(j->site, &past) && !past.has_now; i++)
		mono_nap(10);
	job_say_begin(j);
	age = now->at > 0 ? (long long)time(NULL) - now->at : 0;
	if (now->id[0] == '\0')
		snprintf(now->verb, sizeof(now->verb), "unknown");
	out_fact(&j->out, "holder_id", now->id[0] ? now->id : "unknown");
	out_fact(&j->out, "holder_verb", now->verb);
	out_fact(&j->out, "holder_phase", now->phase[0] ? now->phase : "unknown");
	out_fact_num(&j->out, "holder_age_s", age < 0 ? 0 : age);
	snprintf(j->state, sizeof(j->state), "busy");
	if (now->id[0] != '\0')
		(void)job_fail(j, CODE_BUSY,
		    "%s (%s) runs since %lld s, phase %s; watch it with status",
		    now->verb, now->id, age < 0 ? 0 : age, now->phase);
	else
		(void)job_fail(j, CODE_BUSY,
		    "somebody has the lock %s and no name is on record; ask status, and try "
		    "again",
		    j->site->lock);
	job_log(j, CODE_BUSY, out_ms(&j->out));
	job_say_result(j, CODE_BUSY, out_ms(&j->out));
	return CODE_BUSY;
}

int
front_crowded(struct job *j)
{
	job_say_begin(j);
	snprintf(j->state, sizeof(j->state), "busy");
	(void)job_fail(j, CODE_BUSY,
	    "this host is at work on %s already, as often as it may be at once; send it "
	    "again in some seconds",
	    verb_rows[j->verb].name);
	job_log(j, CODE_BUSY, out_ms(&j->out));
	job_say_result(j, CODE_BUSY, out_ms(&j->out));
	return CODE_BUSY;
}

static bool
wants_systemd(const struct site *s)
{
	if (s->systemd_run == SITE_SYSTEMD_NO)
		return false;
	if (access(s->systemd_run_path, X_OK) < 0)
		return false;
	return s->systemd_run == SITE_SYSTEMD_YES ||
	    (access("/run/systemd/system", F_OK) == 0 && geteuid() == 0);
}

/*
 * True once the unit's worker has made its run file.
 *
 * What the unit must not have: a time limit (the worker has its own and must
 * not be ended between stop and start), and an OOM score (QEMU would inherit it
 * through qm; the worker sets its own and gives it back to its children).
 * KillMode=process: what qm leaves running is not this unit's to end.
 * OOMPolicy=continue: a child that the OOM killer takes does not end the worker.
 */
static bool
start_by_systemd(struct job *j, const char *self, const char *site_path)
{
	char unit[RUN_ID_MAX + 32];
	const char *argv[] = {j->site->systemd_run_path, "--quiet", "--collect", unit,
	    "--slice=system.slice", "--property=KillMode=process",
	    "--property=SendSIGKILL=no", "--property=OOMPolicy=continue", "--", self,
	    "--worker", j->now.id, "--verb", verb_rows[j->verb].name, "--from", j->from,
	    site_path ? "--site" : NULL, site_path, NULL};
	struct probe p = {
	    .name = "systemd-run", .limit_ms = SYSTEMD_RUN_MS, .argv = argv};
	int rc;

	snprintf(unit, sizeof(unit), "--unit=breakglass-%s", j->now.id);
	rc = probe_run(&p);
	probe_end(&p);
	return rc == 0 && run_wait(j->dir, j->now.id, UNIT_UP_MS) == 0;
}

static pid_t
start_by_fork(struct job *j, int log, int lock)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	(void)setsid();
	worker_let_go();
	(void)worker_run(j, log, lock);
	_exit(0);
}

/*
 * No place for a run file, or no process for a worker: the verb outranks its
 * record, so it runs right here.
 * A client that does not read must not hold it, hence no waiting on stdout.
 */
static int
work_here(struct job *j, int lock)
{
	int flags = fcntl(1, F_GETFL);

	if (flags >= 0)
		(void)fcntl(1, F_SETFL, flags | O_NONBLOCK);
	(void)setsid();
	return worker_run(j, 1, lock);
}

/* What the client gets when its worker cannot be heard any more. */
static int
say_lost(struct job *j, const char *why)
{
	snprintf(j->state, sizeof(j->state), "unknown");
	(void)job_fail(j, CODE_FAULT, "%s; ask status", why);
	/* a mutating one is logged by its worker, or by the verb that finds it cut short
	 */
	if (!verb_rows[j->verb].mutating)
		job_log(j, CODE_FAULT, out_ms(&j->out));
	job_say_result(j, CODE_FAULT, out_ms(&j->out));
	return CODE_FAULT;
}

/*
 * 0 with pid (0: systemd's), or -1: nothing was started.  A unit that came up
 * after systemd-run was given up has made the run file already: it works.
 */
static int
launch(struct job *j, const char *self, const char *site_path, int lock, pid_t *pid)
{
	int log;

	*pid = 0;
	if (verb_rows[j->verb].mutating && wants_systemd(j->site) &&
	    start_by_systemd(j, self, site_path))
		return 0;
	log = run_create(j->dir, j->now.id, "log");
	if (log < 0)
		return errno == EEXIST ? 0 : -1;
	*pid = start_by_fork(j, log, lock);
	close(log);
	return *pid < 0 ? -1 : 0;
}

/*
 * True when the mutation is ours: the lock is held (or cannot be had at all),
 * and no earlier run lives that only lost its lock file.
 */
static bool
claim(struct job *j, int *lock)
{
	struct run_past past;

	*lock = lock_take(j->site, j->dir);
	if (*lock == -1)
		return false;
	if (run_past_read(j->site, &past) && past.alive) {
		if (*lock >= 0)
			close(*lock);
		*lock = -1;
		return false;
	}
	take_over(j, &past);
	return true;
}

/*
 * One after the other, because two at once would have to share the monitor; past
 * one that does not come to its end by a few others.
 */
static int
forensics_place(const struct site *s)
{
	int limit_ms = s->forensics_ms + PLACE_FREE_MS;
	int fd = lock_place(s, "forensics", 1, limit_ms);

	return fd == -1 ? lock_place(s, "forensics", FORENSICS_PLACES, limit_ms) : fd;
}

int
front_start(struct job *j, const char *self, const char *site_path)
{
	bool mutating = verb_rows[j->verb].mutating, gone = false;
	int lock = -1, rc;
	pid_t pid;

	if (run_dir_pick(j->site, j->dir) < 0)
		j->dir[0] = '\0';
	if (mutating && !claim(j, &lock))
		return front_busy(j);
	if (!mutating && (lock = forensics_place(j->site)) == -1)
		return front_crowded(j);
	if (j->dir[0] == '\0' || launch(j, self, site_path, lock, &pid) < 0)
		return work_here(j, lock);
	if (lock >= 0)
		close(lock);
	rc = run_follow(j->dir, j->now.id, 1, pid, j->site->follow_ms, &gone);
	if (rc == -1 && !gone)
		rc = say_lost(j, "the worker was lost or needs too long");
	return rc == -1 ? CODE_FAULT : rc;
}
