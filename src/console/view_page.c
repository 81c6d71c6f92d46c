/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_page.h"

#include <stdio.h>

static bool
is_framed(struct rect r)
{
	return r.rows >= 5 && r.cols >= 20;
}

int
view_page_cols(struct rect r)
{
	return is_framed(r) ? r.cols - 4 : r.cols;
}

void
view_page_draw(
    struct canvas *c, struct rect r, const char *title, const struct lines *l, int *top)
{
	struct rect in = {r.row + 1, r.col + 2, r.rows - 2, r.cols - 4};
	char name[96];
	int last;

	if (!is_framed(r))
		in = r;
	last = (int)l->count - in.rows;
	if (*top > last)
		*top = last;
	if (*top < 0)
		*top = 0;
	if (is_framed(r)) {
		snprintf(name, sizeof name, "%s - Esc closes%s", title,
		    last > 0 ? ", PgDn scrolls" : "");
		canvas_frame(c, r, LOOK_NAME, name);
	} else {
		canvas_fill(c, r, 0);
	}
	for (int i = 0; i < in.rows && *top + i < (int)l->count; i++)
		lines_draw(l, (size_t)(*top + i), c, in, i);
	c->cursor_row = -1;
}
