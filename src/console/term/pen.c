/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/term/pen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED 256 /* colours that have a code of their own */

static const struct pen_look plain = {-1, -1, {0}};

/* SGR codes of the flags. */
static const int on_code[PEN_FLAGS] = {1, 2, 3, 4, 7};
static const int off_code[PEN_FLAGS] = {22, 22, 23, 24, 27};

void
pen_init(struct pen *p, pen_out_fn *out, void *arg)
{
	memset(p, 0, sizeof *p);
	p->wants = p->has = plain;
	p->out = out;
	p->arg = arg;
}

void
pen_forget(struct pen *p)
{
	p->known = p->charset = false;
}

/* --- saying --- */

static void
add(char *to, size_t size, const char *code)
{
	size_t n = strlen(to);

	snprintf(to + n, size - n, "%s%s", n ? ";" : "", code);
}

static void
add_number(char *to, size_t size, int code)
{
	char text[16];

	snprintf(text, sizeof text, "%d", code);
	add(to, size, text);
}

static void
add_colour(char *to, size_t size, int colour, bool back)
{
	char text[24];

	if (colour >= 0 && colour < NAMED) {
		snprintf(text, sizeof text, "%d;5;%d", back ? 48 : 38, colour);
		add(to, size, text);
	} else {
		add_number(to, size, colour < 0 ? (back ? 49 : 39) : colour - NAMED);
	}
}

/* The codes that lead from one look to the other. */
static void
lead(const struct pen_look *from, const struct pen_look *to, char *out, size_t size)
{
	bool weight = (from->flags[PEN_BOLD] && !to->flags[PEN_BOLD]) ||
	    (from->flags[PEN_DIM] && !to->flags[PEN_DIM]);

	if (weight) /* one code ends both */
		add_number(out, size, off_code[PEN_BOLD]);
	for (int i = 0; i < PEN_FLAGS; i++) {
		bool was = from->flags[i] && !(weight && i <= PEN_DIM);

		if (was && !to->flags[i])
			add_number(out, size, off_code[i]);
		else if (!was && to->flags[i])
			add_number(out, size, on_code[i]);
	}
	if (from->fg != to->fg)
		add_colour(out, size, to->fg, false);
	if (from->bg != to->bg)
		add_colour(out, size, to->bg, true);
}

static bool
same(const struct pen_look *a, const struct pen_look *b)
{
	return a->fg == b->fg && a->bg == b->bg &&
	    memcmp(a->flags, b->flags, sizeof a->flags) == 0;
}

void
pen_sync(struct pen *p)
{
	char change[80] = "", anew[80] = "0", out[96];

	if (p->loose || (p->known && same(&p->has, &p->wants)))
		return;
	lead(&p->has, &p->wants, change, sizeof change);
	lead(&plain, &p->wants, anew, sizeof anew);
	if (strcmp(anew, "0") == 0)
		anew[0] = '\0'; /* CSI m */
	snprintf(out, sizeof out, "\x1b[%sm",
	    p->known && strlen(change) < strlen(anew) ? change : anew);
	p->out(p->arg, out, strlen(out));
	p->has = p->wants;
	p->known = true;
}

/* --- reading --- */

static void
set_flag(struct pen_look *l, int code)
{
	for (int i = 0; i < PEN_FLAGS; i++) {
		if (code == on_code[i])
			l->flags[i] = true;
		if (code == off_code[i])
			l->flags[i] = false;
	}
}

/* One code, or three of a colour; false: this is beyond us. */
static bool
take(struct pen_look *l, const int *codes, size_t count, size_t *i)
{
	int c = codes[*i];

	if (c == 0)
		*l = plain;
	else if ((c == 38 || c == 48) && *i + 2 < count && codes[*i + 1] == 5 &&
	    codes[*i + 2] < NAMED) {
		*(c == 38 ? &l->fg : &l->bg) = codes[*i + 2];
		*i += 2;
	} else if (c == 39 || c == 49)
		*(c == 39 ? &l->fg : &l->bg) = -1;
	else if ((c >= 30 && c <= 37) || (c >= 90 && c <= 97))
		l->fg = NAMED + c;
	else if ((c >= 40 && c <= 47) || (c >= 100 && c <= 107))
		l->bg = NAMED + c;
	else if ((c >= 1 && c <= 4) || c == 7 || (c >= 22 && c <= 24) || c == 27)
		set_flag(l, c);
	else
		return false;
	return true;
}

static bool
sgr(struct pen *p)
{
	int codes[16];
	size_t count = 0;
	struct pen_look l = p->wants;
	const char *at = p->seq + 2, *end = p->seq + p->len - 1;

	while (count < 16) {
		char *next;
		long n = strtol(at, &next, 10);

		if (n < 0 || n > 255)
			return false;
		codes[count++] = (int)n;
		if (next == end)
			break;
		if (*next != ';')
			return false;
		at = next + 1;
	}
	for (size_t i = 0; i < count; i++)
		if (!take(&l, codes, count, &i))
			return false;
	p->wants = l;
	return true;
}

static void
pass(struct pen *p)
{
	p->out(p->arg, p->seq, p->len);
	p->len = 0;
}

/* A look that we do not know: curses' own words, until it begins anew. */
static void
unknown(struct pen *p)
{
	pen_sync(p);
	pass(p);
	p->loose = true;
	p->known = false;
}

static bool
is_reset(const struct pen *p)
{
	return p->seq[2] == 'm' || (p->seq[2] == '0' && strchr("m;", p->seq[3]));
}

static void
sequence_done(struct pen *p)
{
	char final = p->seq[p->len - 1];

	p->seq[p->len < PEN_SEQUENCE_MAX ? p->len : PEN_SEQUENCE_MAX - 1] = '\0';
	if (p->seq[1] == '[' && final == 'm') {
		if ((!p->loose || is_reset(p)) && sgr(p)) {
			p->loose = false;
			p->len = 0;
		} else {
			unknown(p);
		}
	} else if (p->len == 3 && memcmp(p->seq, "\x1b(B", 3) == 0) {
		if (!p->charset)
			pass(p);
		p->charset = true;
		p->len = 0;
	} else {
		/* A move draws nothing, with whatever pen. */
		if (p->seq[1] != '[' || !strchr("HdG`ABCD", final))
			pen_sync(p);
		pass(p);
	}
}

static bool
is_over(const struct pen *p)
{
	char c = p->seq[p->len - 1];

	if (p->len < 2)
		return false;
	if (p->seq[1] == '[')
		return p->len > 2 && c >= 0x40 && c < 0x7f;
	return c < 0x20 || c > 0x2f; /* 0x20-0x2f come before an end */
}

void
pen_feed(struct pen *p, const char *data, size_t len)
{
	size_t from = 0;

	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (p->len > 0) {
			p->seq[p->len++] = c;
			if (is_over(p) || p->len == PEN_SEQUENCE_MAX)
				sequence_done(p);
			from = i + 1;
		} else if (c == '\x1b' || c == '\x0f') {
			if (i > from)
				p->out(p->arg, data + from, i - from);
			from = i + 1;
			if (c == '\x1b')
				p->seq[p->len++] = c;
			else if (!p->charset)
				p->out(p->arg, "\x0f", 1);
		} else if (c != '\r' && c != '\b') {
			if (!p->loose && !(p->known && same(&p->has, &p->wants))) {
				if (i > from)
					p->out(p->arg, data + from, i - from);
				from = i;
				pen_sync(p);
			}
		}
	}
	if (len > from)
		p->out(p->arg, data + from, len - from);
}
