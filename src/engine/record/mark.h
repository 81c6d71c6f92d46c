/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mark.h: the "#bg …" lines of the host program, docs/host-protocol.md.
 *
 *   #bg phase=stopping t_ms=812 pid=4711
 *   #bg verdict word=hung advice=cycle why="QMP gave no greeting in 3 s"
 */
#ifndef ENGINE_MARK_H
#define ENGINE_MARK_H

#include <stdbool.h>
#include <stddef.h>

#define MARK_PAIRS_MAX 24
#define MARK_LINE_MAX 1024

struct mark {
	char text[MARK_LINE_MAX];
	/* The word after "#bg": "run", "fact", "verdict", "result"; for a first
	 * word of the form key=value (phase=…, section=…) its key. */
	const char *kind;
	size_t count;
	const char *keys[MARK_PAIRS_MAX], *values[MARK_PAIRS_MAX];
};

/* False when the line is no mark.  Borrows line; m lives by itself. */
bool mark_parse(struct mark *m, const char *line, size_t len);

/* The value of a key, or NULL. */
const char *mark_get(const struct mark *m, const char *key);
long mark_int(const struct mark *m, const char *key, long def);

#endif
