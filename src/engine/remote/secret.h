/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * secret.h: custody of the SSH key and the API key.
 *
 * A secret is read once into locked pages (base/locked.h) that are wiped on free
 * and that no child gets; the private half of a key and the whole of a token are
 * told to base/known.h, so that no log or journal line can carry them.  Libraries
 * that are handed a secret keep copies of their own: docs/custody.md.
 */
#ifndef ENGINE_SECRET_H
#define ENGINE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/locked.h"

#define SECRET_MAX (16 * 1024) /* bytes; a larger file is no key */

struct secret;

/* Makes this process undumpable (no core, no ptrace, no /proc/PID/mem for its uid). */
int secret_harden_process(struct err *err) MUST_CHECK;

/* Is it so now?  The kernel is asked each time before a key is read. */
int secret_check_process(struct err *err) MUST_CHECK;

/*
 * Reads a private key file.  The final target of path (links are followed, as
 * a mounted secret's layout needs) must be a regular file of ours or root's,
 * with nothing for others, no group write, and group read only for our own
 * group.  ERR_DENIED names the mend ("chmod 600 …"); an encrypted key, a public
 * key, and something that is no key are ERR_USAGE with their own words.  CR LF
 * and a missing last line end are mended in memory.
 */
struct secret *secret_load_key(const char *path, struct err *err) MUST_CHECK;

/* The same custody and file rules for a token: trimmed, one line. */
struct secret *secret_load_token(const char *path, struct err *err) MUST_CHECK;

/* The same for a token that a program printed or a server sent; what names it. */
struct secret *secret_of_token(
    const char *text, size_t len, const char *what, struct err *err) MUST_CHECK;

const char *secret_text(const struct secret *s); /* lends; NUL-terminated */
void secret_free(struct secret *s); /* wipes; a key's is known no longer; NULL is fine */
enum locked_kind secret_memory(const struct secret *s);

/* A key of which base/known.h had no room for all: lines may show parts of it. */
bool secret_is_unknown(const struct secret *s);

#endif
