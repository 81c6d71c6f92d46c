/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * screen_says.h: which rows of a guest's text screen matter, and what they say; pure.
 *
 * A table of what kernels, boot loaders, initramfs and init write when a machine has
 * come to grief, the gravest first.  It is evidence and no proof: text on a screen may
 * be old, and anybody in the guest may write it.
 */
#ifndef ENGINE_SCREEN_SAYS_H
#define ENGINE_SCREEN_SAYS_H

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_SEEN_MAX 3    /* words of one screen that are kept */
#define SCREEN_SEEN_LINE 136 /* bytes of a row that is quoted */
#define SCREEN_WIDE 79 /* a row as long as that goes on in the next one, as a rule */

enum screen_group {
	SCREEN_KERNEL, /* the kernel has panicked or hangs */
	SCREEN_BOOT,   /* the boot stands still and waits for a person */
	SCREEN_TROUBLE,
	SCREEN_PROGRESS, /* it boots, or goes down */
	SCREEN_LOGIN
};

/* The row of the table that a line fits, the gravest; -1: none. */
int screen_says_row(const char *text);

const char *screen_says_name(int row);	/* "panic": a word for programs */
const char *screen_says_words(int row); /* "a kernel panic" */
enum screen_group screen_says_group(int row);

/* A screen's rows, as they come. */
struct screen_seen {
	int count;
	struct {
		int row;    /* of the table */
		bool above; /* it has scrolled out of sight */
		char text[SCREEN_SEEN_LINE + 1];
	} line[SCREEN_SEEN_MAX]; /* the gravest first, each word once; the gravest
				  * on the screen itself is one of them */
	bool waits; /* a row of SCREEN_BOOT stands on the screen itself, and no login
		       prompt below it */
	char before[SCREEN_WIDE * 2]; /* the row before, when this may go on with it */
};

/*
 * A row, without the host program's two blanks.  Returns the row of the table that it
 * fits, with what stands in the row before, or -1.
 */
int screen_seen_row(struct screen_seen *s, const char *text, size_t len, bool above);

/* The gravest row of the table on the screen itself (not above it), or -1. */
int screen_seen_now(const struct screen_seen *s);

/* The boot waits there for a person: nothing graver is there, no login came since. */
bool screen_seen_waits(const struct screen_seen *s);

#endif
