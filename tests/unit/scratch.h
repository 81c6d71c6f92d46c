/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scratch.h: a folder of a test's own, gone when its process ends. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <criterion/criterion.h>
#include <fcntl.h>
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

/* Of a .fini: Criterion passes over an assertion that fails there, not over a crash. */
#define AT_END(is_so, words)                                        \
	do {                                                        \
		if (!(is_so)) {                                     \
			fprintf(stderr, "%s: %s\n", #is_so, words); \
			abort();                                    \
		}                                                   \
	} while (0)

/* How many descriptors are open now: as many as before, when nothing was left so. */
static inline int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
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
