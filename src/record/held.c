/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "record/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "base/rundir.h"
#include "wire/journal_file.h"

static bool
is_newest(const char *what)
{
	return !what || !*what || strcmp(what, "last") == 0;
}

bool
held_is_meant(const struct ask *a, const char *what)
{
	return a->there && a->incident[0] &&
	    (is_newest(what) || strncmp(what, a->incident, strlen(what)) == 0);
}

const char *
held_name(const struct ask *a, const char *what)
{
	return is_newest(what) && a->there && a->incident[0] ? a->incident : what;
}

struct fetching {
	int fd, error; /* errno */
	int64_t size;
};

static void
on_record(const char *line, size_t len, void *arg)
{
	struct fetching *g = arg;
	char *copy;

	if (g->error)
		return;
	g->size += (int64_t)len + 1;
	if (g->size > HELD_MAX) {
		g->error = EFBIG;
		return;
	}
	copy = mem_printf("%.*s\n", (int)len, line);
	if (fd_write_all(g->fd, copy, len + 1) < 0)
		g->error = errno;
	free(copy);
}

int
held_fetch(const struct options *o, struct ask *a, struct err *err)
{
	struct fetching g = {.fd = fd_memory("journal.jsonl")};
	char id[VERIFY_ID_MAX];
	int rc;

	if (g.fd < 0)
		return err_sys(err, errno, "keep the engine's records in memory");
	memcpy(id, a->incident, sizeof id);
	rc = ask_records(o, id, a, on_record, &g, err);
	if (rc == 0 && g.error)
		rc = err_sys(err, g.error, "keep the engine's records in memory");
	if (rc == 0 && fcntl(g.fd, F_SETFD, 0) == 0)
		return g.fd;
	close(g.fd);
	return -1;
}

const char *
held_path(int fd, char out[64])
{
	snprintf(out, 64, "/proc/self/fd/%d", fd);
	return out;
}

bool
held_elsewhere(const struct options *o, uid_t *owner)
{
	char *dir = options_run_dir(o);
	struct err err;
	gid_t gid;
	bool another = rundir_group(o->operators_group, &gid, &err) == 0 &&
	    rundir_check(dir, gid, owner, &err) == 0 && *owner != geteuid();

	free(dir);
	return another;
}

void
held_hint(const struct options *o, const char *command, struct err *err)
{
	size_t n = strlen(err->words);
	uid_t owner;

	if (!held_elsewhere(o, &owner))
		return;
	snprintf(err->words + n, sizeof err->words - n,
	    "; the engine here is uid %ld's, and so are its journals: "
	    "sudo -u '#%ld' breakglass %s",
	    (long)owner, (long)owner, command);
}

char *
held_find(const struct options *o, const char *what, const char *command, struct ask *a,
    struct err *err)
{
	char *path, fetched[64];
	uid_t owner;
	int fd;

	memset(a, 0, sizeof *a);
	if (!held_elsewhere(o, &owner))
		return journal_find(o->sessions_dir, what, err);
	ask_engine(o, a);
	path = journal_find(o->sessions_dir, held_name(a, what), err);
	if (!path && held_is_meant(a, what))
		return (fd = held_fetch(o, a, err)) < 0 ? NULL
							: mem_dup(held_path(fd, fetched));
	a->there = false;
	if (!path)
		held_hint(o, command, err);
	return path;
}
