/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/json.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/base64.h"
#include "wire/json_check.h"

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
 * members that the text has are counted against what the tree kept.
 */
static bool
js_inspect(const struct json_object *o, size_t *members)
{
	bool ok = true;

	if (json_object_is_type(o, json_type_object)) {
		struct json_object_iterator it = json_object_iter_begin(JO(o));
		struct json_object_iterator end = json_object_iter_end(JO(o));

		for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
			++*members;
			ok &= js_inspect(json_object_iter_peek_value(&it), members);
		}
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			ok &= js_inspect(json_object_array_get_idx(JO(o), i), members);
	} else if (json_object_is_type(o, json_type_double)) {
		ok = isfinite(json_object_get_double(o)); /* 1e999 is none */
	}
	return ok;
}

static int
js_hex(const char *s)
{
	char digits[5] = {s[0], s[1], s[2], s[3], 0};

	return (int)strtol(digits, NULL, 16);
}

/*
 * json-c 0.16 takes a pair for half of one when its low 16 bits look like that:
 * U+1D800 and U+2D800 (and what is near them) become U+FFFD.  As UTF-8 it lets them
 * be.  text has passed the check, so behind a backslash there is what must be.
 */
static char *
js_spell_out(const char *text, size_t *len)
{
	char *out = malloc(*len);
	size_t n = 0;

	if (!out)
		abort();
	for (size_t i = 0; i < *len;) {
		const char *p = text + i;
		int high = p[0] == '\\' && p[1] == 'u' ? js_hex(p + 2) : 0;
		int low = high >= 0xd800 && high < 0xdc00 && p[6] == '\\' && p[7] == 'u'
		    ? js_hex(p + 8)
		    : 0;
		size_t took = p[0] == '\\' ? 2 : 1;

		if (low >= 0xdc00 && low <= 0xdfff) {
			n += text_encode(0x10000 + ((uint32_t)(high - 0xd800) << 10) +
				(uint32_t)(low - 0xdc00),
			    out + n);
			took = 12;
		} else {
			memcpy(out + n, p, took);
			n += took;
		}
		i += took;
	}
	*len = n;
	return out;
}

static struct js *
js_tree(const char *text, size_t len, size_t members, struct err *err)
{
	struct json_tokener *tok = json_tokener_new_ex(JS_DEPTH_MAX + 2);
	struct json_object *o;
	size_t kept = 0;

	if (!tok)
		abort();
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	o = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success)
		err_set(err, ERR_PROTOCOL, "not JSON: %s at byte %zu",
		    json_tokener_error_desc(json_tokener_get_error(tok)),
		    json_tokener_get_parse_end(tok));
	else if (!js_inspect(o, &kept))
		err_set(err, ERR_PROTOCOL, "a number is too large");
	else if (kept != members)
		err_set(err, ERR_PROTOCOL, "a key stands twice in one JSON object");
	else {
		json_tokener_free(tok);
		return JS(o);
	}
	json_object_put(o);
	json_tokener_free(tok);
	return NULL;
}

static struct js *
js_parse_as(const char *text, size_t len, bool halves, struct err *err)
{
	struct json_check c;
	char *spelt = NULL;
	struct js *j;

	if (!json_check(text, len, halves, &c)) {
		err_set(err, ERR_PROTOCOL, "not JSON: %s at byte %zu", c.why, c.at);
		return NULL;
	}
	if (c.kind != '{') {
		err_set(err, ERR_PROTOCOL, "not a JSON object");
		return NULL;
	}
	if (c.lossy)
		spelt = js_spell_out(text, &len);
	j = js_tree(spelt ? spelt : text, len, c.members, err);
	free(spelt);
	return j;
}

struct js *
js_parse(const char *text, size_t len, struct err *err)
{
	return js_parse_as(text, len, false, err);
}

struct js *
js_parse_foreign(const char *text, size_t len, struct err *err)
{
	return js_parse_as(text, len, true, err);
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

void
js_take(struct js *obj, const char *key, const struct js *from, const char *name)
{
	struct json_object *o = NULL;

	if (json_object_object_get_ex(JO(from), name, &o))
		js_put(obj, key, json_object_get(o));
}

size_t
js_rewrite(struct js *j, bool (*f)(const char *s, size_t len, struct buf *out, void *arg),
    void *arg)
{
	struct json_object *o = JO(j);
	size_t n = 0;

	if (json_object_is_type(o, json_type_object)) {
		struct json_object_iterator it = json_object_iter_begin(o);
		struct json_object_iterator end = json_object_iter_end(o);

		for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
			n += js_rewrite(JS(json_object_iter_peek_value(&it)), f, arg);
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			n += js_rewrite(JS(json_object_array_get_idx(o, i)), f, arg);
	} else if (json_object_is_type(o, json_type_string)) {
		struct buf out;

		buf_init(&out, JS_TEXT_MAX);
		if (f(json_object_get_string(o), (size_t)json_object_get_string_len(o),
			&out, arg)) {
			if (!json_object_set_string_len(o, buf_str(&out), (int)out.len))
				abort();
			n = 1;
		}
		buf_fini(&out);
	}
	return n;
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
