/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * preflight.h: could qm start work, seen before anything is stopped.
 *
 * Plain file reads, in a child of at most 2 s, because a dead pmxcfs hangs
 * them.  qm stop does not test the quorum and qm start does: without this a
 * cycle leaves the VM off.
 */
#ifndef HOST_PREFLIGHT_H
#define HOST_PREFLIGHT_H

#include <stdbool.h>

struct site;

struct preflight {
	bool ok;       /* a start can be expected to work */
	bool ha;       /* the HA manager runs this VM: stop and start are requests */
	char lock[32]; /* the config's lock, or empty */
	char why[400]; /* when not ok: what is wrong and what to do */
};

void preflight_look(const struct site *s, struct preflight *p);

/* The value of "lock:" in the main section of a VM config, or empty. */
void preflight_config_lock(const char *text, char *lock, unsigned long size);

#endif
