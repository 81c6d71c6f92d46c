/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/jraw.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define INT_MAX_EXACT (INT64_C(1) << 53)

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
hex(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ---- the check: each takes the text from p and says where the thing ends, or NULL */

static const char *
check_string(const char *p, const char *end)
{
	for (p++; p < end; p++) {
		if (*p == '"')
			return p + 1;
		if ((unsigned char)*p < 0x20)
			return NULL;
		if (*p != '\\')
			continue;
		if (++p == end)
			return NULL;
		if (*p == 'u') {
			for (int i = 0; i < 4; i++)
				if (++p == end || hex(*p) < 0)
					return NULL;
		} else if (*p == '\0' || !strchr("\"\\/bfnrt", *p)) {
			return NULL;
		}
	}
	return NULL;
}

static const char *
check_digits(const char *p, const char *end)
{
	const char *begin = p;

	while (p < end && is_digit(*p))
		p++;
	return p == begin ? NULL : p;
}

static const char *
check_number(const char *p, const char *end)
{
	if (*p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else if (!(p = check_digits(p, end)))
		return NULL;
	if (p < end && *p == '.' && !(p = check_digits(p + 1, end)))
		return NULL;
	if (p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = check_digits(p, end);
	}
	return p;
}

static const char *
check_scalar(const char *p, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	if (*p == '"')
		return check_string(p, end);
	if (*p == '-' || is_digit(*p))
		return check_number(p, end);
	for (size_t i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - p) >= n && memcmp(p, words[i], n) == 0)
			return p + n;
	}
	return NULL;
}

static const char *
skip_space(const char *p, const char *end)
{
	while (p < end && is_space(*p))
		p++;
	return p;
}

struct check {
	const char *p, *end;
	char stack[JRAW_DEPTH_MAX]; /* '{' or '[' */
	size_t depth;
};

/* "name": of an object.  False, with p where it went wrong. */
static bool
check_name(struct check *c)
{
	const char *q;

	c->p = skip_space(c->p, c->end);
	if (c->p == c->end || *c->p != '"' || !(q = check_string(c->p, c->end)))
		return false;
	c->p = skip_space(q, c->end);
	if (c->p == c->end || *c->p != ':')
		return false;
	c->p = skip_space(c->p + 1, c->end);
	return true;
}

/* A value begins at p.  True: a container was opened and is not empty. */
static bool
check_value(struct check *c, bool *ok)
{
	const char *q;
	char open;

	*ok = false;
	if (c->p == c->end)
		return false;
	open = *c->p;
	if (open != '{' && open != '[') {
		q = check_scalar(c->p, c->end);
		*ok = q != NULL;
		c->p = q ? q : c->p;
		return false;
	}
	if (c->depth == JRAW_DEPTH_MAX)
		return false;
	q = skip_space(c->p + 1, c->end);
	if (q < c->end && *q == (open == '{' ? '}' : ']')) {
		c->p = q + 1;
		*ok = true;
		return false;
	}
	c->stack[c->depth++] = open;
	c->p = q;
	*ok = open == '[' || check_name(c);
	return *ok;
}

/* Behind a value: closes what ends here.  True: another value must follow. */
static bool
check_behind(struct check *c, bool *ok)
{
	*ok = true;
	while (c->depth) {
		char open = c->stack[c->depth - 1];

		c->p = skip_space(c->p, c->end);
		if (c->p == c->end) {
			*ok = false;
			return false;
		}
		if (*c->p == ',') {
			c->p = skip_space(c->p + 1, c->end);
			*ok = open == '[' || check_name(c);
			return *ok;
		}
		if (*c->p != (open == '{' ? '}' : ']')) {
			*ok = false;
			return false;
		}
		c->p++;
		c->depth--;
	}
	return false;
}

