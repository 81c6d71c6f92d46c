/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * paint.h: a canvas as a PNG: the door of FreeType and libpng.
 *
 * Each cell is drawn by itself on a grid, as a terminal does it, in DejaVu Sans Mono
 * at 20 pixels, colours as xterm has them.  Same canvas, same fonts: same file.
 */
#ifndef PICTURE_PAINT_H
#define PICTURE_PAINT_H

#include "base/err.h"
#include "console/draw/canvas.h"

struct paint_colours {
	unsigned char ink[3], paper[3]; /* of text without a colour of its own */
};

/*
 * Writes c to path, with the theme that is on (theme.h).  fonts: the folder of
 * DejaVuSansMono.ttf and its -Bold.  -1 with words: no font, a file that cannot be
 * written.
 */
int paint_png(const struct canvas *c, const struct paint_colours *colours,
    const char *fonts, const char *path, struct err *err);

#endif
