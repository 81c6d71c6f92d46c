/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "doctor/terminal.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/mem.h"
#include "doctor/judge.h"

#define MAGIC_16 0432 /* numbers of two bytes */
#define MAGIC_32 01036
#define HEADER 12
#define MAX_COLORS 13  /* its place among the numbers */
#define CLEAR_SCREEN 5 /* among the strings */
#define CURSOR_ADDRESS 10

static int
short_at(const unsigned char *p)
{
	return (int16_t)(p[0] | p[1] << 8);
}

static bool
has_string(const unsigned char *strings, const unsigned char *end, int count, int which)
{
	const unsigned char *p = strings + 2 * which;

	return which < count && p + 2 <= end && short_at(p) >= 0;
}

int
terminal_entry(const unsigned char *entry, size_t len, bool *moves)
{
	const unsigned char *end = entry + len, *numbers, *strings;
	int magic, names, bools, n, count, wide, colours = 0;

	*moves = false;
	if (len < HEADER)
		return -1;
	magic = short_at(entry);
	names = short_at(entry + 2);
	bools = short_at(entry + 4);
	n = short_at(entry + 6);
	count = short_at(entry + 8);
	wide = magic == MAGIC_32 ? 4 : 2;
	if ((magic != MAGIC_16 && magic != MAGIC_32) || names < 0 || bools < 0 || n < 0 ||
	    count < 0)
		return -1;
	numbers = entry + HEADER + names + bools + (names + bools) % 2;
	strings = numbers + (size_t)n * (size_t)wide;
	if (numbers > end || strings > end)
		return -1;
	if (n > MAX_COLORS) {
		const unsigned char *p = numbers + (ptrdiff_t)MAX_COLORS * wide;

		colours = wide == 2 ? short_at(p)
				    : (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 |
					  (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
	}
	*moves = has_string(strings, end, count, CLEAR_SCREEN) &&
	    has_string(strings, end, count, CURSOR_ADDRESS);
	return colours > 0 ? colours : 0;
}

/* The places of Debian; a name with a slash is none. */
static bool
look_up(const char *term, struct terminal_facts *f)
{
	static const char *const places[] = {
	    "/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo"};

	if (!*term || strchr(term, '/') || strlen(term) > 64)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		char *path = mem_printf("%s/%c/%s", places[i], term[0], term);
		struct err err;
		size_t len = 0;
		char *text = fd_read_file(path, TERMINAL_ENTRY_MAX, &len, &err);
		int colours = -1;

		if (text)
			colours = terminal_entry((unsigned char *)text, len, &f->moves);
		free(text);
		free(path);
		if (colours >= 0) {
			f->colours = colours;
			return true;
		}
	}
	return false;
}

void
terminal_look(bool utf8, const char *locale, struct said *out)
{
	const char *term = getenv("TERM");
	struct terminal_facts f = {
	    .term = term ? term : "", .colours = -1, .utf8 = utf8, .locale = locale};
	struct winsize size;

	/* output may go to a pager or a file: then the keyboard's is the terminal */
	for (int fd = 0; fd < 3 && !f.cols; fd++) {
		f.is_tty = f.is_tty || isatty(fd);
		if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
			f.cols = size.ws_col;
			f.rows = size.ws_row;
		}
	}
	f.known = look_up(f.term, &f);
	judge_terminal(&f, out);
}
