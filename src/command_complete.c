/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * command_complete.c: the names that the completion of a shell asks for.
 *
 * "breakglass --complete WHAT" prints what only this program can find, as the settings
 * say where it is: incidents, runbooks, endpoints.
 * One name a line and at most COMPLETE_MAX of them; a name with a byte in it that a
 * shell or a terminal could take for something else is left out.  No engine is asked,
 * and nobody is told what went wrong: a person is typing.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "command.h"
#include "wire/journal_file.h"

#define COMPLETE_MAX 50
#define COMPLETE_ENTRIES_MAX 1000 /* of a folder that are looked at */

static bool
is_plain(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

	return name[0] && name[0] != '-' && name[strspn(name, plain)] == '\0';
}

/* The newest first. */
static int
say_incidents(const struct options *o)
{
	struct err err;
	char **ids;
	size_t n;

	if (journal_ids(o->sessions_dir, &ids, &n, &err) < 0)
		return COMMAND_FAILED;
	for (size_t i = n; i-- > 0 && n - i <= COMPLETE_MAX;)
		if (is_plain(ids[i]))
			puts(ids[i]);
	journal_ids_free(ids, n);
	return COMMAND_OK;
}

/* NAME of each NAME.md. */
static void
say_folder(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;

	for (int n = 0, said = 0; d && said < COMPLETE_MAX && n < COMPLETE_ENTRIES_MAX &&
	     (e = readdir(d)) != NULL;
	     n++) {
		size_t len = strlen(e->d_name);

		if (len <= 3 || strcmp(e->d_name + len - 3, ".md") != 0 ||
		    strcmp(e->d_name, "README.md") == 0)
			continue;
		e->d_name[len - 3] = '\0';
		if (e->d_name[0] == '.' || !is_plain(e->d_name))
			continue;
		puts(e->d_name);
		said++;
	}
	if (d)
		closedir(d);
}

static int
say_runbooks(const struct options *o)
{
	char *shipped = mem_printf(
	    "%s/agents/runbooks", o->data_dir[0] ? o->data_dir : BG_PKGDATADIR);

	say_folder(shipped);
	if (o->runbook_dir[0])
		say_folder(o->runbook_dir);
	free(shipped);
	return COMMAND_OK;
}

static int
say_endpoints(const struct options *o)
{
	for (int i = 0; i < o->n_endpoints; i++)
		puts(o->endpoints[i].name); /* a-z, 0-9, -: the file was read so */
	return COMMAND_OK;
}

int
command_complete(const char *what)
{
	struct options o;
	struct err err;
	int rc = COMMAND_USAGE;

	if (options_load(&o, &err) < 0)
		return COMMAND_FAILED;
	if (strcmp(what, "incidents") == 0)
		rc = say_incidents(&o);
	else if (strcmp(what, "runbooks") == 0)
		rc = say_runbooks(&o);
	else if (strcmp(what, "endpoints") == 0)
		rc = say_endpoints(&o);
	options_fini(&o);
	return rc;
}
