/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/escape.h"
#include "host/job.h"
#include "host/log.h"

void
job_enter(struct job *j, const char *word)
{
	snprintf(j->now.phase, sizeof(j->now.phase), "%s", word);
	if (j->entered) {
		memcpy(j->entered, j->now.phase, sizeof(j->now.phase));
		/* where the guard is gone the run is ours alone */
		if (getppid() != j->now.pid)
			run_now_self(&j->now);
	}
	if (verb_rows[j->verb].mutating && j->dir[0] != '\0')
		(void)run_now_write(j->dir, &j->now);
}

/* Written down first: who reads the record must never see less than was done. */
void
job_phase(struct job *j, const char *word, const char *more)
{
	job_enter(j, word);
	out_phase(&j->out, word, more);
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

/* At once: who asked compares it with the middle of sending and hearing. */
void
job_say_clock(struct job *j)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	out_fact_num(
	    &j->out, "clock_ms", (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

void
job_say_begin(struct job *j)
{
	out_mark(&j->out, "run id=%s verb=%s version=%s worker=%d", j->now.id,
	    verb_rows[j->verb].name, VERSION, (int)j->now.pid);
	job_say_clock(j);
}

void
job_say_result(struct job *j, int rc, long long ms)
{
	char why[500], state[64];

	escape_value(state, sizeof(state), j->state[0] ? j->state : "unknown");
	escape_value(why, sizeof(why), j->why);
	if (rc != 0)
		out_text(&j->out, "%s: %s", verb_rows[j->verb].name, j->why);
	out_mark(&j->out, "result verb=%s rc=%d ms=%lld state=%s pid=%lld%s%s%s",
	    verb_rows[j->verb].name, rc, ms, state, j->pid,
	    j->already ? " done=already" : "", j->why[0] ? " why=" : "",
	    j->why[0] ? why : "");
}

void
job_log(struct job *j, int rc, long long ms)
{
	char why[500];
	int taken;

	escape_field(why, sizeof(why), j->why, strlen(j->why), sizeof(why));
	taken = log_line(j->site,
	    "id=%s verb=%s rc=%d ms=%lld state=%s pid=%lld from=%s%s%s%s%s", j->now.id,
	    verb_rows[j->verb].name, rc, ms, j->state, j->pid, j->from,
	    j->already ? " done=already" : "", j->why[0] ? " why=\"" : "", why,
	    j->why[0] ? "\"" : "");
	if (taken == 0)
		return;
	out_fact(&j->out, "log", "unwritten");
	out_text(&j->out,
	    "warning: the log %s does not take the line about this: is its disk full?",
	    j->site->log);
}
