/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_banner.h: what must not be overlooked, below the top line.
 *
 * The most urgent come first.  A banner begins with what is wrong and what to press;
 * what does not fit is on the page behind /verdict.
 */
#ifndef CONSOLE_VIEW_BANNER_H
#define CONSOLE_VIEW_BANNER_H

#include "console/layout.h"

#define BANNERS_MAX 12

struct banner {
	uint32_t look;
	bool brief; /* one line is enough: it stays for hours */
	char text[768];
	char tight[96]; /* instead, where the text does not fit; "" : the text is cut */
};

/* Fills all, at most BANNERS_MAX; returns how many. */
int view_banner_list(const struct screen *s, struct banner *all);

/* Draws at most r.rows lines of banners; returns how many lines it took. */
int view_banner_draw(const struct screen *s, struct canvas *c, struct rect r);

#endif
