/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * recall.h: what was typed before, in this incident and in earlier ones.
 *
 * A file of one entry a line, the newest last; a line end in an entry is "\n", a
 * backslash is two.  It is for us alone: a file that is another's, that others may
 * write, that is a link or no file at all is neither read nor written.  Each entry is
 * added by itself under a lock, so consoles at work at the same time lose nothing;
 * what is too old goes by a new file in place of the old one.
 *
 * It never stands in the way: where it cannot be read or written, what was typed is
 * remembered as long as the console runs, and the log says why.  A child asks the disk
 * (aside.h); one that does not answer within 2 s is not asked again.
 */
#ifndef CONSOLE_RECALL_H
#define CONSOLE_RECALL_H

#include <stdbool.h>

#define RECALL_ENTRIES_MAX 500
#define RECALL_BYTES_MAX (256 * 1024) /* of the file, and so of one entry */

struct recall;

/* text is lent, clean: no control character but line ends and tabs. */
typedef void recall_fn(const char *text, void *arg);

/* path NULL or "": nothing is kept, every call below does nothing. Copies it. */
struct recall *recall_new(const char *path);
void recall_free(struct recall *r); /* tries once more to write what could not be */

/* The entries of the file, the oldest first. */
void recall_load(struct recall *r, recall_fn *fn, void *arg);

/* Is this line one to be remembered?  Not: empty, or with a blank in front. */
bool recall_wants(const char *text);

void recall_add(struct recall *r, const char *text);

/* Why nothing is kept, "" when it is.  Lent. */
const char *recall_why(const struct recall *r);

#endif
