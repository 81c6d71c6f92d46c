/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action/action_run.h"

#include <stdio.h>

#include "console/action/action_int.h"
#include "console/action/run_text.h"

static void
say_no_run(struct action_context *a, const char *id)
{
	char text[160];

	if (id[0])
		snprintf(text, sizeof text,
		    "No run %.15s is kept here: its number is in the tool pane.", id);
	else
		snprintf(text, sizeof text, "No command has run yet.");
	action_say(a, TONE_BAD, text);
}

/* That run, or without a name the latest; NULL: none, which was said. */
static const struct tail_run *
named(struct action_context *a, const char *id)
{
	const struct tail *t = &a->screen->model.tools;
	const struct tail_run *r = NULL;

	if (id[0])
		r = tail_by_id(t, id);
	else if (t->count > 0)
		r = t->runs[t->count - 1];
	if (!r)
		say_no_run(a, id);
	return r;
}

static void
fold(struct action_context *a, const char *id)
{
	struct view_tools *v = &a->screen->tools;
	const struct tail_run *r;

	if (!id[0]) {
		view_tools_fold_all(v);
		return;
	}
	r = named(a, id);
	if (r)
		view_tools_set_folded(
		    v, &a->screen->model, r, !view_tools_is_folded(v, r));
}

/* The window goes to it: one that went by is never looked for from the end again. */
static bool
to_failure(struct action_context *a, int dir, struct scroll_pos *at)
{
	struct screen *s = a->screen;

	if (!view_tools_failure(&s->tools, &s->model, dir, at)) {
		if (s->browse.on)
			browse_say(s, LOOK_QUIET,
			    dir < 0 ? "no older failure" : "no newer failure");
		else
			action_say(a, TONE_PLAIN,
			    "No older failure is kept here: the first is above.");
		return false;
	}
	view_tools_to_end(&s->tools, &s->model, at->unit);
	return true;
}

static void
failed(struct action_context *a)
{
	struct screen *s = a->screen;
	struct scroll_pos at = {UINT64_MAX, 0};

	if (s->focus == FOCUS_TOOLS && s->tools.scroll.away)
		at = s->tools.scroll.top;
	if (to_failure(a, -1, &at))
		s->focus = FOCUS_TOOLS;
}

bool
action_run_slash(struct action_context *a, enum action action, const char *args)
{
	const struct tail_run *r;

	switch (action) {
	case ACTION_OPEN:
		r = named(a, args);
		if (r)
			view_tools_open(a->screen, r->id);
		return true;
	case ACTION_FAILED:
		failed(a);
		return true;
	case ACTION_FOLD:
		fold(a, args);
		return true;
	default:
		return false;
	}
}

static enum run_text_use
use_of(enum action action)
{
	return action == ACTION_SAVE ? RUN_TEXT_SAVE
	    : action == ACTION_VIEW  ? RUN_TEXT_VIEW
				     : RUN_TEXT_COPY;
}

/* The one at the top of a pane that was scrolled, else the latest. */
static const struct tail_run *
looked_at(const struct screen *s)
{
	const struct tail *t = &s->model.tools;
	const struct scroll *w = &s->tools.scroll;
	const struct tail_run *r = w->away ? tail_by_serial(t, w->top.unit) : NULL;

	return r || t->count == 0 ? r : t->runs[t->count - 1];
}

bool
action_run_clip(struct action_context *a, enum action action, const char *args)
{
	struct screen *s = a->screen;
	const struct tail_run *r = NULL;

	if (args[0] == 'r' && args[1] >= '0' && args[1] <= '9') {
		r = named(a, args);
		if (!r)
			return true;
	} else if (!args[0] && !s->browse.on && s->focus == FOCUS_TOOLS) {
		r = looked_at(s);
	}
	if (r)
		run_text_start(a, r->id, use_of(action));
	return r != NULL;
}

static void
clip_key(struct action_context *a, enum action action, const struct tail_run *r)
{
	if (a->screen->tools.scroll.marked)
		action_clip(a, action, "");
	else
		run_text_start(a, r->id, use_of(action));
}

bool
action_run_key(struct action_context *a, int key, struct scroll_pos *at)
{
	struct screen *s = a->screen;
	struct view_tools *v = &s->tools;
	const struct tail_run *r = tail_by_serial(&s->model.tools, at->unit);

	if (!r)
		return false;
	switch (key) {
	case 'f':
		view_tools_set_folded(v, &s->model, r, !view_tools_is_folded(v, r));
		*at = (struct scroll_pos){r->serial, 0};
		return true;
	case 'F':
		view_tools_fold_all(v);
		*at = (struct scroll_pos){r->serial, 0};
		return true;
	case 'o':
		v->show = (v->show + 1) % TOOLS_SHOWS;
		return true;
	case 'e':
		to_failure(a, -1, at);
		return true;
	case 'E':
		to_failure(a, 1, at);
		return true;
	case 'y':
		clip_key(a, ACTION_COPY, r);
		return true;
	case 'w':
		clip_key(a, ACTION_SAVE, r);
		return true;
	case 'v':
		clip_key(a, ACTION_VIEW, r);
		return true;
	case '\r':
		view_tools_open(s, r->id);
		*at = (struct scroll_pos){r->serial, 0};
		return true;
	default:
		return false;
	}
}
