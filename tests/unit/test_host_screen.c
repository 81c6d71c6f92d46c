/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/screen.h"

#define W 720
#define H 400
#define ROWS 25

static unsigned char vga[SCREEN_VGA_BYTES];
static unsigned char ppm[SCREEN_PPM_MAX];

static void
put(int row, int col, const char *text)
{
	for (int i = 0; text[i] != '\0'; i++)
		vga[(row * SCREEN_COLS + col + i) * 2] = (unsigned char)text[i];
}

static void
clear(void)
{
	for (int i = 0; i < SCREEN_VGA_BYTES; i += 2) {
		vga[i] = ' ';
		vga[i + 1] = 7;
	}
}

/* A font of its own: the bits of a number that each character has. */
static bool
dot(unsigned char c, int x, int y)
{
	unsigned long long bits = (c * 0x9e3779b97f4a7c15ULL) >> 8;

	return c != ' ' && c != 0 && x > 0 && x < 8 && y > 1 && y < 14 &&
	    (bits >> ((x + y * 3) % 48) & 1);
}

/* What QEMU would draw of the screen that begins at row from. */
static size_t
draw(int from)
{
	size_t n = (size_t)sprintf((char *)ppm, "P6\n%d %d\n255\n", W, H);

	for (int y = 0; y < H; y++)
		for (int x = 0; x < W; x++) {
			int cell = (from + y / 16) * SCREEN_COLS + x / 9;
			bool on = dot(vga[cell * 2], x % 9, y % 16);

			memset(ppm + n, on ? 0xaa : 0, 3);
			n += 3;
		}
	return n;
}

Test(host_screen, the_text_is_found_where_the_picture_says_that_it_is)
{
	struct screen s;

	clear();
	put(0, 0, "what was shown an hour ago");
	put(60, 0, "Kernel panic - not syncing: Fatal exception");
	put(84, 5, "the last line of it");
	cr_assert_eq(screen_read(vga, ppm, draw(60), &s), 0);
	cr_assert_eq(s.rows, ROWS);
	cr_assert(strncmp(s.line[0], "Kernel panic - not", 18) == 0, "%s", s.line[0]);
	cr_assert(strncmp(s.line[24], "     the last line", 18) == 0, "%s", s.line[24]);
	cr_assert_eq(s.above, 60);
	cr_assert(strncmp(s.above_line[0], "what was shown", 14) == 0);
	cr_assert_eq(screen_read(vga, ppm, draw(0), &s), 0);
	cr_assert_eq(s.above, 0);
	cr_assert(strncmp(s.line[0], "what was shown", 14) == 0, "%s", s.line[0]);
}

Test(host_screen, a_picture_that_fits_no_text_is_graphics)
{
	struct screen s;
	size_t n;

	clear();
	put(3, 0, "text that nobody sees");
	n = draw(0);
	srand(7);
	for (size_t i = 20; i < n; i++)
		ppm[i] = (unsigned char)rand();
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
}

Test(host_screen, a_cursor_does_not_make_it_graphics)
{
	struct screen s;
	size_t n;

	clear();
	put(0, 0, "devvm login: ");
	n = draw(0);
	for (int y = 13; y < 15; y++)
		memset(ppm + n - (size_t)W * H * 3 + (size_t)(y * W + 13 * 9) * 3, 0xaa,
		    9 * 3);
	cr_assert_eq(screen_read(vga, ppm, n, &s), 0);
	cr_assert_eq(screen_says(&s), SCREEN_SAYS_LOGIN);
}

/* "Guest has not initialized the display (yet)." of a card that has no text memory. */
Test(host_screen, a_few_words_over_an_empty_memory_are_graphics)
{
	struct screen s;
	size_t n;

	clear();
	put(12, 20, "a sentence of QEMU's own");
	n = draw(0);
	clear();
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
	memset(vga, 0xff, sizeof(vga));
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
	n = draw(0);
	memset(ppm + 15, 0, n - 15);
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
}

