/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * prompt.h: line editing.  The one file that knows readline.
 *
 * Keys go in, the line can be read at any time, a finished line comes out through
 * the callback.  Readline draws nothing, reads no file, touches no terminal and no
 * signal: its own state is global, so there is one prompt in a process.
 *
 * A line may have line ends in it: Alt-Enter makes one, so does Enter behind a
 * backslash, and a paste keeps its own.  Up and Down go through its lines first and
 * then through what was typed before, which recall.h keeps.
 */
#ifndef CONSOLE_PROMPT_H
#define CONSOLE_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "console/term/input.h"

/* line is lent. */
typedef void prompt_line_fn(const char *line, void *arg);

/*
 * vi: vi editing, else emacs. recall: the file of what was typed before, NULL: none
 * (borrowed). Call it after the terminal was set up.
 */
void prompt_start(bool vi, const char *recall, prompt_line_fn *fn, void *arg);
void prompt_stop(void);

/* Returns false when the key means nothing here. */
bool prompt_key(const struct input *in);

/* Inserts text as it is; returns false when the line would be longer than a prompt may
 * be. */
bool prompt_insert(const char *text, size_t len);

void prompt_clear(void);

/* Replaces the line. */
void prompt_set(const char *text);

/* Replaces its bytes from..to by text, as one step that can be undone. */
void prompt_replace(size_t from, size_t to, const char *text);

/* Looks for something in what was typed before: keys belong to the search. */
bool prompt_is_searching(void);

const char *prompt_text(void);	/* lent until the next key */
size_t prompt_cursor(void);	/* bytes before the cursor */
const char *prompt_label(void); /* "> ", or what a search shows */

#endif
