/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verbs.h: the verb table, for everyone, without a library.
 *
 * The host program, the shim and the launcher include this file and nothing
 * else of wire, so it may need nothing but the C library's headers.
 */
#ifndef WIRE_VERBS_H
#define WIRE_VERBS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define VERB_VMID 102 /* the one VM that any of this is about */

enum autonomy { AUTONOMY_OBSERVE, AUTONOMY_REPAIR, AUTONOMY_AUTONOMOUS, AUTONOMY_LEVELS };

enum verb {
#define VERB(id, name, mutating, deadline_s, fkey, asks, level, does, limits) VERB_##id,
#include "wire/verbs.def"
#undef VERB
	VERBS
};

/* What the agent may do at which autonomy. */
struct allowed {
	enum autonomy asks;   /* from here on it may ask an operator for it */
	enum autonomy itself; /* from here on it may do it by itself */
};

struct verb_row {
	const char *name;
	size_t len;
	bool mutating;
	int deadline_s;
	int fkey;
	struct allowed allowed;
	const char *does;
	const char *limits;
};

static const struct verb_row verb_rows[VERBS] = {
#define VERB(id, name, mutating, deadline_s, fkey, asks, level, does, limits) \
	{name, sizeof(name) - 1, mutating, deadline_s, fkey,                  \
	    {AUTONOMY_##asks, AUTONOMY_##level}, does, limits},
#include "wire/verbs.def"
#undef VERB
};

/*
 * The verb that len bytes at word spell, or -1.  Exact: no case folding, no
 * surrounding space, no NUL; the length counts, so "cycle\0x" is not a verb.
 */
static inline int
verb_by_name(const char *word, size_t len)
{
	for (int v = 0; v < VERBS; v++)
		if (verb_rows[v].len == len && memcmp(verb_rows[v].name, word, len) == 0)
			return v;
	return -1;
}

#endif
