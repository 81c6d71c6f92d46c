/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * forensics.h: the state of VM 102 and its QEMU, captured before anything
 * changes it.
 *
 * All probes run at once, each in a child with its own limit, the whole within
 * site.forensics_ms whatever hangs.  Nothing that drains or stops the machine
 * is asked: no query-block, no dump, no reset.  When this returns every probe
 * is over and the monitor is free.
 */
#ifndef HOST_FORENSICS_H
#define HOST_FORENSICS_H

#include <stdbool.h>

#include "host/verdict.h"

struct out;
struct site;

/*
 * brief: before a mutation, leave out what only costs time on a hung QEMU.
 * Prints sections, facts and the verdict; fills both.
 */
void forensics_run(const struct site *s, struct out *o, bool brief, struct evidence *e,
    struct verdict *v);

enum ask_depth {
	ASK_STATUS, /* the status word */
	ASK_ONCE,   /* and one sample of the counters, 2 ms */
	ASK_TWICE,  /* and another gap_ms later */
};

/*
 * Asks QMP at most limit_ms for its greeting, and 3 s for each reply.  Fills
 * qmp, qmp_ms, status and samples of e; e->qemu must be there.
 */
void forensics_ask_qmp(
    const struct site *s, enum ask_depth depth, int limit_ms, struct evidence *e);

/* Asks the guest agent, at most limit_ms; fills agent and freeze. */
void forensics_ask_agent(const struct site *s, int limit_ms, struct evidence *e);

#endif
