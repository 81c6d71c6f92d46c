/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * asks.h: what waits for an operator's word, and what a stopped turn has left behind.
 *
 * Both are short lists of the present.  A question ends by its answer, by the
 * engine's word that none is open, or by its time: then the engine took a no.
 */
#ifndef MODEL_ASKS_H
#define MODEL_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"

#define ASKS_MAX 8
#define ASK_COMMAND_MAX 4096 /* bytes that are kept of a command, clean */
#define LEFT_MAX 16

struct ask {
	char id[16], kind[16], by[33];
	char host[16];
	char verb[16];	/* "": no power verb */
	char text[320]; /* why it is asked, one sentence */
	char command[ASK_COMMAND_MAX];
	size_t command_len; /* bytes of it as they came; more than kept: cut */
	bool cut;
	bool has_input; /* with this on its standard input */
	char input[ASK_COMMAND_MAX];
	size_t input_len;
	bool input_cut;
	int64_t until; /* the engine's clock */
};

struct asks {
	int count;
	struct ask ask[ASKS_MAX]; /* oldest first */
};

/* Folds an ask, answered or state "ask" fact in; whether something changed. */
bool asks_apply(struct asks *a, const struct js *fact);

/* The oldest one that is still open at now (the engine's clock), or NULL. */
const struct ask *asks_open(const struct asks *a, int64_t now);
int asks_waiting(const struct asks *a, int64_t now);
const struct ask *asks_by_id(const struct asks *a, const char *id);

struct left_run {
	char id[16], host[16], what[96];
	char state[16]; /* "ending", "running", "unknown" */
	bool verb;	/* a mutating verb: nothing here ends it */
};

struct left {
	int count, more; /* more: those beyond LEFT_MAX */
	struct left_run run[LEFT_MAX];
};

void left_read(struct left *l, const struct js *fact);

#endif
