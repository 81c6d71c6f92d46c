/* SPDX-License-Identifier: GPL-3.0-or-later */
/* view_chat_use.c: an item of the chat as something to open, to go to and to copy. */
#include <stdio.h>
#include <string.h>

#include "console/view/view_chat_int.h"

static const struct item *
item_at(const struct model *m, struct scroll_pos pos)
{
	const struct item *it =
	    transcript_at(&m->chat, transcript_find(&m->chat, pos.unit));

	return it && it->serial == pos.unit ? it : NULL;
}

const char *
view_chat_run(const struct model *m, struct scroll_pos pos)
{
	const struct item *it = item_at(m, pos);

	return it && it->kind == ITEM_TOOL && it->id[0] ? it->id : NULL;
}

static bool
is_failure(const struct item *it)
{
	return it->kind == ITEM_ERROR ||
	    (it->tone == TONE_BAD &&
		(it->kind == ITEM_TOOL || it->kind == ITEM_VERB ||
		    it->kind == ITEM_PROOF));
}

bool
view_chat_failure(const struct model *m, int dir, struct scroll_pos *pos)
{
	const struct transcript *t = &m->chat;
	size_t i = transcript_find(t, pos->unit);

	while (dir < 0 ? i-- > 0 : ++i < t->count) {
		const struct item *it = transcript_at(t, i);

		if (!is_failure(it))
			continue;
		*pos = (struct scroll_pos){it->serial, 0};
		return true;
	}
	return false;
}

static void
name_item(const struct item *it, char *what, size_t size)
{
	static const char *const names[ITEM_KINDS] = {"prompt", "answer", "thought",
	    "line of a run", "verb", "verdict", "verdict", "proof", "note", "error",
	    "result", "line", "", "line"};

	if (it->kind == ITEM_PROMPT && it->by[0])
		snprintf(what, size, "prompt of %s", it->by);
	else
		snprintf(what, size, "%s", names[it->kind]);
}

/* The code block that line is in, else all of the item but the air around it. */
bool
view_chat_copy_range(
    struct view_chat *v, struct scroll_pos pos, size_t line, struct scroll_range *range)
{
	const struct item *it = item_at(v->model, pos);
	const struct lines *l = it ? view_chat_lines(v, v->model, it) : NULL;
	size_t from = 0, to;

	if (!l || l->count == 0)
		return false;
	to = l->count - 1;
	if (line < l->count && l->line[line].code > 0) {
		for (from = to = line;
		     from > 0 && l->line[from - 1].code == l->line[line].code;)
			from--;
		while (to + 1 < l->count && l->line[to + 1].code == l->line[line].code)
			to++;
		snprintf(range->what, sizeof range->what, "code");
	} else {
		while (from < to && l->line[from].len == 0)
			from++;
		while (to > from && l->line[to].len == 0)
			to--;
		name_item(it, range->what, sizeof range->what);
	}
	range->from = (struct scroll_at){pos, from, 0, 0};
	range->to = (struct scroll_at){pos, to, 0, 0};
	return true;
}
