/* SPDX-License-Identifier: GPL-3.0-or-later */
/* random.h: bytes that nobody can guess. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/random.h>

/* At most 256 bytes.  A kernel without any ends the program: a guessable one is worse. */
static inline void
random_bytes(void *out, size_t n)
{
	if (getrandom(out, n, 0) != (ssize_t)n)
		abort();
}

/* For what may be guessed, and must not wait at boot.  False: none yet. */
static inline bool
random_try(void *out, size_t n)
{
	return getrandom(out, n, GRND_NONBLOCK) == (ssize_t)n;
}

#endif
