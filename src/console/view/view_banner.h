/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_banner.h: what must not be overlooked, below the top line.
 *
 * The most urgent come first, a line each, or two where there is room for all.  A banner
 * begins with what is wrong and what to press; all of all of them is on the page behind
 * /banners, which the last line names where not all are shown.
 */
#ifndef CONSOLE_VIEW_BANNER_H
#define CONSOLE_VIEW_BANNER_H

#include "console/view/layout.h"

#define BANNERS_MAX 12

struct banner {
	uint32_t look;
	bool brief; /* one line is enough: it stays for hours */
	char text[768];
	char key[40];	/* the part of it that is a power action, or "" */
	char tight[96]; /* instead, where the text does not fit; "" : the text is cut */
	char tiny[24];	/* instead, on 20 columns, or "" */
};

/* Fills all, at most BANNERS_MAX; returns how many. */
int view_banner_list(const struct screen *s, struct banner *all);

/* view_banner_draw.c: at most r.rows lines of banners; returns how many it took. */
int view_banner_draw(const struct screen *s, struct canvas *c, struct rect r);

/* The page with all of them. */
void view_banner_page(struct screen *s, struct canvas *c, struct rect r);

#endif
