/* SPDX-License-Identifier: GPL-3.0-or-later */
/* scrub_int.h: what scrub.c and scrub_sgr.c share, and nobody else. */
#ifndef BASE_SCRUB_INT_H
#define BASE_SCRUB_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The style behind an SGR of these parameters; false: it is none, style is as it was. */
bool scrub_sgr(const char *params, size_t len, uint32_t *style);

#endif
