/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vmfacts.h: what the host program's lines say about VM 102.
 *
 * Lines of any verb are fed here; the picture is complete at the run's end.
 * A host without our program prints "status: running" and no marks: that is
 * read too, and the picture says that the host program is old.
 *
 * What was measured is -1 or "" where this reading did not say it: a status says
 * less than forensics do, and what an earlier reading said is not mixed in.
 */
#ifndef ENGINE_VMFACTS_H
#define ENGINE_VMFACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/power/hostjob.h"
#include "engine/power/screen_says.h"
#include "wire/json.h"

#define VMFACTS_STAGED_MAX 32 /* staged settings that are shown */
#define VMFACTS_SCREEN_MAX 80 /* bytes of a screen's line that are kept */

struct vmfacts_measured {
	long qmp_ms, uptime_s, qemu_start;
	long threads, threads_stopped, threads_disk_wait;
	long gap_ms, rd_delta, wr_delta, flush_delta, idle_ms, vcpu_pct;
	long vq_inuse, vq_used_delta, block_jobs, iothreads;
	long staged; /* how many settings wait for a cycle */
	long rrd_zero_write_s, rrd_silent_s, host_mem_free_mb, png_bytes;
	char vm[12], qemu[12], agent[12], freeze[12], link[8];
	char screen[12], screen_says[16];
	char screen_line[2][VMFACTS_SCREEN_MAX + 1]; /* the last two that are not blank */
	struct screen_seen seen;		     /* its rows that matter */
	char main_waits_in[64], hung_probes[96];
	char host_load1[16], host_psi_io[16];
	char ha[8], startable[8], startable_why[240], lock_holder[200];
};

struct vmfacts {
	char status[32]; /* "" until something said so */
	char qmp[16];
	char lock[48];
	char verdict[24], advice[16], why[256];
	long pid;
	int64_t status_ms;
	bool marks;	     /* the host program is ours */
	bool plain;	     /* an old program's status line was seen */
	struct hostjob host; /* verbs at the host; a status tells */
	struct js *staged;   /* array; NULL: none */
	struct vmfacts_measured m;
	/* While reading. */
	bool in_pending, in_screen, in_above;
};

/* Forgets what one reading left behind; status, pid and so on stay. */
void vmfacts_begin(struct vmfacts *v);
void vmfacts_line(struct vmfacts *v, const char *line, size_t len);

/* Fills a state fact of kind "vm". */
void vmfacts_fill(const struct vmfacts *v, struct js *fact);
void vmfacts_fini(struct vmfacts *v);

#endif
