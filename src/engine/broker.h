/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * broker.h: the only door to the hosts.
 *
 * Everything that runs on a host goes through here, whoever asked: it is
 * checked against the table of hosts and verbs, journaled as a tool fact
 * before it runs, and its output is a fact too.
 */
#ifndef ENGINE_BROKER_H
#define ENGINE_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/verbs.h"

struct broker;
struct broker_run;

/* What the shim's side of a run hears.  No callback comes after end. */
struct broker_run_events {
	/* data is lent.  Return false when no more can be taken for now: the
	 * run is held until broker_run_ready. */
	bool (*output)(int stream, const char *data, size_t len, void *arg);
	/* exit 0..255; or failed: why is a sentence and exit is 255; or refused:
	 * why says what would have been allowed and exit is 64. */
	void (*end)(bool refused, int exit, const char *why, void *arg);
};

/*
 * The agent asks for "ssh host command".  Never NULL; a refusal comes through
 * end like everything else, from the loop.  command is copied; events borrowed.
 */
struct broker_run *broker_agent_run(struct broker *b, const char *host, size_t host_len,
    const char *command, size_t len, const struct broker_run_events *events, void *arg);

int broker_run_input(struct broker_run *run, const void *data, size_t len) MUST_CHECK;
void broker_run_input_end(struct broker_run *run);
void broker_run_ready(struct broker_run *run);

/*
 * The shim is gone: no callback comes after this.  Closes the channel of a
 * devvm command; a verb goes on and its facts are still told to everyone.
 */
void broker_run_abandon(struct broker_run *run);

#endif
