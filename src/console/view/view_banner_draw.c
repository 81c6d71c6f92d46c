/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_banner_draw.c: the banners below the status, and the page with all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/draw/lines.h"
#include "console/view/view_banner.h"
#include "console/view/view_page.h"

#define ROWS_MOST 2 /* of one banner, where there is room for all of them */
#define TINY_COLS 30
#define SMALL_COLS 60 /* below, the count alone of what is not shown */
#define HEAD_MAX 40   /* bytes of "devvm down:" */

/* A row of its own ground is of one look; else its first words alone stand out. */
static bool
is_bar(const struct banner *n)
{
	return n->look == LOOK_NOTICE;
}

static void
put(struct lines *l, uint32_t look, const char *text, size_t len, bool cut)
{
	char *copy = mem_dupn(text, len);

	if (cut)
		lines_cut(l, look, copy);
	else
		lines_str(l, look, copy);
	free(copy);
}

static void
put_text(struct lines *l, const struct banner *n, const char *text, bool cut)
{
	uint32_t rest = is_bar(n) ? n->look : LOOK_PLAIN;
	const char *colon = strchr(text, ':'), *key;
	size_t head = colon && colon - text < HEAD_MAX ? (size_t)(colon - text) + 1 : 0;

	if (head == 0)
		rest = n->look;
	put(l, n->look, text, head, cut);
	text += head;
	key = n->key[0] ? strstr(text, n->key) : NULL;
	if (key) {
		put(l, rest, text, (size_t)(key - text), cut);
		put(l, LOOK_DANGER, key, strlen(n->key), cut);
		text = key + strlen(n->key);
	}
	put(l, rest, text, strlen(text), cut);
}

/* In at most so many rows; what does not fit ends with "…". */
static void
render(struct lines *l, const struct banner *n, int cols, int most)
{
	lines_init(l, cols);
	snprintf(l->indent, sizeof l->indent, "  ");
	put_text(l, n, n->text, false);
	if ((int)l->count <= most)
		return;
	lines_fini(l);
	lines_init(l, cols);
	snprintf(l->indent, sizeof l->indent, "  ");
	put_text(l, n,
	    cols < TINY_COLS && n->tiny[0] ? n->tiny
		: n->tight[0]		   ? n->tight
					   : n->text,
	    most == 1);
}

static int
draw_one(const struct banner *n, struct canvas *c, struct rect r, int most, int room)
{
	struct lines l;
	int row = 0;

	render(&l, n, room, most);
	for (; row < (int)l.count && row < most; row++) {
		struct rect line = {r.row + row, r.col, 1, r.cols};

		canvas_fill(c, line, is_bar(n) ? n->look : LOOK_PLAIN);
		lines_draw(&l, (size_t)row, c, line, 0);
	}
	if ((int)l.count > row && row > 0) {
		int end = l.line[row - 1].cols + 1;

		canvas_text(c, r, row - 1, end < room ? end : room - 1,
		    is_bar(n) ? n->look : LOOK_PLAIN, "…");
	}
	lines_fini(&l);
	return row;
}

int
view_banner_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	struct banner *all = mem_alloc(BANNERS_MAX * sizeof *all);
	int count = view_banner_list(s, all), rows = 0, spare = r.rows - count;
	char more[40] = "";

	if (spare < 0)
		snprintf(more, sizeof more,
		    r.cols < SMALL_COLS ? " +%d" : " +%d more: /banners", -spare);
	for (int i = 0; i < count && rows < r.rows; i++) {
		struct rect left = {r.row + rows, r.col, r.rows - rows, r.cols};
		bool last = rows == r.rows - 1 && r.cols >= TINY_COLS;
		int room = r.cols - (last ? (int)strlen(more) : 0), took;

		took = draw_one(
		    &all[i], c, left, spare > 0 && !all[i].brief ? ROWS_MOST : 1, room);
		if (took > 1)
			spare--;
		rows += took;
		if (last)
			canvas_text(c, left, 0, room,
			    is_bar(&all[i]) ? all[i].look : LOOK_QUIET, more);
	}
	free(all);
	return rows;
}

void
view_banner_page(struct screen *s, struct canvas *c, struct rect r)
{
	struct banner *all = mem_alloc(BANNERS_MAX * sizeof *all);
	int count = view_banner_list(s, all);
	struct lines l;

	lines_init(&l, view_page_cols(r));
	snprintf(l.indent, sizeof l.indent, "  ");
	for (int i = 0; i < count; i++) {
		if (i > 0)
			lines_break(&l);
		put_text(&l, &all[i], all[i].text, false);
		lines_break(&l);
	}
	if (count == 0)
		lines_str(&l, LOOK_PLAIN, "Nothing: no banner is up.");
	view_page_draw(c, r, "banners, the most urgent first", &l, &s->page_at);
	lines_fini(&l);
	free(all);
}
