/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * qm.h: one mutating qm command.
 *
 * Its output goes to a file in memory and never to the ssh pipe: Proxmox's qm
 * kills its own worker when a write to a dead pipe fails.  Nor to a disk, whose
 * hanging would keep qm, and the VM's lock with it.  At its limit it is left alone,
 * not killed, because a half-done qm is worse than a slow one.
 */
#ifndef HOST_QM_H
#define HOST_QM_H

#include <stdbool.h>
#include <sys/types.h>

struct out;

#define QM_TEXT_MAX 4096 /* bytes of its output that are kept for a look */
#define QM_TIMEOUT 124
#define QM_AGAIN_MS 500 /* before another try at what passes */

struct qm {
	int rc;	     /* exit status, 128 + signal, or QM_TIMEOUT */
	bool unable; /* no process or file for it could be had */
	pid_t
	    left; /* with QM_TIMEOUT: it is still at work, and ours to wait for; else 0 */
	long long ms;
	char text[QM_TEXT_MAX];
};

/* Runs "qm WORD 102" and quotes its lines to o as they come. */
void qm_run(
    const char *path, const char *word, int limit_ms, struct out *o, struct qm *q);

/* Did somebody else hold Proxmox's own lock file?  Then a retry makes sense. */
bool qm_flock_failed(const struct qm *q);
/* That, or the old QEMU's systemd scope that is not gone yet: a retry may help. */
bool qm_is_transient(const struct qm *q);
/* Did pmxcfs not serve, or had it no quorum?  It may be back in some seconds. */
bool qm_cluster_away(const struct qm *q);
/* Did qm refuse because of the lock in the VM's config? */
bool qm_config_locked(const struct qm *q);
/* Did qm give up on a QEMU that did not answer? */
bool qm_says_timeout(const struct qm *q);
/* The last line it printed, escaped, or a word about a qm that printed none. */
void qm_last_line(const struct qm *q, char *text, unsigned long size);

#endif
