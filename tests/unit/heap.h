/* SPDX-License-Identifier: GPL-3.0-or-later */
/* heap.h: what is allocated now; the same again after rounds of the same, or it is lost.
 */
#ifndef UNIT_HEAP_H
#define UNIT_HEAP_H

#include <criterion/criterion.h>
#include <malloc.h>

static inline size_t
heap_used(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Does it often; a small block lost each time is more than what a cache keeps. */
#define GIVES_BACK(what)                                                                 \
	do {                                                                             \
		size_t before_it;                                                        \
		for (int round = 0; round < 8; round++)                                  \
			what;                                                            \
		before_it = heap_used();                                                 \
		for (int round = 0; round < 64; round++)                                 \
			what;                                                            \
		cr_assert_lt(heap_used(), before_it + 64 * 24, "%zu bytes in 64 rounds", \
		    heap_used() - before_it);                                            \
	} while (0)

#endif
