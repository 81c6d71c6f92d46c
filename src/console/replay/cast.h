/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cast.h: a replay as an asciicast (version 2), without any terminal.
 *
 * The pictures are those of the replay on a screen of that size.  Only cells that
 * changed are sent, with the three sequences that every terminal knows: where the
 * cursor goes, how what follows looks, and one that clears the screen at the start.
 */
#ifndef CONSOLE_CAST_H
#define CONSOLE_CAST_H

#include "base/err.h"

#define CAST_COLS 80
#define CAST_ROWS 24

/* journal and out: files; out "-": standard output.  An existing file is replaced. */
int cast_write(
    const char *journal, const char *out, int cols, int rows, struct err *err) MUST_CHECK;

#endif
