/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * forensics.h: the state of VM 102 and its QEMU, captured before anything
 * changes it.
 *
 *   at once, side by side  /proc, kernel log, tasks, file systems, lvs, rrd,
 *                          qm config and pending, the guest agent
 *   beside them, one by one, safest first, over QMP, which is let go in the gap:
 *       query-status, counters and queues, gap, again, then link and screen,
 *       iothreads, block jobs; query-block last and on devices only
 *   then gdb, only of a QEMU that is hung or stalled with no thread in D
 *   then qm status, which is a QMP client too
 *
 * Each runs in a child with its own limit, the whole within site.forensics_ms
 * whatever hangs.  Nothing that drains or stops the machine is asked: no dump,
 * no reset.  When this returns every probe is over, or was killed and is waited
 * for by nobody, the monitor is free and no thread of QEMU is left stopped.
 */
#ifndef HOST_FORENSICS_H
#define HOST_FORENSICS_H

#include <stdbool.h>

#include "host/verdict.h"

struct out;
struct site;

/*
 * brief: before a mutation, leave out what only costs time on a hung QEMU, and
 * what could harm one that is relied on.  Prints sections, facts, the verdict
 * and after it the screen's picture; fills both.
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

/* How long QMP and the agent may be silent: before a mutation less, when the cause is
 * seen. */
int forensics_greeting_ms(const struct site *s, bool brief, const struct qemu *q);

/*
 * What a whole capture asks, within limit_ms: both samples, screen and link
 * (into shot), iothreads, block jobs.  Prints what the evidence has no room for.
 */
void forensics_ask_all(const struct site *s, bool brief, int limit_ms, struct evidence *e,
    struct shot *shot);

/* Asks the guest agent, at most limit_ms; fills agent and freeze. */
void forensics_ask_agent(const struct site *s, int limit_ms, struct evidence *e);

#endif
