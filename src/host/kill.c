/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * kill.c: ends VM 102's QEMU and nothing else.
 *
 * The pidfd is opened first and the identity looked at afterwards: what the
 * pidfd names cannot become another process, so the check holds until the
 * signal is sent.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/pidfd.h"
#include "host/qemu.h"
#include "host/site.h"

#define DYING_TIMES 6 /* so often gone_ms, for one that only gives its memory back */
#define D_LOOKS 10    /* a thread that is in D in all of them will not end soon */
#define D_LOOK_MS 20

/*
 * qm stop may have unlinked the pidfile already; then pid, start time and the
 * identity proven earlier have to do.
 */
static bool
still_ours(const struct site *s, const struct qemu *q)
{
	struct qemu now;

	if (qemu_threads(q->pid, q->start) == 0)
		return false;
	if (access(s->pidfile, F_OK) < 0)
		return q->found == QEMU_OURS;
	qemu_find(s, &now);
	return now.found == QEMU_OURS && now.pid == q->pid && now.start == q->start;
}

static int
name_survivor(const struct qemu *q, const struct site *s, char *why, size_t why_size)
{
	struct qemu now;

	qemu_find(s, &now);
	if (now.pid == q->pid && now.d_thread[0] != '\0')
		snprintf(why, why_size,
		    "pid %d survives SIGKILL: thread %s waits for the host's storage; "
		    "nothing was started: bring that storage back, then send start",
		    (int)q->pid, now.d_thread);
	else
		snprintf(why, why_size,
		    "pid %d still has %d threads %d s after SIGKILL; nothing was started: "
		    "ask status until it says stopped, then send start",
		    (int)q->pid, qemu_threads(q->pid, q->start),
		    s->gone_ms * DYING_TIMES / 1000);
	return -1;
}

static bool
stays_in_d(const struct qemu *q)
{
	struct qemu now;

	for (int i = 0; i < D_LOOKS; i++) {
		if (!qemu_states(q->pid, q->start, &now) || now.disk_wait == 0)
			return false;
		mono_nap(D_LOOK_MS);
	}
	return true;
}

/*
 * A killed QEMU gives back its memory before it is gone: tens of GiB, pinned for
 * a device or swapped out, need longer than gone_ms.  To leave it then would
 * leave the VM off.  Who waits for the storage is not waited for as long.
 */
static int
wait_dead(const struct site *s, const struct qemu *q)
{
	for (int i = 0; i < DYING_TIMES; i++) {
		if (qemu_wait_gone(q->pid, q->start, s->gone_ms) == 0)
			return 0;
		if (stays_in_d(q))
			break;
	}
	return -1;
}

int
qemu_end(const struct site *s, const struct qemu *q, bool skip_term, char *why,
    size_t why_size)
{
	int pidfd = -1, rc = -1;

	if (qemu_threads(q->pid, q->start) == 0)
		return 0;
	pidfd = pidfd_of(q->pid);
	if (pidfd < 0 && errno != ESRCH) {
		snprintf(why, why_size, "pidfd_open(%d): %s; try again", (int)q->pid,
		    strerror(errno));
		goto out;
	}
	if (!still_ours(s, q)) {
		if (qemu_threads(q->pid, q->start) == 0)
			rc = 0;
		else
			snprintf(why, why_size,
			    "pid %d is not proven to be VM 102's QEMU and was not touched; "
			    "look at it on the host: cat /proc/%d/cmdline",
			    (int)q->pid, (int)q->pid);
		goto out;
	}
	if (!skip_term && pidfd_kill(pidfd, SIGTERM) == 0 &&
	    qemu_wait_gone(q->pid, q->start, s->term_ms) == 0) {
		rc = 0;
		goto out;
	}
	if (pidfd_kill(pidfd, SIGKILL) < 0 && errno != ESRCH) {
		snprintf(
		    why, why_size, "SIGKILL to %d: %s", (int)q->pid, strerror(errno));
		goto out;
	}
	rc = wait_dead(s, q);
	if (rc < 0)
		rc = name_survivor(q, s, why, why_size);
out:
	if (pidfd >= 0)
		close(pidfd);
	return rc;
}
