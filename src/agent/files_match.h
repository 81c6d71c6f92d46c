/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * files_match.h: does a path fit a pattern?
 *
 * * and ? within a name, [a-z] and [!a-z], \ before a character, ** for any
 * number of folders.  All states are followed at once, so that no pattern costs
 * more than its length times that of the path.
 */
#ifndef AGENT_FILES_MATCH_H
#define AGENT_FILES_MATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_PATTERN_MAX 1024 /* bytes */

struct files_token {
	uint8_t kind;
	uint16_t at; /* of a class: where it begins in the pattern */
	uint32_t cp;
};

struct files_match {
	const char *pattern; /* lent */
	struct files_token tokens[FILES_PATTERN_MAX + 2];
	size_t n;
};

/* NULL, or what is wrong with the pattern.  It is lent for the life of m. */
const char *files_match_compile(struct files_match *m, const char *pattern);

bool files_match(const struct files_match *m, const char *path);

#endif
