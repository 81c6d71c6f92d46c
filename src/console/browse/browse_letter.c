/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The letters of browse mode that are actions of others: on the run under the cursor,
 * on the message under it, on the panes.
 */
#include "console/action/action_chat.h"
#include "console/action/action_run.h"
#include "console/browse/browse_int.h"

#define SPLIT_STEP 5 /* percent */

/* Where an action has moved the window, the cursor goes to its top. */
static void
follow_action(struct scroll *w, const struct scroll_source *src, struct scroll_pos at)
{
	w->held = true;
	w->cur = (struct scroll_at){.pos = at};
	scroll_settle(src, &w->cur);
}

static bool
is_same(struct scroll_pos a, struct scroll_pos b)
{
	return a.unit == b.unit && a.part == b.part;
}

/* Keys that act on what the cursor stands on; the cursor goes along. */
static bool
on_item(struct action_context *a, int key)
{
	struct screen *s = a->screen;
	struct scroll_source src;
	struct scroll *w = browse_held(s, &src), *was = w;
	struct scroll_pos at, top;

	if (!w || s->page != PAGE_NONE)
		return false;
	at = w->cur.pos;
	top = w->top;
	if (s->focus == FOCUS_CHAT ? !action_chat_key(a, key, &at)
				   : !action_run_key(a, key, &at))
		return false;
	w = browse_pane(s, &src);
	if (w != was)
		follow_action(w, &src, w->top);
	else if (!is_same(w->top, top))
		follow_action(w, &src, at);
	else if (!is_same(at, w->cur.pos))
		scroll_cursor_to(w, &src, (struct scroll_at){.pos = at});
	return true;
}

/* A selection is what is meant; else the item, which may know more than is shown. */
static bool
out(struct action_context *a, int key, enum action action)
{
	struct scroll_source src;
	struct scroll *w = browse_pane(a->screen, &src);

	if (!w->marked && on_item(a, key))
		return true;
	action_run(a, action, "");
	w = browse_pane(a->screen, &src);
	w->marked = w->marked && key != 'y';
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
	case '+':
		layout_split(a->screen, SPLIT_STEP);
		return true;
	case '-':
		layout_split(a->screen, -SPLIT_STEP);
		return true;
	case '=':
		layout_split_reset(a->screen);
		return true;
	case 'y':
		return out(a, 'y', ACTION_COPY);
	case 'w':
		return out(a, 'w', ACTION_SAVE);
	case 'v':
		return out(a, 'v', ACTION_VIEW);
	default:
		return on_item(a, in->text[0]);
	}
}
