/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * notices.h: which facts the agent must be told of, in a sentence each.  Pure.
 *
 * What others did to the hosts behind its back: an operator's verb (sent, and how it
 * ended), a shell of theirs, another autonomy, the proof of recovery, a connection
 * that was lost or came back while it works.  What it did itself it knows.
 */
#ifndef ENGINE_NOTICES_H
#define ENGINE_NOTICES_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/json.h"
#include "wire/messages.h"

#define NOTICE_MAX 400 /* bytes with the NUL */
#define NOTICES_SHELLS 4

struct notices {
	struct {
		char id[16];
		char by[WIRE_NAME_MAX + 1];
	} shells[NOTICES_SHELLS]; /* that are open */
	bool down[2];		  /* the connection to devvm, pve */
	char proof[64];		  /* end that was told last, with its verb */
};

void notices_init(struct notices *n);

/* in_turn: the agent is at work.  True: out has the sentence. */
bool notices_see(
    struct notices *n, const struct js *fact, bool in_turn, char out[NOTICE_MAX]);

#endif
