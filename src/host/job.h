/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * job.h: one verb while its worker does it.
 *
 * Phases, in the order a cycle goes through them:
 *   forensics -> preflight -> [thaw] -> stopping -> [killing] -> stopped
 *             -> starting -> verifying -> running
 * and the last one of every mutating verb that did not do it is "failed".
 * Each is a mark line, the word in "now", and a sync nobody waits for.
 */
#ifndef HOST_JOB_H
#define HOST_JOB_H

#include "host/out.h"
#include "host/run.h"
#include "wire/verbs.h"

struct job {
	const struct site *site;
	enum verb verb;
	char dir[SITE_PATH_MAX]; /* empty: no run directory can be written */
	char from[80];		 /* the ssh client's address, escaped; for the log line */
	struct run_now now;
	char *entered; /* now.phase, for who guards this process; NULL: nobody does */
	struct run_now cut_short; /* a run before us that never ended; id empty: none */
	struct out out;
	long long pid; /* of QEMU at the end; 0 none */
	bool already;  /* nothing was to do */
	char state[RUN_WORD_MAX];
	char why[RUN_WHY_MAX]; /* when rc is not 0: what is wrong, and what to do */
};

/* Enters a phase, on record; unsaid. */
void job_enter(struct job *j, const char *word);

/* Enters a phase, on record before it is said; more is key=value text or NULL. */
void job_phase(struct job *j, const char *word, const char *more);

/* The host's clock, right behind a run's first line. */
void job_say_clock(struct job *j);

/* The first lines and the last one of a run, and its one line in the log. */
void job_say_begin(struct job *j);
void job_say_result(struct job *j, int rc, long long ms);
void job_log(struct job *j, int rc, long long ms);

/* Sets why and returns rc: "return job_fail(j, CODE_LOCKED, ...)". */
int job_fail(struct job *j, int rc, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Forensics, then what the verb means (power.c). Returns the exit code. */
int power_do(struct job *j);

/* Prints what status prints and fills state and pid (status.c). */
int status_do(struct job *j);

/*
 * Runs j's verb in a worker that outlives us and shows its lines on stdout
 * until its end (front.c).  Returns the exit code.
 */
int front_start(struct job *j, const char *self, const char *site_path);

/* Says who else runs; 75. */
int front_busy(struct job *j);

/* Says that too many ask the same at once; 75. */
int front_crowded(struct job *j);

/*
 * The worker's whole life: log is its run file, lock what it holds until its
 * end.  Returns the exit code.
 */
int worker_run(struct job *j, int log, int lock);

/* stdin, stdout and stderr become /dev/null. */
void worker_let_go(void);

/* What a worker that systemd started does: the run id came with its argv. */
int worker_main(struct job *j);

#endif
