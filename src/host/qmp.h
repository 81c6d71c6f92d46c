/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qmp.h: the smallest client of QEMU's monitor (QMP) and of the guest agent.
 *
 * QMP serves one client at a time: while this one is open every qm command
 * fails.  So: open late, ask, close before anything mutates.  Only commands
 * that neither drain nor stop the machine are ever sent.
 *
 * Silence is evidence, and it has two causes: a main loop that is stuck, and a
 * monitor that talks to somebody else.  Both look alike from here; the caller
 * tells them apart by the main thread's context switches.
 *
 * What answers is not trusted: a line has a maximum, each wait has an end, and
 * a flood of lines costs no more time than silence.
 */
#ifndef HOST_QMP_H
#define HOST_QMP_H

#include <stdbool.h>
#include <stddef.h>

#include "host/jwalk.h"

#define QMP_REPLY_MAX (256 * 1024) /* bytes of one reply */

enum qmp_open {
	QMP_OPEN_OK,
	QMP_OPEN_NONE,	  /* no socket, or nobody listens */
	QMP_OPEN_SILENT,  /* connected or queued, and no greeting in time */
	QMP_OPEN_STRANGE, /* something answers that does not speak QMP */
};

struct qmp {
	int fd;
	size_t at;  /* where in buf the bytes begin that are not consumed yet */
	size_t len; /* how many they are */
	char *buf;
	bool strange; /* a line came that was too long or no JSON */
	long long
	    until; /* mono_ms that no call goes beyond; 0: none.  For qmp_open's caller */
};

/* Ready for commands within limit_ms, or not; qmp_close is due in any case. */
enum qmp_open qmp_open(struct qmp *q, const char *path, int limit_ms);

/* The same for a guest agent's socket, which has no greeting: it is synced. */
enum qmp_open qga_open(struct qmp *q, const char *path, int limit_ms);

/*
 * Sends command (JSON text, no newline) and walks its reply with fn (may be
 * NULL).  0; 1 when the reply was an error object; -1 when none came in time.
 */
int qmp_call(struct qmp *q, const char *command, int limit_ms, jwalk_fn *fn, void *arg);

/* The same, and fd goes with the command (SCM_RIGHTS); borrowed. */
int qmp_call_fd(
    struct qmp *q, const char *command, int fd, int limit_ms, jwalk_fn *fn, void *arg);

/* Idempotent; also after a failed open. */
void qmp_close(struct qmp *q);

#endif
