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

/*
 * Asks QMP and, with deep, takes both samples gap_ms apart.  For status and for
 * verification; blocks up to limit_ms + gap.  Fills qmp, status and samples.
 */
void forensics_ask_qmp(const struct site *s, bool deep, int limit_ms, struct evidence *e);

/* Asks the guest agent, at most limit_ms; fills agent and freeze. */
void forensics_ask_agent(const struct site *s, int limit_ms, struct evidence *e);

#endif
