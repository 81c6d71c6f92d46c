/* SPDX-License-Identifier: GPL-3.0-or-later */
/* clip_file.h: a file with text that an operator wants to keep. */
#ifndef CONSOLE_CLIP_FILE_H
#define CONSOLE_CLIP_FILE_H

#include <stddef.h>

#include "base/err.h"

struct action_context;

/*
 * Writes a new file, 0600: beside the incident's journal, else in the home directory,
 * else where the sockets are (XDG_RUNTIME_DIR), else under /tmp.  name: "r12.txt";
 * what is no letter, digit, dot or dash in it becomes a dash, and what is taken
 * already gets a number.  A child writes it (aside.h): a disk that does not answer
 * within 2 s is passed over, from then on at once.
 * Returns its path (caller frees), or NULL with the words of the last try.
 */
char *clip_file_write(struct action_context *a, const char *name, const char *text,
    size_t len, struct err *err) MUST_CHECK;

#endif
