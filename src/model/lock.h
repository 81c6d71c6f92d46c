/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lock.h: whether the keys that act wait at this console, and what opens them. */
#ifndef MODEL_LOCK_H
#define MODEL_LOCK_H

#include <stdbool.h>

#include "wire/json.h"

struct lock {
	bool on;
	bool password;	/* one opens it, else a key */
	char text[160]; /* why */
};

void lock_read(struct lock *l, const struct js *state);

#endif
