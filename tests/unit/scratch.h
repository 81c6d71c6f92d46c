/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scratch.h: a folder of a test's own, gone when its process ends. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char scratch_dir[32];

static void
scratch_end(void)
{
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", scratch_dir);
	if (system(command) != 0)
		fprintf(stderr, "%s is left\n", scratch_dir);
}

/* Lent; one a process, which Criterion makes for each test. */
static char *
scratch(void)
{
	cr_assert_str_empty(scratch_dir);
	strcpy(scratch_dir, "/tmp/bg-unit-XXXXXX");
	cr_assert_not_null(mkdtemp(scratch_dir));
	atexit(scratch_end);
	return scratch_dir;
}

#endif
