/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * shot.h: the guest's screen and its network card's link, asked over QMP.
 *
 * QEMU writes pictures and memory to files only, and a file on a disk that
 * hangs would hang QEMU.  So it gets none: a piece of memory of ours is passed
 * over the monitor's socket (add-fd), and QEMU writes to /proc/self/fd/N.  It
 * is taken back afterwards, and goes by itself with the connection.
 */
#ifndef HOST_SHOT_H
#define HOST_SHOT_H

#include <stdbool.h>
#include <stddef.h>

#include "host/screen.h"

struct qmp;

enum shot_kind { SHOT_NOT_TAKEN, SHOT_NONE, SHOT_TEXT, SHOT_GRAPHICS };
enum shot_link { LINK_UNKNOWN, LINK_UP, LINK_DOWN };

struct shot {
	enum shot_kind kind;
	enum shot_link link;
	int width, height;
	char note[120]; /* why something is missing; "" */
	struct screen text;
	size_t png_len; /* 0: none */
	unsigned char png[SCREEN_PNG_MAX];
};

/* 0, or -1: QEMU did not answer in time (what was seen until then stands). */
int shot_take(struct qmp *q, struct shot *s);

const char *shot_kind_to_str(enum shot_kind kind);

#endif
