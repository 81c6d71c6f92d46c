/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * runbook_folder.h: the runbooks of one folder, and which files are refused and why.
 *
 * Asks the disk and waits for it: for a thread, or a child.
 */
#ifndef ENGINE_RUNBOOK_FOLDER_H
#define ENGINE_RUNBOOK_FOLDER_H

#include "engine/runbook/runbook.h"

#define RUNBOOKS_MAX 64 /* taken of a folder */

enum runbook_ill {
	RUNBOOK_WELL,
	RUNBOOK_UNREAD, /* the disk refuses */
	RUNBOOK_OWNER,	/* it is neither ours nor root's */
	RUNBOOK_MODE,	/* others can write it */
	RUNBOOK_FORM,	/* it is not understood, in that line */
	RUNBOOK_MANY	/* RUNBOOKS_MAX are taken already */
};

struct runbook_file {
	const char *path;     /* of the file, or of the folder when it is refused whole */
	struct runbook *book; /* whose it is from here on: fn's; NULL: refused */
	enum runbook_ill ill;
	int line;	 /* 0: of no line */
	const char *why; /* "" well */
};

/* In the order of the names; what it lends is lent for the call alone. */
typedef void runbook_folder_fn(const struct runbook_file *f, void *arg);
void runbook_folder_read(const char *dir, runbook_folder_fn *fn, void *arg);

#endif
