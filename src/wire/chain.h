/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * chain.h: the hash chain that runs through the records of a journal.
 *
 *   h = SHA-256( h of the record before, as 64 digits, then the line's bytes
 *                up to, not including, ,"h":" )
 *
 * A line of a journal ends exactly ,"h":"<64 lower-case hex digits>"} and LF.
 * Before the first record stand 64 zeros.  The door of libcrypto.
 */
#ifndef WIRE_CHAIN_H
#define WIRE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#define CHAIN_HEX 64		       /* digits of an h */
#define CHAIN_TAIL (6 + CHAIN_HEX + 2) /* bytes that ,"h":"…"} adds to a body */

/* head becomes 64 zeros: nothing stands before the first record. */
void chain_begin(char head[CHAIN_HEX + 1]);

/* head becomes the h of the record with this body.  Costs one SHA-256. */
void chain_next(char head[CHAIN_HEX + 1], const void *body, size_t len);

/*
 * A record's line, without its LF: where its body ends, and its h.  False, and
 * nothing written: no h stands at its end.
 */
bool chain_split(const char *line, size_t len, size_t *body, char h[CHAIN_HEX + 1]);

/* The SHA-256 of bytes that come in pieces, as sha256sum prints it. */
struct digest;
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *data, size_t len);
void digest_end(struct digest *d, char hex[CHAIN_HEX + 1]); /* takes d */

#endif
