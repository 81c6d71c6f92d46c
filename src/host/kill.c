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
#include <sys/syscall.h>
#include <unistd.h>

#include "host/mono.h"
#include "host/qemu.h"
#include "host/site.h"

static int
send_to(int pidfd, int sig)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

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
		    "pid %d survives SIGKILL: thread %s waits for the host's storage",
		    (int)q->pid, now.d_thread);
	else
		snprintf(why, why_size, "pid %d still has %d threads after SIGKILL",
		    (int)q->pid, qemu_threads(q->pid, q->start));
	return -1;
}

int
qemu_end(const struct site *s, const struct qemu *q, bool skip_term, char *why,
    size_t why_size)
{
	int pidfd = -1, rc = -1;

	if (qemu_threads(q->pid, q->start) == 0)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, q->pid, 0);
	if (pidfd < 0 && errno != ESRCH) {
		snprintf(
		    why, why_size, "pidfd_open(%d): %s", (int)q->pid, strerror(errno));
		goto out;
	}
	if (!still_ours(s, q)) {
		if (qemu_threads(q->pid, q->start) == 0)
			rc = 0;
		else
			snprintf(why, why_size,
			    "pid %d is not proven to be VM 102's QEMU", (int)q->pid);
		goto out;
	}
	if (!skip_term && send_to(pidfd, SIGTERM) == 0 &&
	    qemu_wait_gone(q->pid, q->start, s->term_ms) == 0) {
		rc = 0;
		goto out;
	}
	if (send_to(pidfd, SIGKILL) < 0 && errno != ESRCH) {
		snprintf(
		    why, why_size, "SIGKILL to %d: %s", (int)q->pid, strerror(errno));
		goto out;
	}
	rc = qemu_wait_gone(q->pid, q->start, s->gone_ms);
	if (rc < 0)
		rc = name_survivor(q, s, why, why_size);
out:
	if (pidfd >= 0)
		close(pidfd);
	return rc;
}
