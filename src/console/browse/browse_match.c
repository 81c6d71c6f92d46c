/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The matches of a unit.  Its rows are put together to the whole lines that they were
 * wrapped from; the last one may go on in the next unit.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/browse/browse_find.h"

#define OVERLAP_MAX (TEXT_FIND_MAX * 4) /* bytes of the next unit that can matter */

struct joined {
	char *text;
	size_t len, size;
};

static void
add(struct joined *j, const char *text, size_t len)
{
	if (len == 0)
		return;
	if (j->len + len > j->size) {
		j->size = (j->len + len) * 2;
		j->text = mem_resize(j->text, j->size);
	}
	memcpy(j->text + j->len, text, len);
	j->len += len;
}

static void
add_row(struct joined *j, const struct lines_line *n)
{
	size_t lead = n->lead < n->len ? n->lead : n->len;

	for (int i = 0; n->cont && i < n->blanks; i++)
		add(j, " ", 1);
	if (n->len > lead)
		add(j, n->text + lead, n->len - lead);
}

/* The begin of the next unit, when it goes on with this one. */
static void
add_next(struct joined *j, const struct scroll_source *src, struct scroll_pos pos)
{
	size_t had = j->len;
	const struct lines *l;

	if (!src->step(src->arg, &pos, 1))
		return;
	l = src->lines(src->arg, pos);
	for (size_t i = 0; i < l->count && l->line[i].cont; i++) {
		if (j->len - had >= OVERLAP_MAX)
			break;
		add_row(j, &l->line[i]);
	}
}

/* own: bytes in which a match may begin; false: it was stopped. */
static bool
search(const struct joined *j, size_t own, uint32_t whole, const struct text_find *what,
    browse_match_fn *fn, void *arg)
{
	size_t at = 0, end = 0;

	while ((at = text_find_next(what, j->text, j->len, at, &end)) < own) {
		if (!fn(arg, whole, (uint32_t)at, (uint32_t)(end - at)))
			return false;
		at = end;
	}
	return true;
}

void
browse_matches(const struct scroll_source *src, struct scroll_pos pos,
    const struct text_find *what, browse_match_fn *fn, void *arg)
{
	const struct lines *l;
	struct joined j = {NULL, 0, 0};
	uint32_t whole = 0;
	size_t own, i = 0;

	if (what->count == 0 || (src->may_hold && !src->may_hold(src->arg, pos, what)))
		return;
	l = src->lines(src->arg, pos);
	while (i < l->count) {
		bool last;

		j.len = 0;
		do
			add_row(&j, &l->line[i++]);
		while (i < l->count && l->line[i].cont);
		own = j.len;
		last = i >= l->count;
		if (last) /* l is gone with this */
			add_next(&j, src, pos);
		if (!search(&j, own, whole++, what, fn, arg) || last)
			break;
	}
	free(j.text);
}
