/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * messages.h: the names of what the processes say to each other.
 *
 * One table, messages.def, feeds the enums, the names and the direction check.
 * docs/protocol.md gives members, limits and order of each.
 */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include <stdbool.h>

#include "wire/json.h"

#define WIRE_VERSION 1		    /* peers of another version are told so and closed */
#define WIRE_PROMPT_MAX (64 * 1024) /* bytes of one prompt */
#define WIRE_CHUNK_MAX (32 * 1024)  /* raw bytes in one output, text or child message */
#define WIRE_NAME_MAX 32	    /* bytes of an operator's name */
#define WIRE_COMMAND_MAX WIRE_CHUNK_MAX /* of one remote command: one record has it */

enum fact {
#define FACT(id, name, journaled) FACT_##id,
#include "wire/messages.def"
	FACTS
};

enum request {
#define REQUEST(id, name) REQUEST_##id,
#include "wire/messages.def"
	REQUESTS
};

enum agent_in {
#define AGENT_IN(id, name) AGENT_IN_##id,
#include "wire/messages.def"
	AGENT_INS
};

enum agent_out {
#define AGENT_OUT(id, name) AGENT_OUT_##id,
#include "wire/messages.def"
	AGENT_OUTS
};

extern const char *const fact_names[FACTS];
extern const bool fact_journaled[FACTS];
extern const char *const request_names[REQUESTS];
extern const char *const agent_in_names[AGENT_INS];
extern const char *const agent_out_names[AGENT_OUTS];

/* The kind that member "t" of m names, or -1. */
int message_fact(const struct js *m);
int message_request(const struct js *m);
int message_agent_in(const struct js *m);
int message_agent_out(const struct js *m);

/* A new object with member "t". */
struct js *message_new(const char *name);

/*
 * Unknown members are refused in requests.  allowed: names separated by one
 * space ("text mode"); "t" and "req" are always allowed.  0, or -1 with the
 * offending name in the words.
 */
int message_only(const struct js *m, const char *allowed, struct err *err) MUST_CHECK;

#endif
