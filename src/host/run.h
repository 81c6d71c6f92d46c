/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run.h: what stays on the host of each run.
 *
 * In the run directory:
 *   runs/ID.log   every line of the run, written by its worker
 *   now           the mutating verb that runs (or was interrupted)
 *   last          how the last one ended
 * now and last are replaced by rename, so a reader sees one whole version, and
 * synced, so that after a crash of the host they tell what was done before it.
 */
#ifndef HOST_RUN_H
#define HOST_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "host/site.h"

#define RUN_KEEP 50 /* runs of each kind that stay; older ones are removed */
#define RUN_ID_MAX 64
#define RUN_WORD_MAX 32
#define RUN_WHY_MAX 400

struct run_now {
	char id[RUN_ID_MAX];
	char verb[RUN_WORD_MAX];
	char phase[RUN_WORD_MAX];
	long long pid;
	long long pid_start; /* clock ticks after boot, so a reused pid is seen */
	long long at;	     /* unix seconds, begin of the run */
};

struct run_last {
	char id[RUN_ID_MAX];
	char verb[RUN_WORD_MAX];
	char state[RUN_WORD_MAX];
	long long rc;
	long long ms;
	long long at;	       /* unix seconds, end of the run */
	char why[RUN_WHY_MAX]; /* printable; empty when rc is 0 */
};

/*
 * The first of run_dir and spare_dir that can be written, made when missing; a
 * disk that does not answer counts as one that cannot.  0 and its path in dir
 * (SITE_PATH_MAX), or -1.
 */
int run_dir_pick(const struct site *s, char *dir);

/* A name that sorts by time: 20261126T201500Z-cycle-1234. */
void run_name(char *id, size_t size, const char *verb);

/* Makes runs/ID.SUFFIX, which must not exist and gets its room on disk: a descriptor, or
 * -1. */
int run_create(const char *dir, const char *id, const char *suffix);

/*
 * now and last (run_now.c).  A write is data, sync, rename, sync of the
 * directory, in a child of at most 300 ms; where the disk is slower it is tried
 * once more without the syncs, and where that hangs too it is left out.
 * 0, or -1: it is not there.
 */
int run_now_write(const char *dir, const struct run_now *now);
int run_last_write(const char *dir, const struct run_last *last);
/* Removes now; as bounded as a write. */
void run_now_clear(const char *dir);
/* false when there is none.  Reads at once: for who knows that dir answers. */
bool run_now_read(const char *dir, struct run_now *now);
bool run_last_read(const char *dir, struct run_last *last);

/* The text of the files, pure; false: torn or not ours. */
bool run_now_parse(const char *text, struct run_now *now);
bool run_last_parse(const char *text, struct run_last *last);

/* Is the process that now names still that process? */
bool run_now_alive(const struct run_now *now);
/* Fills pid and pid_start with the calling process. */
void run_now_self(struct run_now *now);

/* The youngest mutating runs, youngest first (run_list.c). */
struct run_row {
	char id[RUN_ID_MAX];
	int rc; /* of its result line; -1: it has none (yet) */
};

struct run_list {
	size_t count;
	struct run_row row[RUN_KEEP];
};

/* Both directories, at most half a second for each; what does not answer is left out. */
void run_list_read(const struct site *s, struct run_list *l);

/* The rc of the last result line in a run's text, pure; -1: there is none. */
int run_result_parse(const char *text);

/* What the two directories say, the later of each; a reader's whole view. */
struct run_past {
	bool has_now;
	bool has_last;
	bool alive; /* the process of now */
	struct run_now now;
	struct run_last last;
};

/* At most 1 s for each; false when nothing is known because one did not answer. */
bool run_past_read(const struct site *s, struct run_past *past);

/* Removes all but the keep youngest runs of verbs and the keep youngest captures. */
void run_rotate(const char *dir, int keep);

/* Waits until runs/ID.log is there: 0, or -1 after limit_ms. */
int run_wait(const char *dir, const char *id, int limit_ms);

/* Gives back what a run file reserved and did not use. */
void run_trim(int fd);

/*
 * Copies runs/ID.log to fd as it grows until its result line has been copied.
 * worker is watched (0: not known yet).  Returns the rc of the result line;
 * -1 when the worker is gone without one, when none came in limit_ms or when fd
 * cannot be written (then *gone is true).
 */
int run_follow(
    const char *dir, const char *id, int fd, pid_t worker, int limit_ms, bool *gone);

#endif
