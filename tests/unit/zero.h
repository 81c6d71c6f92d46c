/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zero.h: descriptor 0 as in a process that was begun without standard input. */
#ifndef UNIT_ZERO_H
#define UNIT_ZERO_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <unistd.h>

/* What is opened next is 0. */
static inline int
zero_free(void)
{
	int kept = fcntl(0, F_DUPFD, 200);

	cr_assert_geq(kept, 0);
	close(0);
	return kept;
}

static inline void
zero_back(int kept)
{
	cr_assert_lt(fcntl(0, F_GETFD), 0, "0 is left open");
	dup2(kept, 0);
	close(kept);
}

#endif
