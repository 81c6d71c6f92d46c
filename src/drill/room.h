/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * room.h: where a drill in the lab happens: directories, settings and an engine of its
 * own, so that it cannot touch those that are real.
 *
 * The settings are the operator's, but for the hosts, their user, port and key, which
 * are the lab's, for who may come, which is whoever began it, and for what would reach
 * further than the drill: its own run and sessions directories, an agent-host of its
 * own, no notify_command, no syslog.  They
 * stand in the environment, which beats every file, so each program that is started here
 * reads the same.
 */
#ifndef DRILL_ROOM_H
#define DRILL_ROOM_H

#include <sys/types.h>

#include "base/err.h"
#include "base/options.h"
#include "drill/lab.h"

#define ROOM_ENV \
	"env" /* in its directory: all of that for a shell, "export NAME='value'" */

struct room {
	char *dir;	       /* NULL: not made */
	struct options config; /* as the engine here will read them */
	int configured;
	pid_t engine; /* 0: none */
};

/*
 * Makes the directory and sets the environment.  ERR_USAGE: devvm_host or pve_host, as
 * the engine would read them now, is not an address of this machine's loopback, or the
 * lab did not say one of its variables; nothing was sent anywhere then.
 */
int room_make(
    struct room *r, const struct lab_vars *vars, bool alone, struct err *err) MUST_CHECK;

/* The engine, which ends with us; its end is also that of any that came in its place. */
int room_start_engine(struct room *r, int verbose, struct err *err) MUST_CHECK;
void room_end_engine(struct room *r);

/* Ends the engine; keep: the directory stays. */
void room_leave(struct room *r, bool keep);

/* What was not taken from the operator's settings, for people. */
extern const char room_own_settings[];

#endif
