/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * course.h: a mutating verb on its way, stage by stage, made of its facts alone.
 *
 *   NONE --confirmed--> RUNNING --finished 0--> CLIMBING --proof done--> OVER
 *                          |                                             ^
 *                          +---- refused, failed, unknown, a stop -------+
 *
 * The engine folds old journals into it (how long a stage takes, usually), the model
 * folds the live facts (how long it takes now): so both mean the same by a stage.
 * A stage that did not occur has no time; nothing here trusts what it is given.
 */
#ifndef WIRE_COURSE_H
#define WIRE_COURSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/json.h"
#include "wire/verbs.h"

enum course_stage {
	COURSE_SEND, /* until the host's first word */
	COURSE_FORENSICS,
	COURSE_THAW,
	COURSE_STOP,
	COURSE_KILL,
	COURSE_RESET,
	COURSE_START,
	COURSE_BOOT,	/* QEMU runs, the guest has not read from its disk yet */
	COURSE_SSH,	/* until a login */
	COURSE_HEALTHY, /* command, sudo, a write with sync */
	COURSE_STAGES
};

enum course_state { COURSE_NONE, COURSE_RUNNING, COURSE_CLIMBING, COURSE_OVER };

struct course {
	enum course_state state;
	int verb; /* enum verb */
	char id[16];
	int64_t began;	   /* the engine's clock when it was confirmed */
	int64_t sent;	   /* when it was sent; -1: not yet */
	int64_t ended;	   /* when the host finished; -1 */
	int64_t verb_ms;   /* from sent to the host's end; -1 */
	int64_t whole_ms;  /* from sent until the devvm was healthy, or off; -1 */
	bool waiting;	   /* past the engine's deadline: the host goes on */
	bool unknown;	   /* its end was not seen */
	int exit;	   /* of the host; -1: none yet */
	bool healthy;	   /* OVER: the devvm is back, or off as it should be */
	int now;	   /* the stage that runs, or -1 */
	int64_t now_began; /* the engine's clock */
	int64_t now_host;  /* and the host's; -1 */
	char how[8];	   /* of a stop: "qm", "ha" or "signal"; "" not told */
	int64_t took[COURSE_STAGES]; /* ms; -1: it did not occur or runs still */
};

void course_init(struct course *c);

/* Folds a fact in, of whatever kind; returns whether the course changed. */
bool course_apply(struct course *c, const struct js *fact);

const char *course_stage_name(enum course_stage stage); /* "forensics", "stop" … */
int course_stage_by_name(const char *name);		/* or -1 */

/* May this stage occur in that verb?  sure: it always does. */
bool course_has(int verb, enum course_stage stage, bool *sure);

/* ms until the host gives a stage up by itself, or goes on to the next; 0: no limit. */
int64_t course_limit_ms(const struct course *c, enum course_stage stage);

#endif
