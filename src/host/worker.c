/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.c: the part that finishes, whatever happens to the one who asked.
 *
 * front                              worker
 *   lock_take, "now" is ours
 *   systemd-run or fork+setsid  -->  runs/ID.log is made (who makes it, works)
 *   follows runs/ID.log              forensics, verb, "last", lock released
 *   exits with the result's rc       result line
 *
 * With fork the lock's descriptor goes over; with systemd-run the front lets
 * go once the unit runs and the worker takes it, and whoever is second in that
 * gap says busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/escape.h"
#include "host/job.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/mono.h"
#include "host/probe.h"

#define SYSTEMD_RUN_MS 5000
#define UNIT_UP_MS 3000
#define OOM_SCORE "-900\n"
#define HANDOVER_MS 2000 /* how long a systemd worker waits for the front's lock */

void
job_phase(struct job *j, const char *word, const char *more)
{
	out_phase(&j->out, word, more);
	if (!verb_rows[j->verb].mutating || j->dir[0] == '\0')
		return;
	snprintf(j->now.phase, sizeof(j->now.phase), "%s", word);
	(void)run_now_write(j->dir, &j->now);
	run_sync(j->out.fd);
}

/* The end of the session, a dead reader and Ctrl-C are no reason to stop halfway. */
static void
harden(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGTSTP};
	char was[16] = "";
	ssize_t rc;
	int fd;

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		signal(signals[i], SIG_IGN);
	(void)alarm(0);
	fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	rc = read(fd, was, sizeof(was) - 1);
	if (rc > 0) {
		probe_keep_oom_score(was);
		rc = pwrite(fd, OOM_SCORE, strlen(OOM_SCORE), 0);
	}
	(void)rc;
	close(fd);
}

/* Holding one of sshd's pipes would keep the session open for as long as we live. */
static void
let_go_of_stdio(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		close(null);
}

static void
write_log_line(const struct job *j, int rc, long long ms)
{
	log_line(j->site, "id=%s verb=%s rc=%d ms=%lld state=%s pid=%lld from=%s%s%s%s",
	    j->now.id, verb_rows[j->verb].name, rc, ms, j->state, j->pid, j->from,
	    j->why[0] ? " why=\"" : "", j->why, j->why[0] ? "\"" : "");
}

static void
say_result(struct job *j, int rc, long long ms)
{
	char why[500], state[64];

	escape_value(state, sizeof(state), j->state[0] ? j->state : "unknown");
	escape_value(why, sizeof(why), j->why);
	if (rc != CODE_OK)
		out_text(&j->out, "%s: %s", verb_rows[j->verb].name, j->why);
	out_mark(&j->out, "result verb=%s rc=%d ms=%lld state=%s pid=%lld%s%s",
	    verb_rows[j->verb].name, rc, ms, state, j->pid, j->why[0] ? " why=" : "",
	    j->why[0] ? why : "");
}

static void
say_begin(struct job *j)
{
	out_mark(&j->out, "run id=%s verb=%s version=%s worker=%d", j->now.id,
	    verb_rows[j->verb].name, VERSION, (int)getpid());
}

/*
 * A free lock with a "now" in place is a run that was cut short.  It gets its
 * log line here, because its own worker could not write it.  With the lock held.
 */
static void
take_over_now(struct job *j)
{
	if (run_now_read(j->dir, &j->cut_short))
		log_line(j->site, "id=%s verb=%s rc=none state=interrupted phase=%s",
		    j->cut_short.id, j->cut_short.verb, j->cut_short.phase);
	snprintf(j->now.phase, sizeof(j->now.phase), "asked");
	run_now_self(&j->now);
	(void)run_now_write(j->dir, &j->now);
}

static void
finish(struct job *j, int lock, int rc)
{
	long long ms = out_ms(&j->out);

	if (verb_rows[j->verb].mutating && j->dir[0] != '\0') {
		struct run_last last = {.rc = rc, .ms = ms, .at = time(NULL)};

		snprintf(last.id, sizeof(last.id), "%s", j->now.id);
		snprintf(last.verb, sizeof(last.verb), "%s", verb_rows[j->verb].name);
		snprintf(last.state, sizeof(last.state), "%s",
		    j->state[0] ? j->state : "unknown");
		run_last_write(j->dir, &last);
		run_now_clear(j->dir);
	}
	write_log_line(j, rc, ms);
	/* before the result line: who reads that may send the next verb */
	if (lock >= 0) {
		(void)flock(lock, LOCK_UN);
		close(lock);
	}
	say_result(j, rc, ms);
	run_trim(j->out.fd);
	run_trim(j->qm_fd);
	run_sync(j->out.fd);
}

