/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * look_whose.c: whose file it is.  On a machine with one engine for all operators, key,
 * list and passwords are that engine's: who looks as root or as an operator must neither
 * judge them by his own uid nor be told to take them away from it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rundir.h"
#include "doctor/looks.h"

bool
looks_engine_of(const struct options *o, uid_t *owner)
{
	char *dir = options_run_dir(o);
	struct err err;
	bool another;
	gid_t gid;

	*owner = geteuid();
	if (rundir_group(o->operators_group, &gid, &err) == 0 &&
	    rundir_check(dir, gid, owner, &err) == 0)
		another = *owner != geteuid();
	else /* root is put before nobody's directory by somebody else */
		another = geteuid() == 0 && looks_another(dir, owner);
	free(dir);
	return another;
}

/* The file is another uid's, neither ours nor root's; or it lies where only that one
 * sees. */
static bool
is_anothers(const char *path, uid_t *owner)
{
	struct stat st;
	bool found = stat(path, &st) == 0;

	if (!found && errno == EACCES) {
		char *above = looks_above(path);

		found = stat(above, &st) == 0;
		free(above);
	}
	if (!found || st.st_uid == geteuid() || st.st_uid == 0)
		return false;
	*owner = st.st_uid;
	return true;
}

bool
looks_not_ours(
    const struct options *o, const char *path, const char *setting, struct said *said)
{
	uid_t owner;

	if (looks_engine_of(o, &owner)) {
		said_skip(said,
		    "%s is read by the engine of uid %ld, not by us (%ld): doctor looks at it as "
		    "that uid, sudo -u '#%ld' breakglass doctor",
		    path, (long)owner, (long)geteuid(), (long)owner);
		return true;
	}
	if (!is_anothers(path, &owner))
		return false;
	said_fail(
	    said, "%s is uid %ld's, not ours (%ld)", path, (long)owner, (long)geteuid());
	said_do(said,
	    "run doctor as uid %ld, whose engine may need it as it is (sudo -u '#%ld' breakglass "
	    "doctor); or set %s to a file of yours",
	    (long)owner, (long)owner, setting);
	return true;
}
