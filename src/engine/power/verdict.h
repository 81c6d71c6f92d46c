/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verdict.h: what is wrong, what helps and what must not be done, with no AI; pure.
 *
 * In: what the PVE host measured, how far a climb over the devvm's ssh came, and
 * what is known of both connections.  Out: one word, the verb that helps (or
 * none), a sentence, what to do first, the lines of evidence, and for each
 * mutating verb that cannot help now the reason.  docs/verdict.md is the same
 * table for people.
 *
 * A verb that could not work is never advised: todo says what stands in its way.
 */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/power/ladder.h"
#include "engine/power/vmfacts.h"
#include "wire/verbs.h"

#define VERDICT_EVIDENCE_MAX 12
#define VERDICT_LINE_MAX 160 /* bytes of a line of evidence */

/* Thresholds of "crawling": a guest that answers, but not as it should. */
#define VERDICT_LOGIN_SLOW_MS 5000 /* from the TCP connection to a command's answer */
#define VERDICT_WRITE_SLOW_MS 3000 /* for a small write with sync */
#define VERDICT_LOAD_PER_CPU 4	   /* and a login that takes longer than a second */
#define VERDICT_LOADED_LOGIN_MS 1000
#define VERDICT_MEM_LOW_PCT 5 /* of memory that is still available */
#define VERDICT_DISK_FULL_PCT 99

#define VERDICT_SPIN_PCT 80	    /* of one core, that the guest burns */
#define VERDICT_STATUS_IDLE_MS 5000 /* no I/O for so long with requests in the queue */
#define VERDICT_OLD_SLOW_MS \
	3000		     /* qm waits so long for a silent QMP, then says "running" */
#define VERDICT_BOOTING_S 60 /* a QEMU as young as that may still be booting */

enum verdict_link { VERDICT_LINK_UNKNOWN, VERDICT_LINK_UP, VERDICT_LINK_DOWN };

struct verdict_in {
	const struct vmfacts *host; /* NULL: the host has not said anything yet */
	bool captured;		    /* host's measured members are of forensics */
	int64_t host_age_ms;
	/* A climb that began after the host measured; NULL: none, or not over. */
	const struct ladder_seen *ladder;
	int64_t ladder_age_ms, ladder_took_ms; /* took -1: not known */
	enum verdict_link pve, devvm;
	const char *pve_why, *devvm_why; /* of a link that is down; "" */
	bool pve_key_changed;		 /* the engine refuses mutating verbs */
	/* A verb that has ended since anything was measured, and how; NULL: none. */
	const char *after_verb;
	const char *under_way; /* a mutating verb of ours is at the host; NULL: none */
	const char *png;       /* where the guest's screen was saved; NULL: nowhere */
};

struct verdict_not {
	enum verb verb;
	const char *why; /* constant */
};

struct verdict {
	const char *word;   /* constant, of docs/verdict.md */
	const char *advice; /* a verb's name, or "none" */
	bool partial;	    /* no climb, or no capture: more would tell more */
	char why[320];
	char todo[520]; /* "": nothing more than the advice */
	size_t evidence_count;
	char evidence[VERDICT_EVIDENCE_MAX][VERDICT_LINE_MAX + 1];
	size_t not_count;
	struct verdict_not not_now[VERBS];
};

void verdict_decide(const struct verdict_in *in, struct verdict *out);

/* What the host alone says, one of its nine words, or "" when it said nothing. */
const char *verdict_host_word(const struct verdict_in *in);

#endif
