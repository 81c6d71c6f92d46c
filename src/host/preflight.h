/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * preflight.h: could qm start work, seen before anything is stopped.
 *
 * Plain file reads, in children with a limit, because a dead pmxcfs hangs
 * them.  qm stop does not test the quorum and qm start does: without this a
 * cycle leaves the VM off.
 */
#ifndef HOST_PREFLIGHT_H
#define HOST_PREFLIGHT_H

#include <stdbool.h>

#include "host/holder.h"
#include "host/space.h"

struct out;
struct site;

struct preflight {
	bool ok;       /* a start can be expected to work */
	bool silent;   /* pmxcfs did not answer: whoever asks it now hangs with it */
	bool missing;  /* pmxcfs serves, and there is no VM 102 on this host */
	bool ha;       /* the HA manager owns this VM: stop and start are requests */
	bool full;     /* preflight_space: there is no room for its disks */
	bool lacks;    /* preflight_space: a volume of its config is not there */
	char lock[32]; /* the config's lock, or empty */
	struct holder holder; /* who holds it */
	struct space space;
	char why[400]; /* when not ok, full or lacks: what is wrong and what to do */
};

/* Quorum, config, lock and its holder, HA. */
void preflight_look(const struct site *s, struct preflight *p);

/* Beside that, where the disks live: another 4 s at most, so not for status. */
void preflight_space(const struct site *s, struct preflight *p);

/* As facts. */
void preflight_say(const struct preflight *p, struct out *o);

/* The value of "lock:" in the main section of a VM config, or empty. */
void preflight_config_lock(const char *text, char *lock, unsigned long size);

#endif
