/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json.h: strict JSON objects, in and out.
 *
 * The one file that knows json-c.  Parsing refuses what json-c would let pass
 * (json_check.h): text behind the value, duplicate keys, a NUL in a name, more than
 * 32 levels, numbers that do not fit, NaN, raw control bytes, bad UTF-8, half a
 * surrogate pair.  A NUL in a value is kept and compares unequal to all that has none.
 * Printing is ASCII only, one line: the journal and the sockets carry no byte
 * that a terminal could act on.  Lookups never convert: a number is no string.
 *
 * Ownership: a js is counted.  js_new/js_parse give one, js_free takes it;
 * js_set and js_add take the child; js_get, js_at and strings are lent until
 * the parent changes or goes.
 */
#ifndef WIRE_JSON_H
#define WIRE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct js;

struct js *js_new(void);   /* {} */
struct js *js_array(void); /* [] */
struct js *js_ref(struct js *j);
void js_free(struct js *j); /* NULL is fine */

/* One JSON object, nothing before or behind it but white space. */
struct js *js_parse(const char *text, size_t len, struct err *err) MUST_CHECK;
/* The same of a program that cuts strings inside a character: a half is U+FFFD then. */
struct js *js_parse_foreign(const char *text, size_t len, struct err *err) MUST_CHECK;

void js_set(struct js *obj, const char *key, struct js *child);	 /* takes child */
void js_set_str(struct js *obj, const char *key, const char *s); /* NULL: no member */
void js_set_strn(struct js *obj, const char *key, const char *s, size_t len);
void js_set_int(struct js *obj, const char *key, int64_t n);
void js_set_dbl(struct js *obj, const char *key, double d);
void js_set_bool(struct js *obj, const char *key, bool b);
/* Bytes of any kind: member "key" where they are UTF-8, else "key_b64". */
void js_set_bytes(struct js *obj, const char *key, const void *data, size_t len);
void js_add(struct js *array, struct js *child); /* takes child */
void js_add_str(struct js *array, const char *s);
void js_del(struct js *obj, const char *key);
/* The members of from that obj has not; children are shared, so neither changes them. */
void js_fill(struct js *obj, const struct js *from);

/* Lookups: NULL, def or -1 when the member is missing or of another kind. */
struct js *js_get(const struct js *obj, const char *key); /* an object */
struct js *js_get_array(const struct js *obj, const char *key);
const char *js_str(const struct js *obj, const char *key);
const char *js_strn(const struct js *obj, const char *key, size_t *len);
int64_t js_int(const struct js *obj, const char *key, int64_t def);
double js_dbl(const struct js *obj, const char *key, double def); /* also whole numbers */
bool js_bool(const struct js *obj, const char *key, bool def);
bool js_is_bool(const struct js *obj, const char *key);
bool js_has(const struct js *obj, const char *key);
bool js_is_null(const struct js *obj, const char *key); /* there, and null */
bool js_is(const struct js *obj, const char *key, const char *value); /* equal strings */
/* What js_set_bytes stored, appended to out; 0, or -1 (missing, bad, too long). */
int js_bytes(const struct js *obj, const char *key, struct buf *out) MUST_CHECK;

size_t js_len(const struct js *array); /* 0 for NULL */
/* NULL when array is NULL, i is behind its end, or the element is of another kind. */
struct js *js_at(const struct js *array, size_t i); /* an object */
const char *js_at_str(const struct js *array, size_t i, size_t *len);

/* Calls f for each member's name until it returns false; returns that. */
bool js_each_key(const struct js *obj, bool (*f)(const char *key, void *arg), void *arg);

/* The member of that name of from, of whatever kind, as a member of obj; shared. */
void js_take(struct js *obj, const char *key, const struct js *from, const char *name);

/*
 * Calls f for each string within j, at any depth (values, not names), with an empty
 * out.  True: the string is what out has from then on.  Returns how many are new.
 */
size_t js_rewrite(struct js *j,
    bool (*f)(const char *s, size_t len, struct buf *out, void *arg), void *arg);

/* Appends the text of j, ASCII only, no line end.  -1 when out is full. */
int js_print(const struct js *j, struct buf *out) MUST_CHECK;

#endif
