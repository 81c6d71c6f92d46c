/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transcript_older.c: older items in front of those that are kept. */
#include <stdlib.h>
#include <string.h>

#include "model/transcript_int.h"

static bool
is_same(const struct item *a, const struct item *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == ITEM_PROMPT)
		return a->turn == b->turn && a->turn > 0;
	if (a->kind == ITEM_TEXT || a->kind == ITEM_THINKING)
		return a->turn == b->turn && a->block == b->block;
	return (a->kind == ITEM_VERB || a->kind == ITEM_NOTE) && a->id[0] &&
	    strcmp(a->id, b->id) == 0;
}

static struct item *
same_in(const struct transcript *t, const struct item *it)
{
	for (size_t i = 0; i < t->count; i++)
		if (is_same(transcript_at(t, i), it))
			return transcript_at(t, i);
	return NULL;
}

/* The whole of it is in older: the stub keeps its place and is filled from there. */
static void
fill(struct transcript *t, struct item *stub, struct item *it)
{
	struct buf text = stub->text;

	t->bytes += it->text.len - text.len;
	stub->text = it->text;
	it->text = text;
	stub->kind = it->kind;
	stub->tone = it->tone;
	stub->final = it->final;
	stub->told = it->told;
	stub->stub = it->stub;
	memcpy(stub->by, it->by, sizeof stub->by);
	memcpy(stub->at, it->at, sizeof stub->at);
	memcpy(stub->head, it->head, sizeof stub->head);
	stub->version++;
	stub->rewritten++;
}

/* A climb that went on in the younger part is told there. */
static bool
is_outdated(const struct transcript *t, const struct item *it)
{
	if (it->kind != ITEM_PROOF || it->tone != TONE_BUSY)
		return false;
	for (size_t i = 0; i < t->count; i++)
		if (transcript_at(t, i)->kind == ITEM_PROOF)
			return true;
	return false;
}

static void
add_front(struct transcript *t, struct item *it)
{
	const struct item *oldest = transcript_at(t, 0);

	it->serial = oldest ? oldest->serial - 1 : t->next_serial - 1;
	t->first = (t->first + TRANSCRIPT_ITEMS_MAX - 1) % TRANSCRIPT_ITEMS_MAX;
	t->items[t->first] = it;
	t->count++;
	t->bytes += transcript_cost(it);
}

static bool
has_room(const struct transcript *t, const struct item *it)
{
	return t->count < TRANSCRIPT_ITEMS_MAX - 1 &&
	    t->bytes + transcript_cost(it) < TRANSCRIPT_BYTES_MAX;
}

void
transcript_prepend(struct transcript *t, struct transcript *older)
{
	struct item *first = transcript_at(t, 0);

	t->full |= older->dropped > 0;
	for (size_t i = older->count; i-- > 0;) {
		struct item *it = transcript_at(older, i), *same = same_in(t, it);

		if (same && same->stub && !same->lost)
			fill(t, same, it);
		else if (!same && !is_outdated(t, it))
			t->full |= !has_room(t, it);
		else
			same = it; /* what is here tells it */
		if (same || t->full)
			transcript_item_free(it);
		else
			add_front(t, it);
	}
	if (first)
		first->version++; /* something stands in front of it: it wants air */
	older->count = older->bytes = 0;
}
