/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_check.h: is a text JSON as RFC 8259 says it, and nothing more?
 *
 * json-c takes much that is none and changes some of it without a word (a name is
 * cut at its NUL, a number is bent to what fits), so this looks first; what passes
 * means the same to every reader.  Pure; used by wire/json.c alone.
 */
#ifndef WIRE_JSON_CHECK_H
#define WIRE_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JS_DEPTH_MAX 32
#define JS_TEXT_MAX (32 << 20) /* bytes */
#define JS_VALUES_MAX 65536
/* Objects and arrays: an empty one has two bytes of text, but 700 of memory. */
#define JS_HOLDERS_MAX 16384
#define JS_NUMBER_MAX 64 /* bytes of one number */

struct json_check {
	const char *why; /* what is wrong, for people; NULL: nothing */
	size_t at;	 /* the byte where that was seen */
	size_t members;	 /* of all objects together */
	char kind;	 /* the byte that the value begins with */
	bool lossy;	 /* has a pair that json-c loses: see json.c */
};

/*
 * halves: half a surrogate pair in a value passes (JavaScript cuts strings there);
 * and so does a whole number that no int64_t holds.
 */
bool json_check(const char *text, size_t len, bool halves, struct json_check *c);

#endif
