/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * complete.h: what could stand where the cursor stands in a line that begins with "/".
 *
 * Commands, while their word is typed; then what may follow: runbooks, runs, hosts,
 * drivers, themes.  What begins with what was typed comes first, then what has it
 * inside, then what is explained with it.  A command that does nothing now says why
 * in two words; it can be chosen all the same, and then says it in a sentence.
 *
 * Pure: from the screen's state, nothing is asked of anybody.
 */
#ifndef CONSOLE_COMPLETE_H
#define CONSOLE_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

#define COMPLETE_ROWS_MAX 128

enum complete_group {
	COMPLETE_VM,
	COMPLETE_AGENT,
	COMPLETE_PANES,
	COMPLETE_INCIDENT,
	COMPLETE_GROUPS
};

extern const char *const complete_group_names[COMPLETE_GROUPS];

struct complete_row {
	char word[64];	/* what is put in: "/cycle", "r12" */
	char args[32];	/* what may follow it, or "" */
	char keys[16];	/* "F7", "Ctrl-O", or "" */
	char twin[8];	/* "Esc 7", or "" */
	char help[200]; /* clean, one line */
	char why[24];	/* why it does nothing now, or "" */
	enum complete_group group;
	bool begins; /* with what was typed */
	bool more;   /* a command that does nothing without what follows */
	bool danger; /* a power action */
};

struct complete {
	size_t from; /* the byte of the line where the word begins */
	bool command;
	int count, begin; /* rows, and how many of them begin with what was typed */
	struct complete_row row[COMPLETE_ROWS_MAX];
};

struct screen;

/* line: up to the cursor, len bytes. */
void complete_list(
    struct complete *c, const struct screen *s, const char *line, size_t len);

/* How many bytes all rows that begin with what was typed have in common. */
size_t complete_common(const struct complete *c);

#endif
