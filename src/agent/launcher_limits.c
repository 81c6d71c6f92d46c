/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Limits and privileges of a boxed program, and the brand that it cannot take off. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/launcher_box.h"

#define CAPS_MAX 64
#define CAPABILITY_VERSION_3 0x20080522
#define SECURE_NOROOT_LOCKED 0x2f /* no root magic, no fix-up, no ambient; for good */

struct cap_head {
	uint32_t version;
	int pid;
};

struct cap_data {
	uint32_t effective, permitted, inheritable;
};

/*
 * No message queues, and no locks, which no kernel counts any more: nobody else has both
 * limits, whoever has them cannot raise them again, and all that it starts has them too.
 * The engine knows the agent's processes by them, whatever they do to their name, parent,
 * session or environment.  Of the first alone a site may have its own reasons.
 */
void
box_brand(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_MSGQUEUE, &none);
	setrlimit(__RLIMIT_LOCKS, &none);
}

static int
limit(int what, unsigned long long bytes)
{
	struct rlimit now, then;

	if (getrlimit(what, &now) < 0)
		return -1;
	then.rlim_cur = then.rlim_max = bytes < now.rlim_max ? bytes : now.rlim_max;
	return setrlimit(what, &then);
}

/*
 * Of data, not of address space: claude's JavaScript engine reserves tens of GiB that
 * it never touches.  It holds for each process, not for all of them together.
 */
int
box_limit_memory(unsigned long long bytes)
{
	return limit(RLIMIT_DATA, bytes);
}

/* The working folder may be memory, too: what /run is, as a rule. */
int
box_limit_file(unsigned long long bytes)
{
	return limit(RLIMIT_FSIZE, bytes);
}

/* No way above the engine, whatever limits.conf grants this uid: less than none there
 * is not, and more than was inherited nobody gets. */
void
box_limit_priority(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NICE, &none);
	setrlimit(RLIMIT_RTPRIO, &none);
}

static int
caps_get(struct cap_data data[2])
{
	struct cap_head head = {.version = CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &head, data);
}

/* Root of a machine or of a namespace of ours: both could undo what holds it. */
int
box_drop_privileges(void)
{
	struct cap_head head = {.version = CAPABILITY_VERSION_3};
	struct cap_data none[2];

	prctl(PR_SET_SECUREBITS, SECURE_NOROOT_LOCKED, 0, 0, 0); /* root's to do */
	for (int cap = 0; cap < CAPS_MAX; cap++)
		prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	memset(none, 0, sizeof none);
	return (int)syscall(SYS_capset, &head, none);
}

bool
box_is_privileged(void)
{
	struct cap_data data[2];

	return caps_get(data) < 0 || data[0].permitted || data[1].permitted;
}
