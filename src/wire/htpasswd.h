/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * htpasswd.h: lines "NAME:HASH" of an htpasswd file, bcrypt alone.
 *
 * Pure: bytes in, lines out.  A hash that is not "$2y$" or "$2b$" with a cost of
 * HTPASSWD_COST_MIN to _MAX and 53 letters of bcrypt's alphabet is an error that names
 * its line: crypt(3) takes what it does not know for something much weaker.
 */
#ifndef WIRE_HTPASSWD_H
#define WIRE_HTPASSWD_H

#include <stddef.h>

#include "base/err.h"
#include "wire/messages.h"

#define HTPASSWD_HASH 60	      /* letters of a bcrypt hash */
#define HTPASSWD_LINES_MAX 256	      /* of a file that are not empty */
#define HTPASSWD_FILE_MAX (64 * 1024) /* bytes */
#define HTPASSWD_COST_MIN 4
#define HTPASSWD_COST_MAX                                            \
	14 /* about a second; what takes longer keeps others waiting \
	    */

struct htpasswd_line {
	char name[WIRE_NAME_MAX + 1]; /* printable ASCII without blanks */
	char hash[HTPASSWD_HASH + 1];
	int cost;
};

struct htpasswd {
	struct htpasswd_line line[HTPASSWD_LINES_MAX];
	int count;
};

/*
 * Reads all of a file's text.  Empty lines and those that begin with "#" are left out;
 * a name that comes twice is an error, as is a line that is not understood: half a file
 * is no file.  0, or -1 with the line's number in the words (never its text).
 */
int htpasswd_parse(
    struct htpasswd *h, const char *text, size_t len, struct err *err) MUST_CHECK;

/* NULL: nobody has that name.  Takes as long whatever the name is. */
const struct htpasswd_line *htpasswd_find(const struct htpasswd *h, const char *name);

/* Whether got, as crypt(3) gives it, is that hash; as long for each, got may be NULL. */
int htpasswd_is(const char *hash, const char *got);

#endif
