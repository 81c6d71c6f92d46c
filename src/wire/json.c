/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/json.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/base64.h"

#define JO(j) ((struct json_object *)(uintptr_t)(j))
#define JS(o) ((struct js *)(o))

struct js *
js_new(void)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		abort();
	return JS(o);
}

struct js *
js_array(void)
{
	struct json_object *o = json_object_new_array();

	if (!o)
		abort();
	return JS(o);
}

struct js *
js_ref(struct js *j)
{
	return JS(json_object_get(JO(j)));
}

void
js_free(struct js *j)
{
	json_object_put(JO(j));
}

/*
 * json-c keeps the last of two equal keys without a word.  A second key is how
 * one reader is made to see another value than the next, so it is refused: the
 * text is walked once more, strings only, counting members at each level
 * against what the tree kept.
 */
static size_t
js_count_members(const struct json_object *o)
{
	size_t n = 0;

	if (json_object_is_type(o, json_type_object)) {
		struct json_object_iterator it = json_object_iter_begin(JO(o));
		struct json_object_iterator end = json_object_iter_end(JO(o));

		for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
			n += 1 + js_count_members(json_object_iter_peek_value(&it));
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			n += js_count_members(json_object_array_get_idx(JO(o), i));
	}
	return n;
}

/* Every colon outside a string belongs to one member. */
static size_t
js_count_colons(const char *s, size_t len)
{
	bool in_string = false;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (in_string && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			in_string = !in_string;
		else if (s[i] == ':' && !in_string)
			n++;
	}
	return n;
}

/* json-c takes NaN, Infinity and 'single quotes' even when strict. */
static bool
js_has_foreign_syntax(const char *s, size_t len)
{
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (in_string && s[i] == '\\')
			i++;
		else if (s[i] == '"')
			in_string = !in_string;
		else if (in_string && (unsigned char)s[i] < 0x20)
			return true;
		else if (!in_string && (s[i] == '\'' || s[i] == 'N' || s[i] == 'I'))
			return true;
	}
	return false;
}

/* text need not end with a NUL. */
static bool
js_is_blank(const char *text, size_t at, size_t len)
{
	while (at < len && memchr(" \t\r\n", text[at], 4))
		at++;
	return at >= len;
}

struct js *
js_parse(const char *text, size_t len, struct err *err)
{
	struct json_tokener *tok;
	struct json_object *o = NULL;
	enum json_tokener_error e;

	if (len > INT32_MAX || js_has_foreign_syntax(text, len) ||
	    !text_is_utf8(text, len)) {
		err_set(err, ERR_PROTOCOL, "not JSON");
		return NULL;
	}
	tok = json_tokener_new_ex(JS_DEPTH_MAX);
	if (!tok)
		abort();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, text, (int)len);
	e = json_tokener_get_error(tok);
	if (e != json_tokener_success)
		err_set(err, ERR_PROTOCOL, "not JSON: %s at byte %zu",
		    e == json_tokener_continue ? "it ends too early"
					       : json_tokener_error_desc(e),
		    json_tokener_get_parse_end(tok));
	else if (!json_object_is_type(o, json_type_object))
		err_set(err, ERR_PROTOCOL, "not a JSON object");
	else if (!js_is_blank(text, json_tokener_get_parse_end(tok), len))
		err_set(err, ERR_PROTOCOL, "text behind the JSON object");
	else if (js_count_members(o) != js_count_colons(text, len))
		err_set(err, ERR_PROTOCOL, "a key stands twice in one JSON object");
	else {
		json_tokener_free(tok);
		return JS(o);
	}
	json_object_put(o);
	json_tokener_free(tok);
	return NULL;
}

static void
js_put(struct js *obj, const char *key, struct json_object *o)
{
	if (json_object_object_add(JO(obj), key, o) < 0)
		abort();
}

void
js_set(struct js *obj, const char *key, struct js *child)
{
	js_put(obj, key, JO(child));
}

void
js_set_str(struct js *obj, const char *key, const char *s)
{
	if (s)
		js_set_strn(obj, key, s, strlen(s));
}

void
js_set_strn(struct js *obj, const char *key, const char *s, size_t len)
{
	js_put(obj, key, json_object_new_string_len(s, (int)len));
}

void
js_set_int(struct js *obj, const char *key, int64_t n)
{
	js_put(obj, key, json_object_new_int64(n));
}

