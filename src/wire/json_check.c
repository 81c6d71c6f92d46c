/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/json_check.h"

#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct reader {
	struct json_check *c;
	const char *text, *p, *end;
	bool halves;
	size_t values, holders;
	char stack[JS_DEPTH_MAX]; /* '{' or '[' */
	size_t depth;
};

static bool
wrong(struct reader *r, const char *why)
{
	if (!r->c->why) {
		r->c->why = why;
		r->c->at = (size_t)(r->p - r->text);
	}
	return false;
}

static bool
too_early(struct reader *r)
{
	return wrong(r, "it ends too early");
}

static void
skip_space(struct reader *r)
{
	while (r->p < r->end &&
	    (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static int
hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u; -1: there are none. */
static int
four(struct reader *r)
{
	int v = 0;

	if (r->end - r->p < 4) {
		too_early(r);
		return -1;
	}
	for (int i = 0; i < 4; i++, r->p++) {
		int d = hex(*r->p);

		if (d < 0) {
			wrong(r, "no four hexadecimal digits behind \\u");
			return -1;
		}
		v = v << 4 | d;
	}
	return v;
}

/* Behind a \u: all of a pair, so that a half cannot be taken for a whole. */
static bool
check_u(struct reader *r, bool name)
{
	int v = four(r);

	if (v < 0)
		return false;
	if (v == 0 && name)
		return wrong(r, "a NUL in a name");
	if (v < 0xd800 || v > 0xdfff)
		return true;
	if (v < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
		const char *back = r->p;
		int low;

		r->p += 2;
		low = four(r);
		if (low < 0)
			return false;
		if (low >= 0xdc00 && low <= 0xdfff) {
			r->c->lossy |= (v & 0x3f) == 0x36 || (v & 0x3f) == 0x37;
			return true;
		}
		r->p = back;
	}
	return (r->halves && !name) || wrong(r, "half of a surrogate pair");
}

static bool
check_escape(struct reader *r, bool name)
{
	if (r->p == r->end)
		return too_early(r);
	if (*r->p == 'u') {
		r->p++;
		return check_u(r, name);
	}
	if (*r->p == '\0' || !strchr("\"\\/bfnrt", *r->p))
		return wrong(r, "no such escape");
	r->p++;
	return true;
}

/* From the quote on. */
static bool
check_string(struct reader *r, bool name)
{
	for (r->p++; r->p < r->end;) {
		unsigned char b = (unsigned char)*r->p;
		uint32_t cp;

		if (b == '"') {
			r->p++;
			return true;
		}
		if (b == '\\') {
			r->p++;
			if (!check_escape(r, name))
				return false;
		} else if (b < 0x20) {
			return wrong(r, "a control byte in a string");
		} else if (b < 0x80) {
			r->p++;
		} else {
			size_t n = text_decode(r->p, (size_t)(r->end - r->p), &cp);

			if (n == 1)
				return wrong(r, "it is no UTF-8");
			r->p += n;
		}
	}
	return too_early(r);
}

static bool
check_digits(struct reader *r)
{
	const char *begin = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	if (r->p > begin)
		return true;
	return r->p == r->end ? too_early(r) : wrong(r, "a digit is missing");
}

/* Does a whole number of these digits fit?  19 digits or less; no zero leads. */
static bool
fits(const char *digits, size_t n, bool negative)
{
	if (n != 19)
		return n < 19;
	return memcmp(digits, negative ? "9223372036854775808" : "9223372036854775807",
		   n) <= 0;
}

static bool
check_number(struct reader *r)
{
	const char *begin = r->p, *digits;
	bool whole = true;
	size_t n;

	if (*r->p == '-')
		r->p++;
	digits = r->p;
	if (r->p < r->end && *r->p == '0')
		r->p++;
	else if (!check_digits(r))
		return false;
	n = (size_t)(r->p - digits);
	if (r->p < r->end && *r->p == '.') {
		whole = false;
		r->p++;
		if (!check_digits(r))
			return false;
	}
	if (r->p < r->end && (*r->p == 'e' || *r->p == 'E')) {
		whole = false;
		r->p++;
		if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
			r->p++;
		if (!check_digits(r))
			return false;
	}
	if (r->p - begin > JS_NUMBER_MAX ||
	    (whole && !r->halves && !fits(digits, n, *begin == '-')))
		return wrong(r, "a number that is too long");
	return true;
}

static bool
check_word(struct reader *r)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t left = (size_t)(r->end - r->p);

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		size_t n = strlen(words[i]);

		if (left >= n && memcmp(r->p, words[i], n) == 0) {
			r->p += n;
			return true;
		}
		if (left < n && memcmp(r->p, words[i], left) == 0)
			return too_early(r);
	}
	return wrong(r, "no value begins so");
}

/* "name" and its colon. */
static bool
check_name(struct reader *r)
{
	skip_space(r);
	if (r->p == r->end)
		return too_early(r);
	if (*r->p != '"')
		return wrong(r, "a name is missing");
	if (!check_string(r, true))
		return false;
	skip_space(r);
	if (r->p == r->end)
		return too_early(r);
	if (*r->p != ':')
		return wrong(r, "a colon is missing");
	r->p++;
	r->c->members++;
	return true;
}

/* The bracket of an object or an array, and what of it comes before its first value. */
static bool
check_open(struct reader *r, bool *value_next)
{
	char open = *r->p;

	if (r->depth == JS_DEPTH_MAX)
		return wrong(r, "it is nested too deep");
	if (++r->holders > JS_HOLDERS_MAX)
		return wrong(r, "too many objects and arrays");
	r->p++;
	skip_space(r);
	if (r->p < r->end && *r->p == (open == '{' ? '}' : ']')) {
		r->p++;
		*value_next = false;
		return true;
	}
	r->stack[r->depth++] = open;
	*value_next = true;
	return open == '[' || check_name(r);
}

static bool
check_value(struct reader *r, bool *value_next)
{
	*value_next = false;
	skip_space(r);
	if (r->p == r->end)
		return too_early(r);
	if (++r->values > JS_VALUES_MAX)
		return wrong(r, "too many values");
	if (*r->p == '{' || *r->p == '[')
		return check_open(r, value_next);
	if (*r->p == '"')
		return check_string(r, false);
	if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
		return check_number(r);
	return check_word(r);
}

/* Behind a value: closes what ends here, up to where another value must come. */
static bool
check_behind(struct reader *r, bool *value_next)
{
	while (r->depth > 0 && !*value_next) {
		char open = r->stack[r->depth - 1];

		skip_space(r);
		if (r->p == r->end)
			return too_early(r);
		if (*r->p == ',') {
			r->p++;
			*value_next = true;
			if (open == '{' && !check_name(r))
				return false;
		} else if (*r->p == (open == '{' ? '}' : ']')) {
			r->p++;
			r->depth--;
		} else {
			return wrong(r, "a comma or a bracket is missing");
		}
	}
	return true;
}

bool
json_check(const char *text, size_t len, bool halves, struct json_check *c)
{
	struct reader r = {
	    .c = c, .text = text, .p = text, .end = text + len, .halves = halves};
	bool value_next = true;

	memset(c, 0, sizeof *c);
	if (len > JS_TEXT_MAX)
		return wrong(&r, "it is longer than 32 MiB");
	skip_space(&r);
	c->kind = r.p < r.end ? *r.p : '\0';
	while (value_next)
		if (!check_value(&r, &value_next) || !check_behind(&r, &value_next))
			return false;
	skip_space(&r);
	return r.p == r.end || wrong(&r, "text behind the value");
}