/* The worker proper; log is its run file. */
static int
work(struct job *j, int log, int lock)
{
	int rc;

	harden();
	out_init(&j->out, log);
	run_now_self(&j->now);
	say_begin(j);
	if (j->cut_short.id[0] != '\0')
		out_text(&j->out, "note: an earlier %s (%s) was cut short in phase %s",
		    j->cut_short.verb, j->cut_short.id, j->cut_short.phase);
	j->qm_fd = -1;
	if (verb_rows[j->verb].mutating && j->dir[0] != '\0') {
		snprintf(j->now.phase, sizeof(j->now.phase), "forensics");
		(void)run_now_write(j->dir, &j->now);
		j->qm_fd = run_create(j->dir, j->now.id, "qm");
	}
	rc = power_do(j);
	finish(j, lock, rc);
	if (j->dir[0] != '\0')
		run_rotate(j->dir, RUN_KEEP);
	return rc;
}

/* 75, with everything a person needs to know about the holder. */
static int
say_busy(struct job *j)
{
	struct run_now now;
	long long age;

	memset(&now, 0, sizeof(now));
	for (int i = 0; i < 20 && j->dir[0] != '\0' && !run_now_read(j->dir, &now); i++)
		mono_nap(10);
	say_begin(j);
	age = now.at > 0 ? (long long)time(NULL) - now.at : 0;
	if (now.id[0] == '\0')
		snprintf(now.verb, sizeof(now.verb), "unknown");
	out_fact(&j->out, "holder_id", now.id[0] ? now.id : "unknown");
	out_fact(&j->out, "holder_verb", now.verb);
	out_fact(&j->out, "holder_phase", now.phase[0] ? now.phase : "unknown");
	out_fact_num(&j->out, "holder_age_s", age < 0 ? 0 : age);
	snprintf(j->state, sizeof(j->state), "busy");
	(void)job_fail(j, CODE_BUSY,
	    "%s (%s) runs since %lld s, phase %s; watch it with status", now.verb,
	    now.id[0] ? now.id : "id unknown", age < 0 ? 0 : age,
	    now.phase[0] ? now.phase : "unknown");
	write_log_line(j, CODE_BUSY, out_ms(&j->out));
	say_result(j, CODE_BUSY, out_ms(&j->out));
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
 * True once the unit's worker has made its run file.  KillMode=process: what qm
 * leaves running is not this unit's to end.
 */
static bool
start_by_systemd(struct job *j, const char *self, const char *site_path)
{
	char unit[RUN_ID_MAX + 32];
	const char *argv[] = {j->site->systemd_run_path, "--quiet", "--collect", unit,
	    "--property=KillMode=process", "--", self, "--worker", j->now.id, "--verb",
	    verb_rows[j->verb].name, "--from", j->from, site_path ? "--site" : NULL,
	    site_path, NULL};
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
	let_go_of_stdio();
	(void)work(j, log, lock);
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
	return work(j, 1, lock);
}

/* What the client gets when its worker cannot be heard any more. */
static int
say_lost(struct job *j, const char *why)
{
	snprintf(j->state, sizeof(j->state), "unknown");
	(void)job_fail(j, CODE_FAULT, "%s; ask status", why);
	say_result(j, CODE_FAULT, out_ms(&j->out));
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

int
worker_start(struct job *j, const char *self, const char *site_path)
{
	bool mutating = verb_rows[j->verb].mutating, gone = false;
	int lock = -1, rc;
	pid_t pid;

	if (run_dir_pick(j->site, j->dir) < 0)
		j->dir[0] = '\0';
	if (mutating) {
		lock = lock_take(j->site);
		if (lock == -1)
			return say_busy(j);
		if (j->dir[0] != '\0')
			take_over_now(j);
	}
	if (j->dir[0] == '\0' || launch(j, self, site_path, lock, &pid) < 0)
		return work_here(j, lock);
	if (lock >= 0)
		close(lock);
	rc = run_follow(j->dir, j->now.id, 1, pid, j->site->follow_ms, &gone);
	if (rc == -1 && !gone)
		rc = say_lost(j, "the worker was lost or needs too long");
	return rc == -1 ? CODE_FAULT : rc;
}

int
worker_main(struct job *j)
{
	long long deadline = mono_ms() + HANDOVER_MS;
	int log, lock;

	(void)setsid();
	if (run_dir_pick(j->site, j->dir) < 0)
		return CODE_FAULT;
	log = run_create(j->dir, j->now.id, "log");
	if (log < 0)
		return CODE_FAULT;
	let_go_of_stdio();
	while ((lock = lock_take(j->site)) == -1 && mono_ms() < deadline)
		;
	if (lock == -1) {
		out_init(&j->out, log);
		return say_busy(j);
	}
	return work(j, log, lock);
}
