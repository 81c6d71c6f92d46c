/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * policy.h: what the agent may do, decided by two tables and nothing else.
 *
 *   kill switch -> host -> verb -> autonomy -> the hour's cap -> interlock
 *
 * The first that objects decides; a person who is asked and says yes is past all
 * of them but the first.  The rows are those of hosts.def and verbs.def, each with
 * its reason (docs/policy.md).  No memory, no clock, no host: the same question has
 * the same answer.  Operators are not asked about here: their keys have no policy.
 */
#ifndef ENGINE_POLICY_H
#define ENGINE_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/verbs.h"

#define POLICY_TEXT_MAX 400

enum policy_says {
	POLICY_REFUSE, /* text says what would have been allowed */
	POLICY_ASK,    /* text is the question for an operator */
	POLICY_PROBE,  /* runs if the devvm fails a probe made now; else policy_probed */
	POLICY_RUN
};

/* What is so at this moment. */
struct policy_now {
	enum autonomy autonomy;
	bool killed; /* the kill switch is on */
	bool interlock;
	int verbs_hour, verbs_hour_max; /* of the agent, guarded ones */
};

/* "ssh host command", as the agent said it; borrowed for the call. */
struct policy_ask {
	const char *host;
	size_t host_len;
	const char *command;
	size_t len;
	bool has_input;	  /* something comes on its standard input ... */
	size_t input_len; /* ... so many bytes of it are known */
};

struct policy {
	enum policy_says says;
	int host; /* enum host_id; -1: there is no such host */
	int verb; /* enum verb; -1: no verb of the table, or the host takes commands */
	char text[POLICY_TEXT_MAX]; /* of REFUSE and ASK; else "" */
};

void policy_of_agent(
    const struct policy_now *now, const struct policy_ask *ask, struct policy *out);

/* What follows from the probe that POLICY_PROBE wanted; took_ms is told. */
void policy_probed(struct policy *p, bool healthy, long took_ms);

/* A block of a runbook that writes on the devvm: RUN, ASK (no text), or REFUSE. */
enum policy_says policy_of_block(const struct policy_now *now);

/* Names of the levels, as operators type them. */
const char *autonomy_name(enum autonomy level);
int autonomy_by_name(const char *name); /* or -1 */

/* The sentence of a kill switch that is on, for who is refused. */
#define POLICY_KILLED                                                         \
	"an operator pulled the kill switch: nothing of the agent runs on a " \
	"host until an operator lifts it"

#endif
