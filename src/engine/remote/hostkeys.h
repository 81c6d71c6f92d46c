/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hostkeys.h: which public key each host is known by.
 *
 * A configured file pins a key; without one the first key seen is learnt and
 * kept in DIR/hostkeys (one line a host: "name type base64", written to a
 * temporary file and renamed).  A change is never accepted here by itself:
 * the broker decides what a changed key forbids, an operator accepts it.
 *
 * What is known counts from memory; a disk that does not take it costs only that
 * the next engine learns again, and hostkeys_why says so.  A file that is there and
 * cannot be used (unreadable, too large, another's, a line that is no key) is no
 * reason to learn: a host that is not known from it counts as changed.
 */
#ifndef ENGINE_HOSTKEYS_H
#define ENGINE_HOSTKEYS_H

#include "base/err.h"

enum hostkey_state { HOSTKEY_UNKNOWN, HOSTKEY_PINNED, HOSTKEY_LEARNT, HOSTKEY_CHANGED };

struct hostkeys;
struct uv_loop_s;

/* Reads DIR/hostkeys; dir NULL: memory only. */
struct hostkeys *hostkeys_new(const char *dir);
void hostkeys_free(struct hostkeys *h);

/*
 * From now on the file is written in loop's thread pool, so that a hung disk
 * holds nothing up; before, and with NULL, in the call itself.
 */
void hostkeys_use_loop(struct hostkeys *h, struct uv_loop_s *loop);

/*
 * Pins host to the key in a public key or known_hosts style file ("type base64"
 * somewhere on its first key line).  -1: the file is unreadable or no key.
 */
int hostkeys_pin(
    struct hostkeys *h, const char *host, const char *file, struct err *err) MUST_CHECK;

/* Compares (type, base64 blob); learns it when nothing is known of host. */
enum hostkey_state hostkeys_check(
    struct hostkeys *h, const char *host, const char *type, const char *blob);

/* For who only looks: from now on nothing is learnt and nothing is written. */
void hostkeys_only_look(struct hostkeys *h);

/* The base64 of the key that host is known by, or NULL; lent. */
const char *hostkeys_blob(const struct hostkeys *h, const char *host);

/* The key type that host is known by ("ssh-ed25519"), or NULL; lent. */
const char *hostkeys_type(const struct hostkeys *h, const char *host);

/*
 * From now on host is known by this key; kept on disk where that is possible.
 * A pin that the configuration still names is back at the engine's next start.
 */
int hostkeys_accept(struct hostkeys *h, const char *host, const char *type,
    const char *blob, struct err *err) MUST_CHECK;

/* Why the file could not be written or read, as a sentence; "" when all is well; lent. */
const char *hostkeys_why(const struct hostkeys *h);

#endif
