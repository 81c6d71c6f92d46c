/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * list.h: the operator list: who may come, how that is proven, and in which role.
 *
 * A line is PROOF ROLE [NAME]:
 *
 *   uid:1000         the kernel says this uid of who connected
 *   user:ann         the account that stands behind it, by the strongest proof there is:
 *                    who called root's sudo, else whom root's sshd logged in, else the
 *                    name of the uid
 *   key:SHA256:...   the ssh key that root's sshd put on record for the session
 *   name:ann         who gave the password of ann, of the file of credentials
 *
 * ROLE is drive or read-only; NAME is how the operator is called then, whatever he says.
 * The first line that fits counts.  Pure; docs/operators.md says what a proof is worth.
 */
#ifndef ENGINE_LIST_H
#define ENGINE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "engine/people/who.h"
#include "wire/messages.h"

#define LIST_LINES_MAX 256
#define LIST_FILE_MAX (64 * 1024) /* bytes */

enum list_kind { LIST_UID, LIST_USER, LIST_KEY, LIST_NAME, LIST_KINDS };

struct list_line {
	enum list_kind kind;
	uid_t uid;
	char what[80]; /* an account, "SHA256:…", a name */
	bool read_only;
	char name[WIRE_NAME_MAX + 1]; /* "": as he says */
	int number;		      /* in the file */
};

struct list {
	struct list_line line[LIST_LINES_MAX];
	int count;
};

enum list_fit {
	LIST_NOBODY, /* no line fits */
	LIST_FITS,   /* *line does */
	LIST_LATER   /* more has to be known about the peer */
};

/*
 * Reads all of a file's text; a line that is not understood makes the whole list void:
 * -1 with its number in the words.  An empty list is one in which nobody stands.
 */
int list_parse(struct list *l, const char *text, size_t len, struct err *err) MUST_CHECK;

/* seen NULL: only the uid is known so far. */
enum list_fit list_find(const struct list *l, uid_t uid, const struct who_seen *seen,
    const struct list_line **line);

/*
 * No proof came: the line of the kernel's own word, or NULL.  A line above it that may
 * have meant the peer gives it no more than that line would: *read_only.
 */
const struct list_line *list_find_uid(const struct list *l, uid_t uid, bool *read_only);

/* The line of a credential's name, or NULL. */
const struct list_line *list_find_name(const struct list *l, const char *name);

#endif
