/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rundir.h: the run directory, made by the engine, entered by its operators.
 *
 * It is the engine's own, 0700; with an operators' group 0710 and that group's, so that
 * its members reach the socket and see nothing else.  Nobody else may be able to put
 * another directory in its place: that is looked at up to the root.  What is wrong is
 * ERR_DENIED, and the words end with the command that mends it.
 */
#ifndef BASE_RUNDIR_H
#define BASE_RUNDIR_H

#include <sys/types.h>

#include "base/err.h"

#define RUNDIR_NO_GROUP ((gid_t)-1)

/* A group's name or number; "": RUNDIR_NO_GROUP. */
int rundir_group(const char *name, gid_t *gid, struct err *err) MUST_CHECK;

/* The engine's: makes it where it is missing, gives it to the group, and checks it. */
int rundir_make(const char *dir, gid_t gid, struct err *err) MUST_CHECK;

/*
 * An operator's: whether an engine in it is to be believed.  *owner: whose it is; our
 * uid where it does not exist.
 */
int rundir_check(const char *dir, gid_t gid, uid_t *owner, struct err *err) MUST_CHECK;

#endif