Test(host_screen, an_empty_screen_is_blank)
{
	struct screen s;

	clear();
	cr_assert_eq(screen_read(vga, ppm, draw(0), &s), 0);
	cr_assert_eq(screen_says(&s), SCREEN_SAYS_BLANK);
}

Test(host_screen, a_picture_that_is_cut_or_none_is_refused)
{
	struct screen s;
	size_t n;

	clear();
	n = draw(0);
	cr_assert_eq(screen_read(vga, ppm, n - 1, &s), -1);
	cr_assert_eq(screen_read(vga, ppm, 8, &s), -1);
	cr_assert_eq(screen_read(vga, ppm, 0, &s), -1);
	memcpy(ppm, "P6\n99999 9", 10);
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
	memcpy(ppm, "P6\n-72 400", 10);
	cr_assert_eq(screen_read(vga, ppm, n, &s), -1);
}

static enum screen_says
says(const char *first, const char *second)
{
	struct screen s = {.rows = 2};

	snprintf(s.line[0], sizeof(s.line[0]), "%-80s", first);
	snprintf(s.line[1], sizeof(s.line[1]), "%-80s", second);
	return screen_says(&s);
}

Test(host_screen, says_what_it_shows)
{
	char row[SCREEN_COLS + 1];

	cr_assert_eq(
	    says("[   12.3] Kernel panic - not syncing: Attempted to kill init!", ""),
	    SCREEN_SAYS_PANIC);
	/* a long line goes on in the next row */
	memset(row, 'x', sizeof(row));
	strcpy(row + SCREEN_COLS - 11, "Kernel pani");
	cr_assert_eq(
	    says(row, "c - not syncing: hung_task: blocked tasks"), SCREEN_SAYS_PANIC);
	cr_assert_eq(says("Out of memory: Killed process 412 (java)", "devvm login:"),
	    SCREEN_SAYS_OOM);
	cr_assert_eq(says("You are in emergency mode. After logging in, type", ""),
	    SCREEN_SAYS_EMERGENCY);
	cr_assert_eq(says("(initramfs) ", ""), SCREEN_SAYS_EMERGENCY);
	cr_assert_eq(
	    says("Ubuntu 24.04 LTS devvm tty1", "devvm login:"), SCREEN_SAYS_LOGIN);
	cr_assert_eq(says("last login: never", "$ ls"), SCREEN_SAYS_NOTHING);
	cr_assert_eq(says("", ""), SCREEN_SAYS_BLANK);
}

Test(host_screen, every_byte_becomes_one_printable_character)
{
	for (int c = 0; c < 256; c++) {
		char a = screen_ascii((unsigned char)c);

		cr_assert(a >= 0x20 && a < 0x7f, "%d", c);
		if (c >= 0x20 && c < 0x7f)
			cr_assert_eq(a, c);
	}
	cr_assert_eq(screen_ascii(0xc4), '-');
	cr_assert_eq(screen_ascii(0xb3), '|');
	cr_assert_eq(screen_ascii(0x84), 'a');
}

Test(host_screen, the_size_of_a_png_is_read_and_nothing_else_is_one)
{
	unsigned char png[33] =
	    "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\xd0\0\0\x01\x90\x08\x02";
	int w = 0, h = 0;

	cr_assert_eq(screen_png_size(png, sizeof(png), &w, &h), 0);
	cr_assert(w == 720 && h == 400);
	cr_assert(screen_may_be_text(w, h));
	cr_assert_not(screen_may_be_text(1280, 800));
	cr_assert_eq(screen_png_size(png, 32, &w, &h), -1);
	png[16] = 0xff;
	cr_assert_eq(screen_png_size(png, sizeof(png), &w, &h), -1);
	png[1] = 'p';
	cr_assert_eq(screen_png_size(png, sizeof(png), &w, &h), -1);
}
