/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * view_who.h: who is here and who drives, as words: in the top line, as the bar of one
 * who lost the baton, and as the page behind /who.
 */
#ifndef CONSOLE_VIEW_WHO_H
#define CONSOLE_VIEW_WHO_H

#include "console/view/layout.h"
#include "console/draw/lines.h"

/* "ann drives, ben watches", in less than 100 columns "ann* ben"; "": nobody else is
 * here. */
void view_who_long(const struct screen *s, int cols, char *out, size_t size);
void view_who_short(const struct screen *s, char *out, size_t size); /* "ann* +1" */

/* "ann drives since 03:12:07 UTC"; for who is not driving. */
void view_who_driver(const struct incident *in, char *out, size_t size);

/* Somebody took over from us: what to press; false: nobody did. */
bool view_who_lost(const struct screen *s, char *out, size_t size);

/* Everybody, wrapped to the width of lines. */
void view_who_render(struct lines *l, const struct incident *in);
void view_who_draw(
    struct canvas *c, struct rect r, const struct incident *in, struct page_at *at);

#endif
