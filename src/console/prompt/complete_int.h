/* SPDX-License-Identifier: GPL-3.0-or-later */
/* complete_int.h: what the files of the completion share, and nobody else. */
#ifndef CONSOLE_COMPLETE_INT_H
#define CONSOLE_COMPLETE_INT_H

#include "console/prompt/complete.h"
#include "console/action/keymap.h"
#include "console/view/layout.h"

/* complete_now.c: why the command does nothing now; "": it does something. */
const char *complete_why(const struct screen *s, const struct keymap_row *k);

/* A row for word; NULL when it does not fit to what was typed, or there is no room. */
struct complete_row *complete_add(
    struct complete *c, const char *typed, size_t len, const char *word);

/* complete_args.c: what may follow a command; typed: what has been of it, len bytes. */
void complete_args(struct complete *c, const struct screen *s, const char *command,
    size_t command_len, const char *before, const char *typed, size_t len);

#endif
