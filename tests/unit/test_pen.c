/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The same cells with the same looks, in fewer bytes. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "console/term/pen.h"

#define COLS 20
#define ROWS 6

static struct buf out;

static void
on_out(void *arg, const char *data, size_t len)
{
	cr_assert_eq(buf_add(arg, data, len), 0);
}

static const char *
through(const char *text)
{
	struct pen p;

	buf_fini(&out);
	buf_init(&out, 1 << 20);
	pen_init(&p, on_out, &out);
	p.known = p.charset = true;
	pen_feed(&p, text, strlen(text));
	pen_sync(&p);
	return buf_str(&out);
}

/* A terminal in few lines: each cell has its text and its look, as a number. */
struct cells {
	unsigned long cell[ROWS][COLS];
	unsigned look[8]; /* fg, bg, five flags */
	int x, y;
};

static void
sgr(struct cells *t, char *args)
{
	static const int on[] = {1, 2, 3, 4, 7}, off[] = {22, 22, 23, 24, 27};
	char *rest = args, *word;
	int code[32], n = 0;

	if (!*args)
		memset(t->look, 0, sizeof t->look);
	while ((word = strsep(&rest, ";")) && n < 32)
		code[n++] = atoi(word);
	for (int i = 0; i < n; i++) {
		if (code[i] == 0)
			memset(t->look, 0, sizeof t->look);
		else if ((code[i] == 38 || code[i] == 48) && i + 2 < n) {
			t->look[code[i] == 48] = 1000u + (unsigned)code[i + 2];
			i += 2;
			continue;
		} else if (code[i] == 39 || code[i] == 49)
			t->look[code[i] == 49] = 0;
		else if (code[i] >= 30 && code[i] < 110)
			t->look[(code[i] / 10) % 2 == 0] = (unsigned)code[i];
		for (int f = 0; f < 5; f++) {
			if (code[i] == on[f])
				t->look[2 + f] = 1;
			if (code[i] == off[f])
				t->look[2 + f] = 0;
		}
	}
}

static unsigned long
filled(const struct cells *t, char c)
{
	unsigned long n = (unsigned char)c;

	for (int i = 0; i < 7; i++)
		n = n * 1500 + t->look[i];
	return n;
}

static void
draw(struct cells *t, const char *text)
{
	for (const char *c = text; *c; c++) {
		char args[64];
		int n = 0;

		if (*c == '\r') {
			t->x = 0;
		} else if (*c == '\x0f') {
			continue;
		} else if (*c != '\x1b') {
			t->cell[t->y][t->x] = filled(t, *c);
			t->x = t->x + 1 < COLS ? t->x + 1 : t->x;
		} else if (c[1] == '(') {
			c += 2;
		} else {
			for (c += 2; *c < 0x40; c++)
				args[n++] = *c;
			args[n] = '\0';
			if (*c == 'm')
				sgr(t, args);
			else if (*c == 'H') {
				char *x = strchr(args, ';');

				t->y = (atoi(args) + ROWS - 1) % ROWS;
				t->x = x ? (atoi(x + 1) + COLS - 1) % COLS : 0;
			} else if (*c == 'K')
				for (int x = t->x; x < COLS; x++)
					t->cell[t->y][x] = filled(t, ' ');
		}
	}
}

Test(pen, only_the_difference_is_said)
{
	cr_assert_str_eq(through("\x1b(B\x1b[0;1m\x1b[38;5;71mok\x1b[39m\x1b(B\x1b[m!"),
	    "\x1b[1;38;5;71mok\x1b[m!");
	cr_assert_str_eq(
	    through("\x1b[31ma\x1b[39;49m\x1b[m\x1b[31mb\x1b[m"), "\x1b[31mab\x1b[m");
	cr_assert_str_eq(through("\x1b[1ma\x1b[0;4mb\x1b[m"), "\x1b[1ma\x1b[0;4mb\x1b[m");
}

