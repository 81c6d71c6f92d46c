/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tail_lines.c: the ring of a run's lines, and what has to go for want of room. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/tail_int.h"

size_t
tail_line_cost(const struct tail_line *l)
{
	return sizeof *l + l->len + l->spans * sizeof l->span[0] +
	    (l->gap ? sizeof *l->gap : 0);
}

void
tail_line_free(struct tail_line *l)
{
	free(l->text);
	free(l->span);
	free(l->gap);
}

static void
drop_line(struct tail *t, struct tail_run *r)
{
	struct tail_line *l = &r->lines[r->head];
	size_t cost = tail_line_cost(l);

	if (t->dropped)
		t->dropped(t->arg, r, l);
	r->gaps -= l->gap != NULL;
	if (r->front[l->stream] < (l->gap ? l->gap->to : l->end))
		r->front[l->stream] = l->gap ? l->gap->to : l->end;
	tail_line_free(l);
	r->bytes -= cost;
	t->bytes -= cost;
	r->head = (r->head + 1) % r->size;
	r->count--;
	r->gone++;
}

void
tail_run_free(struct tail_run *r)
{
	for (size_t i = 0; i < r->count; i++)
		tail_line_free(&r->lines[(r->head + i) % r->size]);
	free(r->lines);
	free(r->command);
	free(r);
}

size_t
tail_index(const struct tail_run *r, uint64_t place)
{
	size_t low = 0, high = r->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (tail_line(r, mid)->at < place)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

const struct tail_line *
tail_line(const struct tail_run *r, size_t i)
{
	return i < r->count ? &r->lines[(r->head + i) % r->size] : NULL;
}

/* Makes room: the oldest run that has ended and still has lines gives them first. */
void
tail_keep_bounds(struct tail *t, struct tail_run *r)
{
	size_t bytes = r->ended ? TAIL_FILLED_BYTES_MAX : TAIL_RUN_BYTES_MAX;
	size_t lines = r->ended ? TAIL_FILLED_LINES_MAX : TAIL_RUN_LINES_MAX;

	while (r->count > 1 && (r->bytes > bytes || r->count > lines))
		drop_line(t, r);
	while (t->bytes > TAIL_BYTES_MAX) {
		struct tail_run *victim = NULL;

		for (size_t i = 0; i < t->count && !victim; i++)
			if (t->runs[i] != r && t->runs[i]->ended && t->runs[i]->count > 0)
				victim = t->runs[i];
		for (size_t i = 0; i < t->count && !victim; i++)
			if (t->runs[i]->count > 1)
				victim = t->runs[i];
		if (!victim)
			return;
		drop_line(t, victim);
	}
}

void
tail_resize(struct tail_run *r, size_t size)
{
	struct tail_line *lines = mem_alloc(size * sizeof *lines);

	for (size_t i = 0; i < r->count; i++)
		lines[i] = r->lines[(r->head + i) % r->size];
	free(r->lines);
	r->lines = lines;
	r->size = size;
	r->head = 0;
}

struct tail_line *
tail_new_line(struct tail *t, struct tail_run *r, int stream)
{
	struct tail_line *l;

	if (r->count == r->size)
		tail_resize(r, r->size ? r->size * 2 : 16);
	l = &r->lines[(r->head + r->count) % r->size];
	memset(l, 0, sizeof *l);
	l->stream = (uint8_t)stream;
	l->at = r->next_place++;
	r->count++;
	r->bytes += tail_line_cost(l);
	t->bytes += tail_line_cost(l);
	tail_keep_bounds(t, r);
	return &r->lines[(r->head + r->count - 1) % r->size];
}

/* A line that is plain to its end needs none: most are. */
static void
add_span(struct tail_line *l, uint32_t style, size_t len)
{
	size_t plain = l->spans == 0 ? l->len - len : 0;

	if (l->spans == 0 && style == 0)
		return;
	if (l->spans > 0 && l->span[l->spans - 1].style == style) {
		l->span[l->spans - 1].len = (uint16_t)(l->span[l->spans - 1].len + len);
		return;
	}
	l->span = mem_resize(l->span, (l->spans + 2u) * sizeof l->span[0]);
	if (plain > 0)
		l->span[l->spans++] = (struct tail_span){0, (uint16_t)plain};
	l->span[l->spans++] = (struct tail_span){style, (uint16_t)len};
}

void
tail_add_text(struct tail *t, struct tail_run *r, struct tail_line *l, const char *text,
    size_t len, uint32_t style)
{
	size_t before = tail_line_cost(l);

	l->text = mem_resize(l->text, l->len + len);
	memcpy(l->text + l->len, text, len);
	l->len = (uint16_t)(l->len + len);
	add_span(l, style, len);
	r->bytes += tail_line_cost(l) - before;
	t->bytes += tail_line_cost(l) - before;
}

void
tail_clear_line(struct tail *t, struct tail_run *r, struct tail_line *l)
{
	size_t before = tail_line_cost(l);

	l->len = l->spans = 0;
	r->bytes -= before - tail_line_cost(l);
	t->bytes -= before - tail_line_cost(l);
}

struct tail_line *
tail_last_line(const struct tail_run *r)
{
	return &r->lines[(r->head + r->count - 1) % r->size];
}

void
tail_drop_last(struct tail *t, struct tail_run *r)
{
	struct tail_line *l = tail_last_line(r);
	size_t cost = tail_line_cost(l);

	r->next_place = l->at;
	tail_line_free(l);
	r->bytes -= cost;
	t->bytes -= cost;
	r->count--;
}
