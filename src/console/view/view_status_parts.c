/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_status_parts.h"

#include <string.h>

#define GAP 3	      /* " │ " */
#define SPARE_LEAST 6 /* cells that a cut text must win */

struct part *
parts_add(struct parts *p, int place, uint32_t look)
{
	struct part *n = &p->part[p->count];

	memset(n, 0, sizeof *n);
	n->look = look;
	n->place = p->by_rank ? p->count : place;
	n->padded = true;
	if (p->count < PARTS_MAX - 1)
		p->count++;
	return n;
}

static int
width(const struct part *n)
{
	const char *text = n->text[n->shorter];
	int cols = canvas_width(text, strlen(text));

	return n->padded && !n->shorter && cols < n->least ? n->least : cols;
}

static int
total(const struct parts *p)
{
	int cols = 0;

	for (int i = 0; i < p->count; i++)
		if (!p->part[i].gone)
			cols += width(&p->part[i]) + (cols > 0 ? GAP : 0);
	return cols;
}

/* Room to grow goes first, then words, then pieces; what the VM does goes last. */
static void
squeeze(struct parts *p, int cols)
{
	for (int i = p->count - 1; i >= 0 && total(p) > cols; i--)
		p->part[i].padded = false;
	for (int i = p->count - 1; i > 0 && total(p) > cols; i--)
		p->part[i].shorter = true;
	for (int i = p->count - 1; i >= p->essential && total(p) > cols; i--)
		p->part[i].gone = true;
	if (total(p) > cols)
		p->part[0].shorter = true;
	for (int i = p->count - 1; i > 0 && total(p) > cols; i--)
		p->part[i].gone = true;
}

/* What was taken too much is given back, to the first in rank first. */
static void
give_back(struct parts *p, int cols)
{
	for (int i = 0; i < p->count; i++) {
		p->part[i].shorter = p->part[i].shorter && !p->part[i].gone;
		if (!p->part[i].shorter)
			continue;
		p->part[i].shorter = false;
		p->part[i].shorter = total(p) > cols;
	}
	for (int i = 0; i < p->count; i++) {
		if (p->part[i].padded || p->part[i].gone)
			continue;
		p->part[i].padded = true;
		p->part[i].padded = total(p) <= cols;
	}
}

static const struct part *
next_place(const struct parts *p, int after)
{
	const struct part *next = NULL;

	for (int i = 0; i < p->count; i++) {
		const struct part *n = &p->part[i];

		if (n->gone || n->place <= after)
			continue;
		if (!next || n->place < next->place)
			next = n;
	}
	return next;
}

/* As much of the long text as the row still has room for, if that is more. */
static int
draw_cut(const struct part *n, struct canvas *c, struct rect r, int col, int spare)
{
	const char *shorter = n->text[1];
	int room = canvas_width(shorter, strlen(shorter)) + spare;
	struct rect in = {r.row, r.col, 1, col + room};

	canvas_text(c, in, 0, col, n->look, n->text[0]);
	return col + room;
}

void
parts_draw(struct parts *p, struct canvas *c, struct rect r)
{
	const struct part *n;
	int col = 0, place = -1, spare;

	squeeze(p, r.cols);
	give_back(p, r.cols);
	spare = r.cols - total(p);
	for (; (n = next_place(p, place)) != NULL; place = n->place) {
		if (col > 0)
			col = canvas_text(c, r, 0, col, LOOK_RULE, " │ ");
		if (n->elastic && n->shorter && spare >= SPARE_LEAST) {
			col = draw_cut(n, c, r, col, spare);
			spare = 0;
			continue;
		}
		canvas_text(c, r, 0, col, n->look, n->text[n->shorter]);
		col += width(n);
	}
}
