/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * probe.h: something that may hang, run in a child with a limit of its own.
 *
 * A file on a dead pmxcfs, /proc/PID/cmdline of a QEMU whose memory map is
 * locked, qm on a dead QMP: each may never come back, and a child in D state
 * cannot even be killed.  So everything doubtful runs in a child, and at its
 * limit the child is killed and, if that does not help, abandoned.
 *
 * What the child writes to stdout and stderr lands in an unlinked file in
 * memory of at most PROBE_OUTPUT_MAX bytes.  Facts come back through memory
 * that the caller shares (probe_shared).
 */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROBE_OUTPUT_MAX (256 * 1024) /* bytes a child may write */
#define PROBE_SHOWN_MAX (64 * 1024)   /* bytes of it that are worth showing */
#define PROBE_TIMEOUT 124	      /* rc of a child that was given up, as timeout(1) */

typedef int probe_fn(void *arg);

struct probe {
	const char *name;
	int limit_ms;
	/* one of the two */
	probe_fn *fn; /* runs in the child; its return is the rc */
	void *arg;
	const char *const *argv; /* exec'd, argv[0] absolute */
	/* dies with us: for what only looks, and holds the monitor while it does */
	bool tied;
	/* filled by probe_* */
	pid_t pid;
	int pidfd;
	int fd;
	long long started;
	long long ms;
	int rc;
	bool running;
	bool killed; /* by us: whatever it ends with, it was given up */
	bool done;
	bool told; /* the caller's: it has printed this one */
};

/* Children of ours start with signals, umask and oom score as they were. */
void probe_child_reset(void);

/*
 * Closes every descriptor from first on.  A child that outlives us in D state
 * must not keep a lock of ours alive through its copy.
 */
void probe_close_from(int first);
/* What probe_child_reset gives back to /proc/self/oom_score_adj. */
void probe_keep_oom_score(const char *text);

/* A probe that cannot start is done at once, rc 127. */
void probe_start(struct probe *p);

/*
 * Kills it and what it started, and does not wait: so that many that hang are
 * waited for together, not one after the other.
 */
void probe_kill(struct probe *p);

/* Collects it when it ended, gives it up when its limit or deadline has passed. */
void probe_check(struct probe *p, long long deadline);

/* Sleeps until one of n probes may have changed, 100 ms at most. */
void probe_wait_any(struct probe *const *probes, size_t n, long long deadline);

/* Runs one to its end or limit. */
int probe_run(struct probe *p);

/* Kills what still runs and closes; idempotent. */
void probe_end(struct probe *p);

/* All it wrote, NUL-terminated; the caller frees. */
char *probe_text(const struct probe *p, size_t *len);

/* Zeroed memory that children write into and we read. */
void *probe_shared(size_t size);

#endif