int
jraw_check(const char *text, size_t len, struct jraw *value, struct err *err)
{
	struct check c = {.p = text, .end = text + len};
	const char *begin;
	bool ok = true, more = true;

	if (!text_is_utf8(text, len))
		return err_set(err, ERR_PROTOCOL, "not UTF-8");
	c.p = begin = skip_space(text, c.end);
	while (more) {
		while (check_value(&c, &ok))
			;
		more = ok && check_behind(&c, &ok);
	}
	if (!ok && c.p == c.end)
		return err_set(err, ERR_PROTOCOL, "not JSON: it ends too early");
	if (!ok)
		return err_set(
		    err, ERR_PROTOCOL, "not JSON at byte %zu", (size_t)(c.p - text));
	if (skip_space(c.p, c.end) != c.end)
		return err_set(err, ERR_PROTOCOL, "text behind the JSON value");
	*value = (struct jraw){begin, (size_t)(c.p - begin)};
	return 0;
}

/* ---- reading what passed the check ---- */

char
jraw_kind(struct jraw v)
{
	if (!v.s)
		return 0;
	return v.s[0] == '-' || is_digit(v.s[0]) ? '0' : v.s[0];
}

static const char *
string_end(const char *p)
{
	for (p++; *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p + 1;
}

static const char *
value_end(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		if (*p == '"') {
			p = string_end(p);
			continue;
		}
		if (*p == '{' || *p == '[')
			depth++;
		else if (*p == '}' || *p == ']')
			depth--;
		else if (depth == 0)
			/* a number or a word: up to what ends it */
			while (p + 1 < end && !is_space(p[1]) && p[1] != ',' &&
			    p[1] != '}' && p[1] != ']')
				p++;
		p++;
	} while (depth);
	return p;
}

bool
jraw_next(struct jraw v, size_t *at, struct jraw *key, struct jraw *value)
{
	const char *end, *p, *q;

	if (!v.s || (v.s[0] != '{' && v.s[0] != '['))
		return false;
	end = v.s + v.len;
	p = skip_space(v.s + (*at ? *at : 1), end);
	if (*p == ',')
		p = skip_space(p + 1, end);
	if (*p == '}' || *p == ']')
		return false;
	if (v.s[0] == '{') {
		q = string_end(p);
		if (key)
			*key = (struct jraw){p, (size_t)(q - p)};
		p = skip_space(skip_space(q, end) + 1, end);
	}
	q = value_end(p, end);
	*value = (struct jraw){p, (size_t)(q - p)};
	*at = (size_t)(q - v.s);
	return true;
}

struct jraw
jraw_get(struct jraw obj, const char *key)
{
	struct jraw name, value;
	size_t at = 0;

	if (jraw_kind(obj) == '{')
		while (jraw_next(obj, &at, &name, &value))
			if (jraw_is(name, key))
				return value;
	return (struct jraw){NULL, 0};
}

bool
jraw_is(struct jraw v, const char *word)
{
	size_t n = strlen(word);

	return v.s && v.len == n + 2 && v.s[0] == '"' && memcmp(v.s + 1, word, n) == 0;
}

int64_t
jraw_int(struct jraw v, int64_t def)
{
	int64_t n = 0;

	if (v.len == 0 || v.len > 16)
		return def;
	for (size_t i = 0; i < v.len; i++) {
		if (!is_digit(v.s[i]))
			return def;
		n = n * 10 + (v.s[i] - '0');
	}
	return n > INT_MAX_EXACT ? def : n;
}

const char *
jraw_text(struct jraw v, char *out, size_t size)
{
	struct buf b;
	unsigned high = 0;
	size_t n;

	out[0] = '\0';
	if (jraw_kind(v) != '"')
		return out;
	if (v.len > size * 6) /* an escape is at most six bytes for one */
		v.len = size * 6;
	buf_init(&b, v.len * 3);
	if (jraw_decode(v, &high, &b) == 0 && b.len) {
		n = text_cut(b.data, b.len < size ? b.len : size - 1);
		memcpy(out, b.data, n);
		out[n] = '\0';
	}
	buf_fini(&b);
	return out;
}

static unsigned
hex4(const char *p)
{
	return (unsigned)(hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 | hex(p[3]));
}

static int
add_cp(struct buf *out, uint32_t cp)
{
	char utf8[4];

	return buf_add(out, utf8, text_encode(cp, utf8));
}

