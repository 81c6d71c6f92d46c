/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h: looking back at incidents, from their journals alone.
 *
 * The program "record" is a room of its own: it reads files, needs no engine, no
 * loop and no screen, and neither engine nor console should load the libraries that
 * it packs a ticket with.  Whatever it prints to a person passes the sanitiser.
 *
 * Each of the words of the command line is one function: argv[0] is the word (for
 * "journal verify": "verify"), o are the settings, what comes back is the exit code.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/options.h"

enum record_exit {
	RECORD_OK = 0,
	RECORD_FAILED = 1, /* verify: damaged */
	RECORD_USAGE = 64,
	RECORD_UNREACHABLE = 69,
	RECORD_UNPROVEN =
	    76, /* verify: intact as far as it goes, its end is not proven */
	RECORD_NO_ACCESS = 77
};

int incidents_main(int argc, char **argv, const struct options *o);
int show_main(int argc, char **argv, const struct options *o); /* "journal" */
int verify_main(int argc, char **argv, const struct options *o);
int export_main(int argc, char **argv, const struct options *o);
int report_main(int argc, char **argv, const struct options *o);
/* WHAT, and what the console is told besides. */
int replay_main(int argc, char **argv, const struct options *o);

/* Clean text to a stream, line ends kept, colours taken out. */
void record_say(FILE *to, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Columns of standard output: the terminal's, else COLUMNS, else 80; 40 to 200. */
int record_columns(void);

/*
 * Clean text, broken at blanks: the first line is indented by first, the others by
 * rest.  Ends with a line end.
 */
void record_wrap(FILE *to, int columns, int first, int rest, const char *text);

/* The same of a format. */
void record_wrapf(FILE *to, int columns, int first, int rest, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

/* "612 KiB"; returns out. */
char *record_bytes(int64_t bytes, char *out, size_t size);

/* "breakglass: words" on standard error; the exit code that err's code means. */
int record_fail(const struct err *err);

/* "breakglass WORD: words, and how it is used" on standard error; RECORD_USAGE. */
int record_usage(const char *word, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
