/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * journal_file.h: the records of a journal's file, line by line, without an engine.
 *
 * It waits for the disk, so it is for programs that may: a replay, a report, a
 * check.  The file may be written meanwhile: at its end "0" is returned, and
 * asked again later it has what came.  What is in a line is not looked at.
 */
#ifndef WIRE_JOURNAL_FILE_H
#define WIRE_JOURNAL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JOURNAL_FILE_LINE_MAX \
	(512 * 1024) /* bytes of a line; no record of ours is longer */
#define JOURNAL_FILE_SUFFIX ".jsonl"
#define JOURNAL_FILE_ID_MAX 31 /* bytes of an incident's id */

struct journal_file;

/* A regular file (a FIFO or a device is refused), read from its beginning. */
struct journal_file *journal_file_open(const char *path, struct err *err) MUST_CHECK;
void journal_file_close(struct journal_file *f); /* NULL is fine */

/*
 * 1: a whole line without its LF, lent until the next call; a line that is longer
 * than JOURNAL_FILE_LINE_MAX comes cut at that length, and the rest of it is passed
 * over.  0: the end, or what is behind it has no LF yet.  -1: the disk refused.
 */
int journal_file_next(
    struct journal_file *f, const char **line, size_t *len, struct err *err) MUST_CHECK;

/* Where the next line begins, and where the one that was lent last did; bytes. */
int64_t journal_file_at(const struct journal_file *f);
int64_t journal_file_began(const struct journal_file *f);

/* The next line is the one that begins at this byte (not checked), or at the end. */
void journal_file_seek(struct journal_file *f, int64_t at);

/* Bytes of the file, asked of the disk now; -1 when it does not say. */
int64_t journal_file_size(const struct journal_file *f);

/* Bytes behind the last LF; known once journal_file_next has returned 0. */
int64_t journal_file_torn(const struct journal_file *f);

/*
 * The file that is meant by an id, the unique beginning of one, "last" (NULL or ""
 * too: the newest), or a path (it has a slash or ends in .jsonl; whether it is there
 * is not looked at).  New string, or NULL: the words name what there is.
 */
char *journal_find(
    const char *sessions_dir, const char *what, struct err *err) MUST_CHECK;

/* The ids in sessions_dir, oldest first; caller frees each and the array.  0 or -1. */
int journal_ids(
    const char *sessions_dir, char ***ids, size_t *count, struct err *err) MUST_CHECK;
void journal_ids_free(char **ids, size_t count);

/* Letters, digits and "-", a digit first: safe in a file's name and on a terminal. */
bool journal_is_id(const char *id, size_t len);

/* The path of an incident's journal: new string. */
char *journal_path(const char *sessions_dir, const char *id);

#endif
