/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.c: the part that finishes, whatever happens to the one who asked.
 *
 * It needs nothing of the front any more: not its session, its pipes or its
 * life.  When its directory, its lock file or its disk go away, the record
 * suffers and the verb does not.
 *
 * A cycle that dies in its middle has taken the VM down and not up again.  So a
 * mutating verb is the work of a child, and its parent, the guard, only waits:
 *
 *   guard                            worker
 *   fork                        -->  forensics, verb, "last", lock released,
 *   waits                            result line
 *   it exited: so does the guard
 *   a signal ended it: what it stopped, or was about to start, is started
 *
 * The guard starts, and does nothing else: who kills a worker to keep the VM as
 * it is, finds it so.  The run is the guard's by name ("now", the line "run").
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/escape.h"
#include "host/job.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/mono.h"
#include "host/power.h"
#include "host/probe.h"
#include "host/scribe.h"

#define OOM_SCORE "-900\n"
#define HANDOVER_MS 2000 /* how long a systemd worker waits for the front's lock */

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
void
worker_let_go(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; null >= 0 && fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		close(null);
}

/* What stands in a record is one word of plain bytes, whatever QEMU called it. */
static void
plain_word(char *dst, size_t size, const char *word)
{
	size_t n = 0;

	for (; *word && n < size - 1; word++)
		dst[n++] = *word > ' ' && *word < 0x7f ? *word : '_';
	dst[n] = '\0';
}

/* On a disk that has no room any more the spare directory takes the result. */
static void
write_last(struct job *j, int rc, long long ms)
{
	struct run_last last = {.rc = rc, .ms = ms, .at = time(NULL)};

	snprintf(last.id, sizeof(last.id), "%s", j->now.id);
	snprintf(last.verb, sizeof(last.verb), "%s", verb_rows[j->verb].name);
	plain_word(last.state, sizeof(last.state), j->state[0] ? j->state : "unknown");
	escape_line(last.why, sizeof(last.why), j->why, strlen(j->why));
	if (run_last_write(j->dir, &last) < 0 && j->site->spare_dir[0] != '\0')
		(void)run_last_write(j->site->spare_dir, &last);
	run_now_clear(j->dir);
}

static void
finish(struct job *j, int lock, int rc)
{
	bool mutating = verb_rows[j->verb].mutating;
	long long ms = out_ms(&j->out);

	if (j->entered)
		j->entered[0] = '\0'; /* nothing is owed any more */
	if (mutating && rc != CODE_OK)
		job_phase(j, "failed", NULL);
	if (mutating && j->dir[0] != '\0')
		write_last(j, rc, ms);
	job_log(j, rc, ms);
	/* before the result line: who reads that may send the next verb */
	if (lock >= 0) {
		(void)flock(lock, LOCK_UN);
		close(lock);
	}
	job_say_result(j, rc, ms);
}

static int
work(struct job *j, int lock)
{
	int rc;

	job_say_begin(j);
	if (j->cut_short.id[0] != '\0')
		out_text(&j->out, "note: an earlier %s (%s) was cut short in phase %s",
		    j->cut_short.verb, j->cut_short.id, j->cut_short.phase);
	if (verb_rows[j->verb].mutating)
		job_enter(j, "forensics");
	rc = power_do(j);
	finish(j, lock, rc);
	return rc;
}

/* --- the guard --- */

static bool
is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* Did it die where VM 102 is down, or will be in a moment, and was to run? */
static bool
owes_a_start(const struct job *j, const char *phase)
{
	static const char *const going[] = {"stopping", "killing", NULL};
	static const char *const down[] = {
	    "stopped", "starting", "verifying", "running", NULL};
	long long deadline = mono_ms() + j->site->stop_ms;
	struct qemu q;

	if ((j->verb == VERB_CYCLE || j->verb == VERB_START) && is_one_of(phase, down))
		return true;
	if (j->verb != VERB_CYCLE || !is_one_of(phase, going))
		return false;
	/* qm lives on, and may stop it yet; a QEMU that stays is nothing lost */
	for (;;) {
		qemu_find(j->site, &q);
		if (q.found < QEMU_UNPROVEN)
			return true;
		if (mono_ms() >= deadline)
			return false;
		mono_nap(100);
	}
}

static int
guard_goes_on(struct job *j, int lock, const char *phase, int sig)
{
	int rc;

	if (phase[0] != '\0') /* else it was about to write how it ended */
		job_enter(j, phase);
	if (!owes_a_start(j, phase))
		return CODE_FAULT; /* no result: the front says that it was lost */
	out_text(&j->out,
	    "note: the worker was ended by signal %d in phase %s; VM 102 is started all the "
	    "same",
	    sig, phase);
	rc = start_what_was_stopped(j);
	finish(j, lock, rc);
	return rc;
}

static int
guarded(struct job *j, int lock)
{
	char phase[RUN_WORD_MAX];
	int status;
	pid_t pid;

	j->entered = mmap(NULL, sizeof(phase), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (j->entered == MAP_FAILED)
		j->entered = NULL;
	pid = j->entered ? fork() : -1;
	if (pid == 0)
		_exit(work(j, lock));
	if (pid < 0) /* the verb outranks its guard */
		return work(j, lock);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return CODE_FAULT;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	snprintf(phase, sizeof(phase), "%.*s", (int)sizeof(phase) - 1, j->entered);
	return guard_goes_on(j, lock, phase, WTERMSIG(status));
}

/* The worker's whole life; log is its run file. */
int
worker_run(struct job *j, int log, int lock)
{
	struct scribe scribe = {0};
	int rc;

	harden();
	out_init(&j->out, log);
	if (j->dir[0] != '\0') {
		j->out.fd = scribe_start(&scribe, j->dir, log);
		j->out.direct = log;
		j->out.recorded = true;
	}
	run_now_self(&j->now);
	rc = verb_rows[j->verb].mutating ? guarded(j, lock) : work(j, lock);
	scribe_end(&scribe);
	return rc;
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
	worker_let_go();
	while ((lock = lock_take(j->site, j->dir)) == -1 && mono_ms() < deadline)
		;
	if (lock == -1) {
		out_init(&j->out, log);
		return front_busy(j);
	}
	return worker_run(j, log, lock);
}
