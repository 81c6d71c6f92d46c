/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * checks.h: what doctor looks at, in the order in which it is told.
 *
 * A row has one line, but "endpoint", which has one for each.  Words and groups are
 * docs/doctor.md's and those of --json: they do not change their meaning.
 */
#ifndef DOCTOR_CHECKS_H
#define DOCTOR_CHECKS_H

#include <stdbool.h>

enum group {
	IN_MACHINE,
	IN_ENGINE,
	IN_DEVVM,
	IN_PVE,
	IN_AGENT,
	IN_PRACTICE,
	IN_OFFLINE,
	IN_GROUPS
};

enum check {
	/* this machine */
	CHECK_CONFIG,
	CHECK_KEY,
	CHECK_CUSTODY,
	CHECK_MEMORY,
	CHECK_RUN_DIR,
	CHECK_SESSIONS,
	CHECK_DISK,
	CHECK_LOCAL,
	CHECK_OPERATORS,
	CHECK_CREDENTIALS,
	CHECK_TIME,
	CHECK_TERMINAL,
	/* the engine */
	CHECK_ENGINE,
	CHECK_KILL,
	CHECK_LISTENING,
	/* the devvm; as many and in the same order as the first of the PVE host */
	CHECK_DEVVM_ADDRESS,
	CHECK_DEVVM_CONNECTION,
	CHECK_DEVVM_HOSTKEY,
	CHECK_DEVVM_LOGIN,
	CHECK_DEVVM_SOURCE,
	CHECK_DEVVM_EXEC,
	CHECK_DEVVM_CLOCK,
	CHECK_DEVVM_SUDO,
	CHECK_DEVVM_DISK,
	/* the PVE host */
	CHECK_PVE_ADDRESS,
	CHECK_PVE_CONNECTION,
	CHECK_PVE_HOSTKEY,
	CHECK_PVE_LOGIN,
	CHECK_PVE_SOURCE,
	CHECK_PVE_EXEC,
	CHECK_PVE_CLOCK,
	CHECK_PVE_PROGRAM,
	CHECK_PVE_FORCED,
	/* the agent */
	CHECK_DRIVER,
	CHECK_CLAUDE,
	CHECK_CLAUDE_KEY,
	CHECK_ENDPOINT,
	CHECK_SANDBOX,
	CHECK_DEFINITION,
	CHECK_RUNBOOKS,
	/* practice */
	CHECK_DRILL_LAB,
	CHECK_DRILL_SITE,
	CHECK_LAST_STATUS,
	/* of --offline alone */
	CHECK_CALLS,
	CHECKS
};

struct check_row {
	enum group group;
	const char *word;  /* for programs */
	const char *title; /* for people */
	const char *out;   /* why --offline leaves it out; NULL: it does not */
};

extern const struct check_row check_rows[CHECKS];

const char *group_word(enum group g);
const char *group_title(enum group g);

/* The row of these words, or -1. */
int check_by_word(const char *group, const char *word);

#endif
