/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ladder.h: how far into the devvm one gets over ssh, rung by rung, in real
 * milliseconds.
 *
 *   tcp -> banner -> kex -> auth -> exec -> sudo -> disk
 *
 * One climb ends at the top, at the first rung that fails, or at its limit.  The
 * disk rung writes a small file and syncs it, since greeting, shell and guest
 * agent stay fine while QEMU does no I/O.  A connection that stands counts for
 * the rungs up to auth only once sshd has answered anew; one that does not answer
 * is given up and the climb begins at its foot.
 *
 * The probe leaves nothing behind on the devvm.  A write that hangs there for good
 * cannot be ended by anybody: no second one is begun while it does.
 */
#ifndef ENGINE_LADDER_H
#define ENGINE_LADDER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "engine/remote/broker.h"
#include "engine/power/clocks.h"
#include "wire/json.h"

#define LADDER_LIMIT_MS 20000 /* a climb that nothing else bounds */

enum rung {
	RUNG_TCP,
	RUNG_BANNER,
	RUNG_KEX,
	RUNG_AUTH,
	RUNG_EXEC,
	RUNG_SUDO,
	RUNG_DISK,
	RUNGS
};

struct ladder_seen {
	int64_t rung_ms[RUNGS]; /* since the climb began; -1: not reached */
	bool hung;		/* the first rung not reached gave no answer in time */
	char why[160];		/* what that rung said; "" */
	bool old; /* the connection stood before: tcp … auth are its answer now */
	char boot_id[40]; /* "": unknown, and so on */
	long uptime_s;
	double load1; /* -1: unknown */
	long cpus;
	long mem_avail_kb, mem_total_kb, swap_free_kb;
	int failed_units;  /* -1: unknown */
	char failed[160];  /* names, comma separated */
	int root_used_pct; /* of the fullest of / /var /srv; -1 */
	bool disk_full;	   /* the write said "No space left" */
	bool read_only;	   /* the write said "Read-only file system" */
	bool disk_hung;	   /* the write did not come back, whatever sudo said */
	bool sudo_refused;
	struct clock_reading clock; /* the guest's own; host_ms 0: it did not say */
};

const char *rung_name(enum rung rung); /* "tcp", "banner", "kex" … */

void ladder_seen_init(struct ladder_seen *seen); /* nothing is known */

/* [{"rung":"tcp","ok":true,"ms":3},...] of a climb or a proof; -1: not reached. */
struct js *ladder_rungs(const int64_t rung_ms[RUNGS]);

/* The first rung that was not reached; RUNGS: the top was. */
enum rung ladder_stands_at(const struct ladder_seen *seen);

struct ladder;

/* seen is lent for the call.  Comes for each rung, and once with over: the last. */
typedef void ladder_told_fn(const struct ladder_seen *seen, bool over, void *arg);

struct ladder *ladder_new(uv_loop_t *loop, struct broker *broker); /* borrows broker */
void ladder_free(struct ladder *l); /* NULL is fine; told is not called any more */

/* Ends a climb that is under way (without a word of it) and begins one. */
void ladder_climb(struct ladder *l, int64_t limit_ms, ladder_told_fn *told, void *arg);

/* The same up to exec: what the guest says of itself; no sudo, no write. */
void ladder_look(struct ladder *l, int64_t limit_ms, ladder_told_fn *told, void *arg);

/* told is not called any more. */
void ladder_stop(struct ladder *l);

bool ladder_is_climbing(const struct ladder *l);

#endif
