/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostjob.h: what the host says about mutating verbs: the one that runs or was
 * cut short there, and how the last one ended.  Read from a status' marks.
 *
 * Ids of runs begin with the host's own time and so does the status' own: what
 * has begun how long ago is told without comparing two hosts' clocks.
 */
#ifndef ENGINE_HOSTJOB_H
#define ENGINE_HOSTJOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTJOB_ID_MAX 72
#define HOSTJOB_WHY_MAX 300

enum hostjob_state { HOSTJOB_UNTOLD, HOSTJOB_NONE, HOSTJOB_RUNNING, HOSTJOB_INTERRUPTED };

struct hostjob {
	enum hostjob_state
	    state; /* UNTOLD: this program keeps no record, or was not asked */
	char id[HOSTJOB_ID_MAX], verb[16], phase[32];
	long age_s; /* since it began */
	/* The last one that ended; id "" when there is none. */
	char last_id[HOSTJOB_ID_MAX], last_verb[16], last_state[32];
	long last_rc, last_age_s;	/* since it ended */
	char last_why[HOSTJOB_WHY_MAX]; /* of an rc other than 0: and what to do */
	/* The answer itself. */
	char run_id[HOSTJOB_ID_MAX];
	int64_t wall_ms; /* our clock when it began */
};

void hostjob_begin(struct hostjob *j); /* another answer begins */
void hostjob_run(struct hostjob *j, const char *id);
void hostjob_fact(struct hostjob *j, const char *key, const char *value);

/* The host's own time in the name of a run, since 1970, whole seconds; -1: none. */
int64_t hostjob_id_ms(const char *id);

/* When the run of that id began, by our own clock; -1: its id does not tell. */
int64_t hostjob_began_ms(const struct hostjob *j, const char *id);

/* "cycle runs at the host, phase stopping, 12 s", or "" when there is nothing. */
void hostjob_words(const struct hostjob *j, char *out, size_t size);

#endif
