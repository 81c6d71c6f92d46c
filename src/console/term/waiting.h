/* SPDX-License-Identifier: GPL-3.0-or-later */
/* waiting.h: bytes that a terminal has not taken yet. */
#ifndef CONSOLE_WAITING_H
#define CONSOLE_WAITING_H

#include <stddef.h>

struct waiting {
	char *data;
	size_t len, at, size; /* at: the first that is not written */
};

void waiting_add(struct waiting *w, const char *data, size_t len);
void waiting_drop(struct waiting *w); /* all of them */
void waiting_fini(struct waiting *w);

/* Writes what fd takes without blocking; returns what is left, -1: fd is gone. */
long waiting_write(struct waiting *w, int fd);

#endif
