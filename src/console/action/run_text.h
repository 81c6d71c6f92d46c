/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * run_text.h: all of one run's output as clean text, for a file, a pager, a clipboard.
 *
 *   IDLE --run_text_start--> READING --all is here, 16 MiB, given up, lost--> IDLE
 *
 * What this console keeps is used where it is all; else the engine reads its journal,
 * piece by piece, and the screen says how far it is.  Lines stand in the order in which
 * they came, those of standard error behind "! "; the head says whose run it is, and
 * what is missing from it.
 */
#ifndef CONSOLE_RUN_TEXT_H
#define CONSOLE_RUN_TEXT_H

#include <stdbool.h>

#include "console/action/action.h"

#define RUN_TEXT_MAX (16 * 1024 * 1024) /* bytes of text; the rest is cut, visibly */

struct run_text; /* in struct screen, NULL: IDLE */

enum run_text_use { RUN_TEXT_COPY, RUN_TEXT_SAVE, RUN_TEXT_VIEW };

/* One at a time: another one that is under way is given up, and it says so. */
void run_text_start(struct action_context *a, const char *run_id, enum run_text_use use);

/* A fact of the engine; true: it was for a text that is being read. */
bool run_text_fact(struct action_context *a, const struct js *fact);

/* The connection is gone, or the incident is another one. */
void run_text_lost(struct action_context *a);

/* Esc: true when there was something to give up. */
bool run_text_cancel(struct action_context *a);

/* "reading r12: 2.1 MiB of 8.0 MiB, Esc gives up"; "" when nothing is read. */
const char *run_text_words(const struct screen *s);

void run_text_free(struct run_text *t); /* NULL is fine */

#endif