void
js_set_dbl(struct js *obj, const char *key, double d)
{
	js_put(obj, key, json_object_new_double(isfinite(d) ? d : 0));
}

void
js_set_bool(struct js *obj, const char *key, bool b)
{
	js_put(obj, key, json_object_new_boolean(b));
}

void
js_set_bytes(struct js *obj, const char *key, const void *data, size_t len)
{
	char *name, *b64;

	if (text_is_utf8(data, len)) {
		js_set_strn(obj, key, data, len);
		return;
	}
	name = malloc(strlen(key) + 5);
	b64 = malloc(BASE64_SIZE(len));
	if (!name || !b64)
		abort();
	sprintf(name, "%s_b64", key);
	js_set_strn(obj, name, b64, base64_encode(data, len, b64));
	free(b64);
	free(name);
}

void
js_add(struct js *array, struct js *child)
{
	if (json_object_array_add(JO(array), JO(child)) < 0)
		abort();
}

void
js_add_str(struct js *array, const char *s)
{
	js_add(array, JS(json_object_new_string(s)));
}

void
js_del(struct js *obj, const char *key)
{
	json_object_object_del(JO(obj), key);
}

static struct json_object *
js_member(const struct js *obj, const char *key, enum json_type type)
{
	struct json_object *o = NULL;

	if (!json_object_is_type(JO(obj), json_type_object) ||
	    !json_object_object_get_ex(JO(obj), key, &o) || !json_object_is_type(o, type))
		return NULL;
	return o;
}

struct js *
js_get(const struct js *obj, const char *key)
{
	return JS(js_member(obj, key, json_type_object));
}

struct js *
js_get_array(const struct js *obj, const char *key)
{
	return JS(js_member(obj, key, json_type_array));
}

const char *
js_strn(const struct js *obj, const char *key, size_t *len)
{
	struct json_object *o = js_member(obj, key, json_type_string);

	if (!o)
		return NULL;
	*len = (size_t)json_object_get_string_len(o);
	return json_object_get_string(o);
}

const char *
js_str(const struct js *obj, const char *key)
{
	size_t len;
	const char *s = js_strn(obj, key, &len);

	return s && strlen(s) == len ? s : NULL;
}

int64_t
js_int(const struct js *obj, const char *key, int64_t def)
{
	struct json_object *o = js_member(obj, key, json_type_int);

	return o ? json_object_get_int64(o) : def;
}

double
js_dbl(const struct js *obj, const char *key, double def)
{
	struct json_object *o = js_member(obj, key, json_type_double);

	if (!o)
		o = js_member(obj, key, json_type_int);
	return o ? json_object_get_double(o) : def;
}

bool
js_bool(const struct js *obj, const char *key, bool def)
{
	struct json_object *o = js_member(obj, key, json_type_boolean);

	return o ? json_object_get_boolean(o) : def;
}

bool
js_is_bool(const struct js *obj, const char *key)
{
	return js_member(obj, key, json_type_boolean) != NULL;
}

bool
js_has(const struct js *obj, const char *key)
{
	return json_object_object_get_ex(JO(obj), key, NULL);
}

bool
js_is_null(const struct js *obj, const char *key)
{
	struct json_object *o = NULL;

	return json_object_object_get_ex(JO(obj), key, &o) && !o;
}

bool
js_is(const struct js *obj, const char *key, const char *value)
{
	const char *s = js_str(obj, key);

	return s && strcmp(s, value) == 0;
}

int
js_bytes(const struct js *obj, const char *key, struct buf *out)
{
	char name[64];
	const char *s;
	size_t len, before = out->len;
	char *raw;
	long n;
	int rc;

	s = js_strn(obj, key, &len);
	if (s)
		return buf_add(out, s, len);
	snprintf(name, sizeof name, "%s_b64", key);
	s = js_strn(obj, name, &len);
	if (!s)
		return -1;
	raw = malloc(len + 1);
	if (!raw)
		abort();
	n = base64_decode(s, len, raw);
	rc = n < 0 ? -1 : buf_add(out, raw, (size_t)n);
	free(raw);
	if (rc < 0)
		out->len = before;
	return rc;
}

size_t
js_len(const struct js *array)
{
	return array ? json_object_array_length(JO(array)) : 0;
}

struct js *
js_at(const struct js *array, size_t i)
{
	struct json_object *o = array ? json_object_array_get_idx(JO(array), i) : NULL;

	return json_object_is_type(o, json_type_object) ? JS(o) : NULL;
}

