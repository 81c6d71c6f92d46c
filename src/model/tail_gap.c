/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tail_gap.c: bytes that were skipped are put where they belong.
 *
 *   line, line, gap [from .......... to), line
 *                    |piece->      <-piece|
 *
 * A piece holds the beginning or the end of its gap.  A line is not torn at a piece's
 * seam: what stands before its first newline, or behind its last one, stays in the gap,
 * and so do lines that there is no room for now: none is lost on its way.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/tail_int.h"

#define PIECE_LINES_MAX \
	(TAIL_RUN_LINES_MAX / 2) /* marks may make more of them than came */

struct tail_gap *
tail_gap_at(const struct tail_run *r, uint64_t place)
{
	const struct tail_line *l = tail_line(r, tail_index(r, place));

	return l && l->at == place ? l->gap : NULL;
}

static size_t
lines_max(const struct tail_run *r)
{
	return r->ended ? TAIL_FILLED_LINES_MAX : TAIL_RUN_LINES_MAX;
}

bool
tail_has_room(const struct tail *t, const struct tail_run *r)
{
	size_t bytes = r->ended ? TAIL_FILLED_BYTES_MAX : TAIL_RUN_BYTES_MAX;

	return r->bytes < bytes / 8 * 7 && r->count < lines_max(r) / 8 * 7;
}

/* Of how many lines: more than none, where the run has room. */
static size_t
room(const struct tail_run *r)
{
	size_t left = lines_max(r) - r->count;

	return left < PIECE_LINES_MAX ? left : PIECE_LINES_MAX;
}

/* The part of data that is taken: *from bytes are left out in front, *to is its end. */
static void
whole_lines(const struct tail_gap *g, int64_t off, const char *data, size_t len,
    size_t *from, size_t *to)
{
	const char *lf;

	*from = off < g->from ? (size_t)(g->from - off) : 0;
	*to = off + (int64_t)len > g->to ? (size_t)(g->to - off) : len;
	if (off > g->from) {
		lf = memchr(data + *from, '\n', *to - *from);
		if (lf && (size_t)(lf + 1 - data) < *to)
			*from = (size_t)(lf + 1 - data);
	} else if (off + (int64_t)len < g->to) {
		lf = memrchr(data + *from, '\n', *to - *from);
		if (lf)
			*to = (size_t)(lf + 1 - data);
	}
}

static void
first_lines(const char *data, size_t most, size_t from, size_t *to)
{
	const char *lf;

	for (; most > 0; most--) {
		lf = memchr(data + from, '\n', *to - from);
		if (!lf)
			return;
		from = (size_t)(lf + 1 - data);
	}
	*to = from;
}

static void
last_lines(const char *data, size_t most, size_t *from, size_t to)
{
	const char *lf;

	if (to > *from && data[to - 1] == '\n')
		to--; /* it ends the last line and begins none */
	for (; most > 0; most--) {
		lf = memrchr(data + *from, '\n', to - *from);
		if (!lf)
			return;
		to = (size_t)(lf - data);
	}
	*from = to + 1;
}

/* The lines of a run of its own, for a while. */
static struct tail_run *
read_lines(
    const struct tail_run *r, int stream, int64_t off, const char *data, size_t len)
{
	struct tail_run *piece = mem_alloc(sizeof *piece);
	struct tail t;

	tail_init(&t);
	memcpy(piece->verb, r->verb, sizeof piece->verb);
	piece->open = -1;
	tail_feed(&t, piece, stream, off, data, len);
	tail_feed_end(&t, piece, stream);
	return piece;
}

/* Opens room for n lines before line i. */
static void
make_room(struct tail_run *r, size_t i, size_t n)
{
	size_t size = r->size;

	while (size < r->count + n)
		size = size ? size * 2 : 16;
	tail_resize(r, size);
	memmove(&r->lines[i + n], &r->lines[i], (r->count - i) * sizeof r->lines[0]);
	r->count += n;
}

/* The lines get the places from place on; piece has none of them any more. */
static void
move_lines(
    struct tail *t, struct tail_run *r, size_t i, struct tail_run *piece, uint64_t place)
{
	for (size_t k = 0; k < piece->count; k++) {
		struct tail_line *l = &r->lines[i + k];

		*l = piece->lines[(piece->head + k) % piece->size];
		l->at = place + k;
		r->bytes += tail_line_cost(l);
		t->bytes += tail_line_cost(l);
	}
	r->newlines += piece->newlines;
	piece->count = 0;
}

static void
drop_gap(struct tail *t, struct tail_run *r, size_t i)
{
	size_t cost = tail_line_cost(&r->lines[i]);

	tail_line_free(&r->lines[i]);
	r->bytes -= cost;
	t->bytes -= cost;
	r->gaps--;
	r->count--;
	memmove(&r->lines[i], &r->lines[i + 1], (r->count - i) * sizeof r->lines[0]);
}

bool
tail_fill(struct tail *t, struct tail_run *r, uint64_t place, int64_t off,
    const char *data, size_t len)
{
	struct tail_gap *g = tail_gap_at(r, place);
	size_t i = tail_index(r, place), from, to;
	bool at_end;
	struct tail_run *piece;
	struct tail_line *gap;
	uint64_t end;

	if (!g || off >= g->to || off + (int64_t)len <= g->from || !tail_has_room(t, r))
		return false;
	at_end = off > g->from;
	if (at_end && off + (int64_t)len < g->to)
		return false;
	end = place + 1 + (uint64_t)(g->to - g->from);
	whole_lines(g, off, data, len, &from, &to);
	if (at_end)
		last_lines(data, room(r), &from, to);
	else
		first_lines(data, room(r), from, &to);
	piece = read_lines(
	    r, tail_line(r, i)->stream, off + (int64_t)from, data + from, to - from);
	make_room(r, i + at_end, piece->count);
	gap = &r->lines[at_end ? i : i + piece->count];
	if (at_end)
		g->to = off + (int64_t)from;
	else
		g->from = off + (int64_t)to;
	i += at_end;
	if (at_end) {
		move_lines(t, r, i, piece, end - piece->count);
	} else {
		gap->at = place + piece->count;
		move_lines(t, r, i, piece, place);
	}
	if (g->from >= g->to)
		drop_gap(t, r, (size_t)(gap - r->lines));
	tail_run_free(piece);
	tail_keep_bounds(t, r);
	return true;
}

/* A gap before all lines. */
static void
put_in_front(struct tail *t, struct tail_run *r, int stream)
{
	int64_t bytes = r->front[stream];
	uint64_t first = r->count > 0 ? tail_line(r, 0)->at : r->next_place;
	struct tail_line *l;

	make_room(r, 0, 1);
	l = &r->lines[0];
	memset(l, 0, sizeof *l);
	l->at = first - (uint64_t)bytes - 1;
	l->stream = (uint8_t)stream;
	l->kind = TAIL_GAP;
	l->gap = mem_alloc(sizeof *l->gap);
	*l->gap = (struct tail_gap){.from = 0, .to = bytes};
	r->gaps++;
	r->bytes += tail_line_cost(l);
	t->bytes += tail_line_cost(l);
	r->front[stream] = 0;
}

bool
tail_open_front(struct tail *t, struct tail_run *r)
{
	if (!r->ended || r->front[TAIL_OUT] + r->front[TAIL_ERR] == 0 ||
	    !tail_has_room(t, r))
		return false;
	for (int s = TAIL_STREAMS; s-- > 0;)
		if (r->front[s] > 0)
			put_in_front(t, r, s);
	return true;
}
