/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * earlier.h: which incidents there are, by the names of their journals.
 *
 * For the completion of "/replay": nothing is opened, and the folder is read again
 * after some seconds at the earliest, by a child (aside.h).
 */
#ifndef CONSOLE_EARLIER_H
#define CONSOLE_EARLIER_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/journal_file.h"

#define EARLIER_MAX 64 /* the newest */

struct earlier {
	const char *sessions; /* where the journals are, or NULL; lent */
	int64_t read_ms;      /* when it was read; 0: never */
	bool hung;	      /* their disk: not asked again */
	int count;	      /* the newest first */
	char id[EARLIER_MAX][JOURNAL_FILE_ID_MAX + 1];
};

void earlier_look(struct earlier *e, int64_t now_ms);

/* The id that this is or begins, "" or "last" is the newest; NULL: none or several. */
const char *earlier_find(const struct earlier *e, const char *what);

#endif
