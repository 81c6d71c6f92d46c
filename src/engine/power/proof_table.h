/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * proof_table.h: what was true before a mutating verb and what is true after it,
 * as a table and as sentences; pure.
 */
#ifndef ENGINE_PROOF_TABLE_H
#define ENGINE_PROOF_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/power/ladder.h"
#include "wire/json.h"
#include "wire/verbs.h"

#define PROOF_TEXT_MAX 480

/* One side of it; 0, -1 and "" are what is not known. */
struct proof_side {
	char status[32];      /* the host's word for the VM */
	long pid;	      /* QEMU's; 0 with status stopped: there is none */
	int64_t qemu_wall_ms; /* when that process began */
	int64_t qemu_ticks;   /* the same in ticks after the host's boot */
	int staged;	      /* settings that wait for a new QEMU; -1 */
	char staged_keys[96];
	char boot_id[40];
	long uptime_s;	  /* the guest's, at that moment */
	int failed_units; /* -1 */
	char failed[160];
};

struct proof_case {
	enum verb verb;
	bool known;    /* the host told how it ended */
	int exit;      /* and then: this */
	bool unseen;   /* it was sent by an earlier engine: nobody knows when */
	bool old_host; /* the host program is old: no pid, no staged config */
	struct proof_side before, after;
};

void proof_side_init(struct proof_side *side);
void proof_side_seen(struct proof_side *side, const struct ladder_seen *seen);

/* A new QEMU process is what the verb is for, or must not be made by it. */
bool proof_wants_new_qemu(const struct proof_case *c);

/* It has happened, and the guest must have booted anew by it. */
bool proof_wants_reboot(const struct proof_case *c);

/* Rows {what, before, after, ok}; ok is absent where nothing can be said. */
struct js *proof_table(const struct proof_case *c);

/* What the first rung that does not hold means; "" at the top.  Constant text. */
const char *proof_words_rung(const struct ladder_seen *seen);

/*
 * The sentences of each end.  todo: the command that installs our host program,
 * said when the host's is old; NULL: not known.
 */
void proof_words_healthy(
    const struct proof_case *c, int64_t ms, const char *todo, char out[PROOF_TEXT_MAX]);
void proof_words_off(
    const struct proof_case *c, int64_t ms, const char *todo, char out[PROOF_TEXT_MAX]);
void proof_words_given_up(const struct proof_case *c, const struct ladder_seen *seen,
    const char *words, const char *todo, char out[PROOF_TEXT_MAX]);

#endif
