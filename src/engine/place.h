/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.h: where an engine is found: its run directory, the lock in it, the socket.
 *
 * The lock says that an engine is there, the socket how to reach it.  Somebody may
 * remove both under a running engine (a cleaner of /tmp): then the next command would
 * start a second one.  So the place is looked at, and made anew where it is gone.
 */
#ifndef ENGINE_PLACE_H
#define ENGINE_PLACE_H

#include <sys/types.h>

#include "base/err.h"

enum place_state {
	PLACE_FINE,
	PLACE_AGAIN,  /* what was gone is made anew: listen again */
	PLACE_TAKEN,  /* another engine holds the lock there now */
	PLACE_BROKEN, /* it cannot be made anew; the words say why */
	PLACE_STATES
};

struct place {
	char *dir, *socket, *lock;
	int lock_fd; /* -1: the lock is not ours */
	dev_t dev;   /* of the socket that we listen on */
	ino_t ino;
	gid_t gid; /* the operators' group, or RUNDIR_NO_GROUP */
};

void place_init(struct place *p, char *dir); /* takes dir */
void place_fini(struct place *p);

/*
 * Makes the directory and takes the lock, before there is a loop: one that is just
 * leaving is waited for.  group: the operators', or "".  ERR_BUSY: an engine listens
 * there; the words name its pid.  ERR_DENIED: an owner or a mode is wrong; they end with
 * the command that mends it.
 */
int place_take(struct place *p, const char *group, struct err *err) MUST_CHECK;

/* Listens; a socket that lies there is a dead engine's.  Returns the descriptor or -1. */
int place_listen(struct place *p, struct err *err) MUST_CHECK;

/* Whether all of it is still there and ours.  err is set by TAKEN and BROKEN. */
enum place_state place_look(struct place *p, struct err *err);

/* The socket goes, so that nobody comes any more; the lock stays until fini. */
void place_close(struct place *p);

#endif
