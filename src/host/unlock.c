/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/codes.h"
#include "host/forensics.h"
#include "host/lock.h"
#include "host/log.h"
#include "host/out.h"
#include "host/preflight.h"
#include "host/qm.h"
#include "host/qmp.h"
#include "host/run.h"
#include "host/site.h"
#include "host/unlock.h"

#define UNLOCK_MS 30000 /* qm waits 10 s for its lock file */
#define ASK_MS 3000

struct jobs {
	int n;
};

/* Each job has a "device", once. */
static void
on_job(void *arg, const char *path, const char *value, size_t len, bool is_string)
{
	struct jobs *jobs = arg;
	size_t n = strlen(path);

	if (n > 7 && strcmp(path + n - 7, ".device") == 0)
		jobs->n++;
}

/*
 * vzdump may be dead while QEMU still copies for it.  0 also when QEMU cannot
 * be asked: a QEMU that does not answer copies nothing.
 */
static int
block_jobs(const struct site *s)
{
	struct jobs jobs = {0};
	int door = lock_monitor(s, ASK_MS);
	struct qmp q;

	if (qmp_open(&q, s->qmp, ASK_MS) == QMP_OPEN_OK)
		(void)qmp_call(
		    &q, "{\"execute\":\"query-block-jobs\"}", ASK_MS, on_job, &jobs);
	qmp_close(&q);
	if (door >= 0)
		close(door);
	return jobs.n;
}

/* Says one sentence, logs it, and passes rc on. */
static int __attribute__((format(printf, 4, 5)))
end(const struct site *s, struct out *o, int rc, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	out_text(o, "%s", text);
	log_line(s, "remove-lock rc=%d uid=%d: %s", rc, (int)getuid(), text);
	return rc;
}

static int
remove_it(const struct site *s, struct out *o, const struct preflight *p)
{
	struct preflight after;
	char line[200];
	struct qm qm;

	qm_run(s->qm, "unlock", UNLOCK_MS, o, &qm);
	preflight_look(s, &after);
	if (qm.rc == 0 && after.lock[0] == '\0')
		return end(s, o, CODE_OK, "the lock (%s) is removed; holder was: %s",
		    p->lock, p->holder.text);
	qm_last_line(&qm, line, sizeof(line));
	return end(s, o, CODE_LOCKED, "the lock (%s) is still there: qm unlock: %s",
	    p->lock, line);
}

static int
with_our_lock(const struct site *s, struct out *o)
{
	struct preflight p;
	int jobs;

	preflight_look(s, &p);
	if (p.missing)
		return end(s, o, CODE_MISSING, "%s", p.why);
	if (!p.ok && p.lock[0] == '\0')
		return end(s, o, CODE_PREFLIGHT, "%s", p.why);
	if (p.lock[0] == '\0')
		return end(s, o, CODE_OK, "VM 102's config has no lock; nothing to do");
	out_text(o, "VM 102's config is locked (%s); holder: %s", p.lock, p.holder.text);
	if (strcmp(p.lock, "suspended") == 0)
		return end(s, o, CODE_LOCKED,
		    "this lock has no holder: it marks a saved state, and start takes it back");
	if (p.holder.found == HOLDER_ALIVE)
		return end(s, o, CODE_LOCKED,
		    "the holder lives and the lock (%s) stays: %s; end that task first",
		    p.lock, p.holder.text);
	if (p.holder.found == HOLDER_UNKNOWN)
		return end(s, o, CODE_LOCKED,
		    "the holder is not proven dead and the lock (%s) stays: %s", p.lock,
		    p.holder.text);
	jobs = block_jobs(s);
	if (jobs > 0)
		return end(s, o, CODE_LOCKED,
		    "QEMU still works on %d block jobs, so the lock (%s) stays; look at them "
		    "with: qm monitor 102, info block-jobs",
		    jobs, p.lock);
	return remove_it(s, o, &p);
}

int
unlock_do(const struct site *s, bool by_root)
{
	char dir[SITE_PATH_MAX];
	struct out o;
	int lock, rc;

	out_init(&o, 1);
	if (!by_root)
		return end(s, &o, CODE_REJECTED, "--remove-lock is for root on the host");
	if (run_dir_pick(s, dir) < 0)
		dir[0] = '\0';
	lock = lock_take(s, dir);
	if (lock == -1)
		return end(s, &o, CODE_BUSY,
		    "a verb is running; look at it with status and try again after it");
	rc = with_our_lock(s, &o);
	if (lock >= 0)
		close(lock);
	return rc;
}
