/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.c: "breakglass replay": which journal, then the console that shows it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "record/held.h"
#include "record/record.h"

/* It is told the rest of our words, as "breakglass" has put them. */
static void
become_console(
    const struct options *o, char *path, int argc, char **argv, struct err *err)
{
	const char *dir = o->libexec_dir[0] ? o->libexec_dir : BG_PKGLIBEXECDIR;
	char *program = mem_printf("%s/console", dir);
	char **v = mem_alloc((size_t)(argc + 4) * sizeof *v);
	char arg0[] = "breakglass", replay[] = "--replay";
	int n = 0;

	v[n++] = arg0;
	v[n++] = replay;
	v[n++] = path;
	for (int i = 2; i < argc; i++)
		v[n++] = argv[i];
	v[n] = NULL;
	execv(program, v);
	err_sys(err, errno, "start %s", program);
	free(v);
	free(program);
}

int
replay_main(int argc, char **argv, const struct options *o)
{
	const char *what = argc > 1 ? argv[1] : NULL;
	struct ask a = {0};
	struct err err;
	char *path = held_find(o, what, "export last -o - >ticket.tar.gz", &a, &err);

	if (path)
		become_console(o, path, argc, argv, &err);
	free(path);
	return record_fail(&err);
}