const char *
js_at_str(const struct js *array, size_t i, size_t *len)
{
	struct json_object *o = array ? json_object_array_get_idx(JO(array), i) : NULL;

	if (!json_object_is_type(o, json_type_string))
		return NULL;
	*len = (size_t)json_object_get_string_len(o);
	return json_object_get_string(o);
}

void
js_fill(struct js *obj, const struct js *from)
{
	struct json_object_iterator it = json_object_iter_begin(JO(from));
	struct json_object_iterator end = json_object_iter_end(JO(from));

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);

		if (!json_object_object_get_ex(JO(obj), key, NULL))
			js_put(
			    obj, key, json_object_get(json_object_iter_peek_value(&it)));
	}
}

bool
js_each_key(const struct js *obj, bool (*f)(const char *key, void *arg), void *arg)
{
	struct json_object_iterator it = json_object_iter_begin(JO(obj));
	struct json_object_iterator end = json_object_iter_end(JO(obj));

	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		if (!f(json_object_iter_peek_name(&it), arg))
			return false;
	return true;
}

static int
js_print_string(const char *s, size_t len, struct buf *out)
{
	static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	const char *end = s + len, *plain = s, *hit;
	int rc = buf_add(out, "\"", 1);

	while (rc == 0 && s < end) {
		unsigned char c = (unsigned char)*s;
		uint32_t u;

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			s++;
			continue;
		}
		rc = buf_add(out, plain, (size_t)(s - plain));
		s += text_decode(s, (size_t)(end - s), &u);
		plain = s;
		if (rc < 0)
			break;
		hit = u && u < 0x80 ? strchr(named, (int)u) : NULL;
		if (hit)
			rc = buf_printf(out, "\\%c", letters[hit - named]);
		else if (u < 0x10000)
			rc = buf_printf(out, "\\u%04x", u);
		else
			rc = buf_printf(out, "\\u%04x\\u%04x",
			    0xd800 + ((u - 0x10000) >> 10),
			    0xdc00 + ((u - 0x10000) & 0x3ff));
	}
	if (rc == 0)
		rc = buf_add(out, plain, (size_t)(s - plain));
	return rc < 0 ? rc : buf_add(out, "\"", 1);
}

static int js_print_value(const struct json_object *o, struct buf *out);

static int
js_print_object(const struct json_object *o, struct buf *out)
{
	struct json_object_iterator it = json_object_iter_begin(JO(o));
	struct json_object_iterator end = json_object_iter_end(JO(o));
	int rc = buf_add(out, "{", 1);
	bool first = true;

	for (; rc == 0 && !json_object_iter_equal(&it, &end);
	     json_object_iter_next(&it)) {
		const char *key = json_object_iter_peek_name(&it);

		rc = first ? 0 : buf_add(out, ",", 1);
		first = false;
		if (rc == 0)
			rc = js_print_string(key, strlen(key), out);
		if (rc == 0)
			rc = buf_add(out, ":", 1);
		if (rc == 0)
			rc = js_print_value(json_object_iter_peek_value(&it), out);
	}
	return rc < 0 ? rc : buf_add(out, "}", 1);
}

static int
js_print_array(const struct json_object *o, struct buf *out)
{
	int rc = buf_add(out, "[", 1);

	for (size_t i = 0; rc == 0 && i < json_object_array_length(o); i++) {
		rc = i ? buf_add(out, ",", 1) : 0;
		if (rc == 0)
			rc = js_print_value(json_object_array_get_idx(JO(o), i), out);
	}
	return rc < 0 ? rc : buf_add(out, "]", 1);
}

static int
js_print_value(const struct json_object *o, struct buf *out)
{
	switch (json_object_get_type(o)) {
	case json_type_object:
		return js_print_object(o, out);
	case json_type_array:
		return js_print_array(o, out);
	case json_type_string:
		return js_print_string(json_object_get_string(JO(o)),
		    (size_t)json_object_get_string_len(o), out);
	default:
		return buf_add_str(
		    out, json_object_to_json_string_ext(JO(o), JSON_C_TO_STRING_PLAIN));
	}
}

int
js_print(const struct js *j, struct buf *out)
{
	size_t before = out->len;

	if (js_print_value(JO(j), out) == 0)
		return 0;
	out->len = before;
	return -1;
}