/* A first half that waited was alone. */
static int
end_high(unsigned *high, struct buf *out)
{
	int rc = *high ? add_cp(out, TEXT_REPLACEMENT) : 0;

	*high = 0;
	return rc;
}

static int
decode_unit(unsigned u, unsigned *high, struct buf *out)
{
	if (*high && u >= 0xdc00 && u <= 0xdfff) {
		uint32_t cp = 0x10000 + ((*high - 0xd800) << 10) + (u - 0xdc00);

		*high = 0;
		return add_cp(out, cp);
	}
	if (end_high(high, out) < 0)
		return -1;
	if (u >= 0xd800 && u <= 0xdbff) {
		*high = u;
		return 0;
	}
	return add_cp(out, u >= 0xdc00 && u <= 0xdfff ? TEXT_REPLACEMENT : u);
}

int
jraw_decode(struct jraw string, unsigned *high, struct buf *out)
{
	static const char letters[] = "bfnrt", bytes[] = "\b\f\n\r\t";
	const char *p, *end, *plain, *hit;
	int rc = 0;

	if (jraw_kind(string) != '"')
		return 0;
	p = string.s + 1;
	end = string.s + string.len;
	while (rc == 0 && p < end && *p != '"') {
		if (*p != '\\') {
			for (plain = p; p < end && *p != '"' && *p != '\\'; p++)
				;
			rc = end_high(high, out);
			if (rc == 0)
				rc = buf_add(out, plain, (size_t)(p - plain));
			continue;
		}
		if (end - p < (p + 1 < end && p[1] == 'u' ? 6 : 2))
			break; /* the caller cut the slice */
		if (p[1] == 'u') {
			rc = decode_unit(hex4(p + 2), high, out);
			p += 6;
			continue;
		}
		hit = strchr(letters, p[1]);
		rc = end_high(high, out);
		if (rc == 0)
			rc = buf_add(out, hit ? &bytes[hit - letters] : p + 1, 1);
		p += 2;
	}
	return rc;
}

unsigned
jraw_flaws(struct jraw v)
{
	const char *end = v.s ? v.s + v.len : NULL;
	unsigned high = 0, flaws = 0, u;

	for (const char *p = v.s; p < end; p++) {
		if (*p != '\\' || p[1] != 'u') {
			flaws |= high ? JRAW_HALF : 0;
			high = 0;
			p += *p == '\\';
			continue;
		}
		u = hex4(p + 2);
		p += 5;
		flaws |= u == 0 ? JRAW_NUL : 0;
		if (u >= 0xdc00 && u <= 0xdfff) {
			flaws |= high ? 0 : JRAW_HALF;
			high = 0;
			continue;
		}
		flaws |= high ? JRAW_HALF : 0;
		high = u >= 0xd800 && u <= 0xdbff ? u : 0;
	}
	return high ? flaws | JRAW_HALF : flaws;
}

/* ---- writing ---- */

int
jraw_add_string(struct buf *out, const char *s, size_t len)
{
	static const char named[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
	size_t before = out->len, plain = 0, i = 0;
	int rc = buf_add(out, "\"", 1);

	while (rc == 0 && i < len) {
		unsigned char c = (unsigned char)s[i];
		uint32_t cp = c;
		size_t n = c < 0x80 ? 1 : text_decode(s + i, len - i, &cp);
		const char *hit = c && c < 0x80 ? strchr(named, c) : NULL;

		if (c == 0 || (cp == TEXT_REPLACEMENT && n == 1)) {
			rc = buf_add(out, s + plain, i - plain);
			if (rc == 0)
				rc = add_cp(out, TEXT_REPLACEMENT);
			plain = i + n;
		} else if (hit || c < 0x20) {
			rc = buf_add(out, s + plain, i - plain);
			if (rc == 0)
				rc = hit ? buf_printf(out, "\\%c", letters[hit - named])
					 : buf_printf(out, "\\u%04x", c);
			plain = i + n;
		}
		i += n;
	}
	if (rc == 0)
		rc = buf_add(out, s + plain, i - plain);
	if (rc == 0)
		rc = buf_add(out, "\"", 1);
	if (rc < 0)
		out->len = before;
	return rc;
}
