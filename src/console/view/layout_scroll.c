/* SPDX-License-Identifier: GPL-3.0-or-later */
/* layout_scroll.c: moving in the pane that has the focus, and between the panes. */
#include "console/view/layout_int.h"
#include "console/view/progress.h"

int
layout_page(const struct screen *s)
{
	int rows = s->focus == FOCUS_CHAT ? s->chat.scroll.rows : s->tools.scroll.rows;

	return rows > 3 ? rows - 2 : 1;
}

void
layout_scroll(struct screen *s, int lines)
{
	if (s->page != PAGE_NONE)
		s->page_at.top += lines;
	else if (s->focus == FOCUS_CHAT)
		view_chat_scroll(&s->chat, &s->model, lines);
	else
		view_tools_scroll(&s->tools, &s->model, lines);
}

void
layout_to_end(struct screen *s)
{
	scroll_to_end(s->focus == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll);
}

void
layout_to_start(struct screen *s)
{
	scroll_to_start(s->focus == FOCUS_CHAT ? &s->chat.scroll : &s->tools.scroll);
}

bool
layout_is_ticking(const struct screen *s)
{
	const struct tail *t = &s->model.tools;

	if (s->shell_asked || s->model.asks.count > 0 || s->model.vm.slot.holder[0] ||
	    proof_is_climbing(&s->model.vm.proof) ||
	    progress_ticks(&s->model, model_now(&s->model, s->now)))
		return true;
	for (size_t i = 0; i < t->count; i++)
		if (!t->runs[i]->ended)
			return true;
	return false;
}
