/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * jraw.h: JSON as it was written: checked strictly, read in slices of its text.
 *
 * wire/json.h makes a tree and prints it again; what goes back to the API must
 * keep its bytes (numbers beyond 2^53, the order of members), so it is never made
 * into a tree.  All but jraw_check expect a text that passed jraw_check.
 */
#ifndef ENGINE_JRAW_H
#define ENGINE_JRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define JRAW_DEPTH_MAX 128

/* One value, without white space around it; s NULL: there is none.  Lent. */
struct jraw {
	const char *s;
	size_t len;
};

/*
 * Is text one JSON value (RFC 8259, strict UTF-8), nothing but white space around
 * it?  0 and the value, or -1 with ERR_PROTOCOL and where it is not.
 */
int jraw_check(
    const char *text, size_t len, struct jraw *value, struct err *err) MUST_CHECK;

/* '{' '[' '"' 't' 'f' 'n', '0' for a number; 0 for none. */
char jraw_kind(struct jraw v);

/* The first member of that name; none when obj is no object.  Escaped names differ. */
struct jraw jraw_get(struct jraw obj, const char *key);

/* Walks an object or an array: *at begins as 0.  key (quotes and all) may be NULL. */
bool jraw_next(struct jraw v, size_t *at, struct jraw *key, struct jraw *value);

bool jraw_is(struct jraw v, const char *word); /* that string, written plainly */
int64_t jraw_int(struct jraw v, int64_t def);  /* whole, 0 .. 2^53; else def */
/* A string, cut to size; out is "" where v is none. */
const char *jraw_text(struct jraw v, char *out, size_t size);

/*
 * Appends what the string says.  *high carries the first half of a surrogate pair
 * from one string to the next (0 at first); a half without its other half is
 * U+FFFD.  -1 when out is full.
 */
int jraw_decode(struct jraw string, unsigned *high, struct buf *out) MUST_CHECK;

/* What a text may hold that no two readers agree on, as escapes in its strings. */
#define JRAW_NUL 1u
#define JRAW_HALF 2u /* half a surrogate pair: the API refuses such a request */
unsigned jraw_flaws(struct jraw v);

/* Appends bytes as a JSON string; what is no UTF-8, and NUL, becomes U+FFFD. */
int jraw_add_string(struct buf *out, const char *s, size_t len) MUST_CHECK;

#endif
