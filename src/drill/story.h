/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * story.h: what happened in a drill, read from the journals that it left.
 *
 * Times are counted from the moment the wedge held, by the monotonic clock, which the
 * engine and the lab share.  Nothing but numbers and words of our own tables is kept of
 * what others wrote.
 */
#ifndef DRILL_STORY_H
#define DRILL_STORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/course.h"
#include "wire/drills.h"
#include "wire/json.h"

#define STORY_PRESSED_MAX 64

struct story_press {
	int64_t ms;
	char what[96];
};

struct story {
	int64_t made_ms, holds_ms; /* of the wedge; the monotonic clock */
	int64_t back_ms; /* it was found well, though no verb was proved; 0: it was not */
	int64_t left_ms; /* the operator left the screen; 0: he is there */
	int64_t step_ms[DRILLS_STEPS]; /* since it held; -1 */
	struct course course;	       /* of the last mutating verb */
	int64_t sent_ms;	       /* of it; the monotonic clock, -1 */
	bool proving;		       /* its proof of recovery is under way */
	bool proven;
	char end[16];		   /* how the proof ended; "": it has not */
	char word[24], advice[16]; /* of the verdict before the first mutating verb */
	int64_t verdict_ms;	   /* since the wedge; -1: none */
	char runbook_key[16];	   /* the verb that a runbook named first; "" */
	bool runbook;		   /* one came to its end */
	int verbs;		   /* mutating ones that were sent */
	struct story_press pressed[STORY_PRESSED_MAX];
	size_t n_pressed, more_pressed;
	size_t incidents;
};

void story_init(struct story *s, int64_t made_ms, int64_t holds_ms);

/* All journals below sessions_dir, anew; 0, or -1: s is what it was at its beginning. */
int story_read(struct story *s, const char *sessions_dir, struct err *err) MUST_CHECK;

#endif
