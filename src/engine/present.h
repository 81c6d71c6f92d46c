/* SPDX-License-Identifier: GPL-3.0-or-later */
/* present.h: the latest state fact of each kind (and host, or verb of "usual"): what is
 * true now. */
#ifndef ENGINE_PRESENT_H
#define ENGINE_PRESENT_H

#include "wire/json.h"

#define PRESENT_MAX 32 /* kinds times hosts; there are about a dozen */

struct present {
	struct js *facts[PRESENT_MAX];
	size_t count;
};

/* Keeps the fact in place of the one it follows.  Borrows, takes a reference. */
void present_keep(struct present *p, struct js *fact);
struct js *present_get(const struct present *p, const char *what, const char *host);
void present_fini(struct present *p);

#endif
