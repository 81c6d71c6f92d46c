/* SPDX-License-Identifier: GPL-3.0-or-later */
/* codes.h: exit codes of the host program; docs/host-protocol.md lists them. */
#ifndef HOST_CODES_H
#define HOST_CODES_H

enum code {
	CODE_OK = 0,
	CODE_FAULT = 1,		/* our own: bad site file, no process, worker lost */
	CODE_REJECTED = 2,	/* not one of the six verbs */
	CODE_START_FAILED = 3,	/* not running afterwards, or not verified */
	CODE_PREFLIGHT = 4,	/* a start could not work: nothing was stopped */
	CODE_LOCKED = 5,	/* the VM's config is locked: nothing was stopped */
	CODE_UNKILLABLE = 6,	/* the old QEMU is not gone: nothing was started */
	CODE_RESET_REFUSED = 7, /* reset would destroy evidence or not help */
	CODE_MISSING = 8,	/* pmxcfs is well and there is no such VM here */
	CODE_HA = 9,		/* the HA manager was asked and did not do it in time */
	CODE_BUSY = 75,		/* another mutating verb runs */
};

#endif
