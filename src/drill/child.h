/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * child.h: programs that a drill starts, and that must not outlive it.
 *
 * Each is told by the kernel to end when this process ends, however it ends.  A signal
 * that asks us to end (INT, TERM, HUP) ends what is waited for, in order, and is
 * remembered: from then on nothing is waited for but what cleans up.
 */
#ifndef DRILL_CHILD_H
#define DRILL_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

enum child_stream {
	CHILD_SHOWN,  /* ours */
	CHILD_ASIDE,  /* our standard error: standard output is for a program */
	CHILD_HIDDEN, /* nobody's */
	CHILD_TAKEN   /* of standard output: child_run's buf */
};

struct child_opts {
	const char *const *argv; /* argv[0] is the path; ends with NULL */
	enum child_stream out, err;
	struct buf *taken; /* where out is CHILD_TAKEN; what does not fit is left out */
	int fd;		   /* is its descriptor 3; 0: it has none */
	int64_t limit_ms;  /* 0: it has its own end */
	bool reads;	   /* it has our standard input, as a console needs it */
	bool session;	   /* of its own: the terminal's keys are not for it */
	bool cleans;	   /* it is waited for though we are asked to end */
	bool stays;	   /* it may outlive us: --keep */
};

/* Before the first child; signals are blocked but while something is waited for. */
void child_init(void);

/* The signal that asks us to end; 0: none has come. */
int child_signal(void);

/* 0, or -1. */
int child_start(const struct child_opts *o, pid_t *pid, struct err *err) MUST_CHECK;

/*
 * Waits for it.  Its exit code (128 + signal where one ended it), or -1: it could not be
 * started, its time was up, or we are asked to end: then it has been ended.
 */
int child_run(const struct child_opts *o, struct err *err) MUST_CHECK;

/* Ends it: TERM, and KILL when it is still there after limit_ms. */
void child_end(pid_t pid, int64_t limit_ms);

/*
 * Waits until fd may be read (-1: for nothing), a child has ended, we are asked to end,
 * or so long.  True: it may be read.
 */
bool child_wait_fd(int fd, int64_t ms);

#endif