Test(pen, a_move_waits_for_no_look_and_an_erase_does)
{
	cr_assert_str_eq(through("\x1b[41m\x1b[2;3H\x1b[m\rx"), "\x1b[2;3H\rx");
	cr_assert_str_eq(through("\x1b[41m\x1b[K\x1b[m"), "\x1b[41m\x1b[K\x1b[m");
}

Test(pen, what_it_does_not_know_passes_as_it_is)
{
	cr_assert_str_eq(through("\x1b[38;2;1;2;3ma\x1b[m"), "\x1b[38;2;1;2;3ma\x1b[m");
	cr_assert_str_eq(through("\x1b[5mx\x1b[31my"), "\x1b[5mx\x1b[31my");
	cr_assert_str_eq(through("\x1b[5mx\x1b[0;31my"), "\x1b[5mx\x1b[0;31my");
	cr_assert_str_eq(through("\x1b[?1049h\x1b)0\x1b="), "\x1b[?1049h\x1b)0\x1b=");
}

Test(pen, after_something_else_had_the_terminal_all_is_said_anew)
{
	struct pen p;

	buf_fini(&out);
	buf_init(&out, 1 << 20);
	pen_init(&p, on_out, &out);
	pen_feed(&p, "\x1b(B\x1b[mx\x1b(B\x1b[m", 13);
	pen_sync(&p);
	cr_assert_str_eq(buf_str(&out), "\x1b(B\x1b[mx");
	pen_forget(&p);
	buf_clear(&out);
	pen_feed(&p, "\x1b(B\x1b[my", 7);
	pen_sync(&p);
	cr_assert_str_eq(buf_str(&out), "\x1b(B\x1b[my");
}

/* Whatever curses says, cut anywhere: what stands on the screen is the same. */
Test(pen, the_picture_is_the_same)
{
	static const char *const parts[] = {"\x1b[m", "\x1b(B\x1b[m", "\x1b[0;1m",
	    "\x1b[1m", "\x1b[22m", "\x1b[2m", "\x1b[4m", "\x1b[24m", "\x1b[7m",
	    "\x1b[27m", "\x1b[0;1;4;7m", "\x1b[31m", "\x1b[39m", "\x1b[44m", "\x1b[49m",
	    "\x1b[39;49m", "\x1b[38;5;245m", "\x1b[48;5;90m", "\x1b[97m", "\x1b[3m",
	    "\x1b[23m", "\x1b[0m", "a", "bc", " ", "\r", "\x1b[2;5H", "\x1b[5;1H",
	    "\x1b[K", "\x0f", "\x1b[0;2;38;5;3m"};
	static char raw[1 << 16];
	uint32_t seed = 7;
	size_t less = 0, more = 0;

	for (int round = 0; round < 300; round++) {
		struct cells a = {0}, b = {0};
		struct pen p;
		size_t n = 0;

		buf_fini(&out);
		buf_init(&out, 1 << 20);
		pen_init(&p, on_out, &out);
		raw[0] = '\0';
		for (int i = 0; i < 300; i++) {
			const char *part;

			seed = seed * 1664525u + 1013904223u;
			part = parts[(seed >> 10) % ARRAY_LEN(parts)];
			memcpy(raw + n, part, strlen(part) + 1);
			n += strlen(part);
		}
		for (size_t at = 0; at < n;) {
			size_t step;

			seed = seed * 1664525u + 1013904223u;
			step = 1 + (seed >> 20) % 40;
			step = at + step < n ? step : n - at;
			pen_feed(&p, raw + at, step);
			at += step;
		}
		pen_sync(&p);
		draw(&a, raw);
		draw(&b, buf_str(&out));
		cr_assert_eq(memcmp(a.cell, b.cell, sizeof a.cell), 0, "round %d", round);
		cr_assert_eq(memcmp(a.look, b.look, sizeof a.look), 0, "round %d", round);
		less += out.len;
		more += n;
	}
	cr_assert_lt(less, more);
}
