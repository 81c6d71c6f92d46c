/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * screen.h: the guest's screen as text, from VGA memory and a picture; pure.
 *
 * In text mode the characters stand in 32 KiB at 0xb8000, but which of them are
 * shown is in a register of the graphics chip (Linux scrolls by moving it), and
 * that register can only be read by writing another one under the guest's feet.
 * So it is not read: QEMU draws the picture, and the place in memory whose
 * characters fit the picture is the one that is shown.  A picture that fits
 * nowhere is not text at all, which also tells text from graphics.
 */
#ifndef HOST_SCREEN_H
#define HOST_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_VGA_AT 0xb8000
#define SCREEN_VGA_BYTES (32 * 1024)
#define SCREEN_COLS 80
#define SCREEN_ROWS_MAX 60
#define SCREEN_ABOVE_MAX 60	     /* rows that have scrolled out of sight */
#define SCREEN_PNG_MAX (256 * 1024)  /* bytes of a picture that is passed on */
#define SCREEN_PPM_MAX (1100 * 1024) /* bytes of a picture of a text screen */

/* screen_says of docs/host-protocol.md */
enum screen_says {
	SCREEN_SAYS_NOTHING, /* of what is looked for */
	SCREEN_SAYS_PANIC,
	SCREEN_SAYS_OOM,
	SCREEN_SAYS_EMERGENCY,
	SCREEN_SAYS_LOGIN,
	SCREEN_SAYS_BLANK,
	SCREEN_SAYS
};

struct screen {
	int rows;
	/* printable ASCII, not trimmed, each line NUL-terminated */
	char line[SCREEN_ROWS_MAX][SCREEN_COLS + 1];
	/*
	 * The same, of what stands above it in memory: as a rule what has scrolled
	 * out of sight, where the cause of a panic begins; it may be older.
	 */
	int above;
	char above_line[SCREEN_ABOVE_MAX][SCREEN_COLS + 1];
};

/* Width and height of a PNG; -1 when it is none. */
int screen_png_size(const unsigned char *png, size_t len, int *width, int *height);

/* Can a picture of this size be a text screen of 80 columns? */
bool screen_may_be_text(int width, int height);

/*
 * Finds what the picture (a binary PPM) shows in vga (SCREEN_VGA_BYTES of
 * character and attribute).  0 and s filled, or -1: it shows something else.
 */
int screen_read(
    const unsigned char *vga, const unsigned char *ppm, size_t ppm_len, struct screen *s);

enum screen_says screen_says(const struct screen *s);
const char *screen_says_to_str(enum screen_says says); /* "" for nothing */

/* One character of code page 437 as ASCII; what has no likeness is '?'. */
char screen_ascii(unsigned char c);

#endif
