/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The letters of browse mode that are actions of others: on the run under the cursor,
 * on the message under it, on the panes.
 */
#include "console/action_chat.h"
#include "console/action_run.h"
#include "console/browse_int.h"

/* Keys that act on what the cursor stands on; the cursor goes along. */
static bool
on_item(struct action_context *a, int key)
{
	struct screen *s = a->screen;
	struct scroll_source src;
	struct scroll *w = browse_held(s, &src);
	struct scroll_pos at;

	if (!w || s->page != PAGE_NONE)
		return false;
	at = w->cur.pos;
	if (s->focus == FOCUS_CHAT ? !action_chat_key(a, key, &at)
				   : !action_run_key(a, key, &at))
		return false;
	w = browse_held(s, &src);
	if (w && (at.unit != w->cur.pos.unit || at.part != w->cur.pos.part))
		scroll_cursor_to(w, &src, (struct scroll_at){.pos = at});
	return true;
}

bool
browse_letter(struct action_context *a, const struct input *in)
{
	if (in->kind == INPUT_ENTER)
		return on_item(a, '\r');
	if (in->kind != INPUT_CHAR || in->text[1])
		return false;
	switch (in->text[0]) {
	case '?':
		action_run(a, ACTION_HELP, "");
		return true;
	case 'z':
		action_run(a, ACTION_ZOOM, "");
		return true;
	default:
		return on_item(a, in->text[0]);
	}
}
