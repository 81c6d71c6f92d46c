/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h: from what the probes measured to one word, pure.
 *
 * hung        the main loop does not answer         -> cycle
 * stall       QEMU sits on requests of the guest    -> cycle
 * frozen      the guest's file systems are frozen   -> start thaws them
 * paused      vCPUs stopped, by somebody or by QEMU -> start resumes
 * nospace     stopped on an I/O error               -> make room, then start
 * guest-spin  guest burns CPU, writes nothing, agent silent -> reset
 * guest-idle  guest asks for nothing, agent silent  -> reset
 * healthy     none of these
 * stopped     no QEMU                               -> start
 */
#ifndef HOST_VERDICT_H
#define HOST_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/qemu.h"
#include "host/shot.h"

enum verdict_word {
	VERDICT_HUNG,
	VERDICT_STALL,
	VERDICT_FROZEN,
	VERDICT_PAUSED,
	VERDICT_NOSPACE,
	VERDICT_GUEST_SPIN,
	VERDICT_GUEST_IDLE,
	VERDICT_HEALTHY,
	VERDICT_STOPPED,
	VERDICT_WORDS
};

enum qmp_state {
	QMP_UNASKED, /* the probe did not get there */
	QMP_NONE,    /* nobody listens */
	QMP_ALIVE,
	QMP_HUNG,    /* silent, and the main loop stands still */
	QMP_BUSY,    /* silent, but the main loop runs: somebody else holds the monitor */
	QMP_STRANGE, /* something answers there that does not speak QMP */
};

struct sample {
	bool blk; /* rd, wr, flush and idle_ms are valid */
	bool vq;  /* inuse and used are valid */
	unsigned long long rd, wr, flush;
	long long
	    idle_ms; /* since the last I/O of the most recently used disk; -1 unknown */
	unsigned long long inuse, used;
};

enum agent_state { AGENT_UNASKED, AGENT_NONE, AGENT_ALIVE, AGENT_SILENT };

/* Everything the probes found; zeroed is "nothing known". */
struct evidence {
	struct qemu qemu;
	enum qmp_state qmp;
	char status[32]; /* QMP's word, or empty */
	long long qmp_ms;
	struct sample a, b;
	bool both; /* b was taken gap_ms after a */
	long long gap_ms;
	int vcpu_pct; /* of one core, over the gap; -1 unknown */
	enum agent_state agent;
	char freeze[16]; /* thawed, frozen or empty */
	int staged;	 /* pending config keys; -1 unknown */
	char lock[32];	 /* config lock, or empty */
	/* what only a whole capture fills; zeroed is still "nothing known" */
	bool disks_known, host_known;
	int block_jobs, iothreads; /* -1 unknown */
	int disks_block,
	    disks_file; /* of QEMU's open files: devices, and files of a file system */
	enum shot_kind screen;
	enum screen_says says;
	enum shot_link link;
	char main_waits_in[64];	    /* by gdb, or empty */
	long long rrd_zero_write_s; /* 0: pvestatd saw writes, or nobody asked */
	long long rrd_silent_s;	    /* 0: it had answers, or nobody asked */
	int load1_x100, psi_io_x100, mem_free_mb; /* of the host; -1 unknown */
};

struct verdict {
	enum verdict_word word;
	const char *advice; /* a verb, or "none" */
	char why[200];
};

void verdict_make(const struct evidence *e, struct verdict *v);
/* One word for the VM: stopped, hung, QMP's word, fallback, or unknown. */
const char *verdict_status(const struct evidence *e, const char *fallback);
const char *verdict_to_str(enum verdict_word word);
const char *qmp_state_to_str(enum qmp_state state);

#endif
