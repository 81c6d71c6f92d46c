/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_rig.h: a journal with a loop, a folder and what it told, for one test.
 *
 * rig_begin and rig_end are a suite's .init and .fini: the end looks that no descriptor
 * and no handle is left.  UNTIL runs the loop until something is so.
 */
#ifndef UNIT_JOURNAL_RIG_H
#define UNIT_JOURNAL_RIG_H

#include <criterion/criterion.h>
#include <uv.h>

#include "base/clock.h"
#include "engine/record/journal.h"

struct rig {
	char path[128]; /* of the journal's file */
	bool hang;	/* the disk does, while this is true */
	uv_loop_t loop;
	struct journal *journal;
	int fds; /* how many were open at the begin */
	struct rig_told {
		uint64_t ticket;
		int written, synced, rewritten, states[JOURNAL_STATES];
		size_t bytes;
		char why[256];
		bool retries; /* from within the callback */
		bool hangs;   /* and the disk hangs then */
	} told;
};

extern struct rig rig;

void rig_begin(void);
void rig_end(void);
void rig_new_journal(void);

/* The journal is freed; a test that fails behind it leaves nothing to be let go twice. */
void rig_let_go(int64_t wait_ms);

/* Runs the loop until nothing is left of what was let go. */
void rig_drain(void);

uint64_t rig_add(const char *line);
void rig_is_in_file(const char *want);
void rig_nothing(uv_timer_t *t);

/* Runs the loop until it is so; ten seconds at most. */
#define UNTIL(is_so)                                                           \
	do {                                                                   \
		int64_t last = clock_mono_ms() + 10000;                        \
		uv_timer_t tick;                                               \
		uv_timer_init(&rig.loop, &tick);                               \
		uv_timer_start(&tick, rig_nothing, 1, 1);                      \
		while (!(is_so)) {                                             \
			cr_assert_lt(clock_mono_ms(), last, "never: " #is_so); \
			uv_run(&rig.loop, UV_RUN_ONCE);                        \
		}                                                              \
		uv_close((uv_handle_t *)&tick, NULL);                          \
		uv_run(&rig.loop, UV_RUN_NOWAIT);                              \
	} while (0)

#endif
