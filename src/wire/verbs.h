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
#define VERB(                                                                       \
    id, name, mutating, deadline_s, fkey, asks, level, guard, does, limits, reason) \
	VERB_##id,
#include "wire/verbs.def"
#undef VERB
	VERBS
};

/* Whether the hour's cap and the interlock are in the agent's way. */
enum guard { VERB_FREE, VERB_GUARDED };

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
	enum guard guard;
	const char *does;
	const char *limits;
	const char *reason; /* of the agent's rule */
};

static const struct verb_row verb_rows[VERBS] = {
#define VERB(                                                                       \
    id, name, mutating, deadline_s, fkey, asks, level, guard, does, limits, reason) \
	{name, sizeof(name) - 1, mutating, deadline_s, fkey,                        \
	    {AUTONOMY_##asks, AUTONOMY_##level}, VERB_##guard, does, limits, reason},
#include "wire/verbs.def"
#undef VERB
};

enum host_takes { HOST_TAKES_COMMAND, HOST_TAKES_VERB };

enum host_id {
#define HOST(id, name, takes, asks, itself, writes, reason) HOST_ID_##id,
#include "wire/hosts.def"
#undef HOST
	HOST_IDS
};

struct host_row {
	const char *name;
	size_t len;
	enum host_takes takes;
	struct allowed allowed; /* of the agent's commands */
	enum autonomy writes;	/* of a runbook's blocks that write */
	const char *reason;
};

static const struct host_row host_rows[HOST_IDS] = {
#define HOST(id, name, takes, asks, itself, writes, reason) \
	{name, sizeof(name) - 1, HOST_TAKES_##takes,        \
	    {AUTONOMY_##asks, AUTONOMY_##itself}, AUTONOMY_##writes, reason},
#include "wire/hosts.def"
#undef HOST
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

/* The host of that name, or -1; as exact as the verb. */
static inline int
host_by_name(const char *word, size_t len)
{
	for (int h = 0; h < HOST_IDS; h++)
		if (host_rows[h].len == len && memcmp(host_rows[h].name, word, len) == 0)
			return h;
	return -1;
}

#endif
