/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/runbook/runbook_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"

/* Its commands run on the devvm with sudo: whoever can write it, could run them. */
static enum runbook_ill
whose(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		err_sys(err, errno, "cannot be looked at");
		return RUNBOOK_UNREAD;
	}
	if (st.st_uid != geteuid() && st.st_uid != 0) {
		err_set(err, ERR_DENIED,
		    "it belongs to uid %u: it must be ours or root's", st.st_uid);
		return RUNBOOK_OWNER;
	}
	if ((st.st_mode & S_IWOTH) ||
	    ((st.st_mode & S_IWGRP) && st.st_gid != getegid())) {
		err_set(err, ERR_DENIED, "others can write it: chmod go-w");
		return RUNBOOK_MODE;
	}
	return RUNBOOK_WELL;
}

/* Gives the file away with what it holds, or with why it is refused; taken counts. */
static void
take(const char *path, size_t *taken, runbook_folder_fn *fn, void *arg)
{
	struct runbook_file f = {.path = path};
	struct err err = {.words = ""};
	char *text = NULL;
	size_t len = 0;

	f.ill = whose(path, &err);
	if (f.ill == RUNBOOK_WELL) {
		f.ill = RUNBOOK_UNREAD;
		text = fd_read_file(path, RUNBOOK_MAX + 1, &len, &err);
	}
	if (text) {
		f.book = runbook_parse(path, text, len, &f.line, &err);
		f.ill = f.book ? RUNBOOK_WELL : RUNBOOK_FORM;
	}
	f.why = f.book ? "" : err.words;
	if (f.book && *taken == RUNBOOKS_MAX) {
		runbook_free(f.book);
		f.book = NULL;
		f.ill = RUNBOOK_MANY;
		f.line = 0;
		f.why = "at most 64 runbooks of a folder are taken";
	}
	*taken += f.book != NULL;
	fn(&f, arg);
	free(text);
}

/* "disk.md" and such; a README may lie beside them. */
static int
is_wanted(const struct dirent *e)
{
	size_t len = strlen(e->d_name);

	return e->d_name[0] != '.' && len > 3 &&
	    strcmp(e->d_name + len - 3, ".md") == 0 &&
	    strcmp(e->d_name, "README.md") != 0;
}

void
runbook_folder_read(const char *dir, runbook_folder_fn *fn, void *arg)
{
	struct runbook_file f = {.path = dir, .ill = RUNBOOK_UNREAD};
	struct dirent **names = NULL;
	size_t taken = 0;
	struct err err;
	int n = scandir(dir, &names, is_wanted, alphasort);

	if (n < 0)
		err_sys(&err, errno, "the folder cannot be read");
	else
		f.ill = whose(dir, &err);
	if (f.ill != RUNBOOK_WELL) {
		f.why = err.words;
		fn(&f, arg);
	}
	for (int i = 0; i < n; i++) {
		char *path = mem_printf("%s/%s", dir, names[i]->d_name);

		if (f.ill == RUNBOOK_WELL)
			take(path, &taken, fn, arg);
		free(path);
		free(names[i]);
	}
	free(names);
}
