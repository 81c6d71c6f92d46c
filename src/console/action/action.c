/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/action/action_chat.h"
#include "console/action/action_int.h"
#include "console/action/action_run.h"

#include <stdio.h>
#include <string.h>

void
action_say(struct action_context *a, enum item_tone tone, const char *text)
{
	if (a->screen->replay.on) {
		action_replay_say(a, tone, text);
		return;
	}
	if (!a->screen->browse.on) /* an answer to what was typed is seen */
		scroll_to_end(&a->screen->chat.scroll);
	model_local(&a->screen->model, tone, text);
}

void
action_say_reads(struct action_context *a, const char *whose)
{
	char text[128];

	if (a->screen->reader)
		snprintf(text, sizeof text,
		    "This console only watches: the operator list lets you look, not act.");
	else
		snprintf(text, sizeof text,
		    "This console only watches: attach without --read-only %s.", whose);
	action_say(a, TONE_BAD, text);
}

void
action_send(struct action_context *a, struct js *m)
{
	struct err err = {0};
	char text[600];

	if (a->screen->read_only) {
		js_free(m);
		action_say(a, TONE_BAD, "Nothing was sent: this console only watches.");
		return;
	}
	if (a->send(a->arg, m, &err) == 0)
		return;
	snprintf(text, sizeof text, "Nothing was sent: %s.", err.words);
	action_say(a, TONE_BAD, text);
}

void
action_send_text(
    struct action_context *a, const char *kind, const char *key, const char *text)
{
	struct js *m = message_new(kind);

	js_set_str(m, key, text);
	action_send(a, m);
}

/* What is typed behind the key is dropped: it was not meant for a root shell. */
static void
ask_shell(struct action_context *a)
{
	if (a->screen->read_only)
		action_say_reads(a, "for a shell");
	else if (!a->screen->link_up)
		action_say(
		    a, TONE_BAD, "No shell: there is no connection to the engine.");
	else
		a->shell = a->opened = true;
}

static void
find(struct action_context *a, const char *text)
{
	struct screen *s = a->screen;

	if (!text[0]) {
		action_say(a, TONE_BAD, "What? /find TEXT");
		return;
	}
	browse_look_for(s, text);
	browse_work(s);
}

static void
incident(struct action_context *a, const char *state)
{
	action_send_text(a, "incident", "state", state);
}

static void
run_request(struct action_context *a, enum action action, const char *args)
{
	if (action_past(a, action, args))
		return;
	if (action == ACTION_CANCEL)
		action_send(a, message_new("cancel"));
	else if (action == ACTION_OBSERVE)
		action_send_text(a, "autonomy", "level", "observe");
	else if (action == ACTION_REPAIR)
		action_send_text(a, "autonomy", "level", "repair");
	else if (action == ACTION_AUTONOMOUS)
		action_send_text(a, "autonomy", "level", "autonomous");
	else if (action == ACTION_NEW)
		incident(a, "new");
	else if (action == ACTION_CLOSE)
		incident(a, "close");
	else if (action == ACTION_RUNBOOK || action == ACTION_OFFLINE)
		action_runbook(a, args, action == ACTION_OFFLINE);
	else if (keymap_preset(action))
		action_runbook(a, keymap_preset(action), false);
	else if (action == ACTION_AGENT)
		action_agent(a, args);
	else if (action == ACTION_LOWER)
		action_lower(a);
	else if (action == ACTION_KILL)
		action_kill(a, args);
	else if (action == ACTION_ANSWER)
		action_answer(a, args);
	else if (action == ACTION_ACCEPT)
		action_accept(a, args);
	else if (action == ACTION_NOTE && args[0])
		action_send_text(a, "note", "text", args);
	else if (action == ACTION_DROP)
		action_drop(a, args);
	else if (action == ACTION_END && args[0])
		action_send_text(a, "end", "id", args);
	else
		action_say(a, TONE_BAD,
		    action == ACTION_NOTE
			? "Which words? /note TEXT"
			: "Which run? /end r12 (its number is in the tool pane)");
}

/* The key that opened a page closes it. */
static void
turn_page(struct screen *s, enum page page)
{
	s->page = s->page == page ? PAGE_NONE : page;
	s->page_at.top = 0;
}

/* What is read over the panes; false: none of these. */
static bool
run_page(struct screen *s, enum action action)
{
	switch (action) {
	case ACTION_HELP:
		if (s->page == PAGE_HELP)
			s->page = PAGE_NONE;
		else
			view_help_open(s, HELP_HERE);
		return true;
	case ACTION_VERDICT:
		turn_page(s, PAGE_VERDICT);
		return true;
	case ACTION_SCREEN:
		turn_page(s, PAGE_SCREEN);
		return true;
	case ACTION_COLD:
		view_help_open(s, HELP_COLD);
		return true;
	case ACTION_TOUR:
		turn_page(s, PAGE_TOUR);
		return true;
	case ACTION_WHO:
		turn_page(s, PAGE_WHO);
		return true;
	case ACTION_BANNERS:
		turn_page(s, PAGE_BANNERS);
		return true;
	default:
		return false;
	}
}

/* What moves and arranges the panes; false: none of these. */
static bool
run_pane(struct action_context *a, enum action action, const char *args)
{
	struct screen *s = a->screen;

	switch (action) {
	case ACTION_FOCUS:
		s->focus = s->focus == FOCUS_CHAT ? FOCUS_TOOLS : FOCUS_CHAT;
		return true;
	case ACTION_ZOOM:
		s->zoom = !s->zoom;
		return true;
	case ACTION_PAGE_UP:
		layout_scroll(s, -layout_page(s));
		return true;
	case ACTION_PAGE_DOWN:
		layout_scroll(s, layout_page(s));
		return true;
	case ACTION_TO_START:
		layout_to_start(s);
		return true;
	case ACTION_TO_END:
		layout_to_end(s);
		return true;
	case ACTION_BROWSE:
		if (!browse_enter(s))
			action_say(a, TONE_PLAIN, "There is nothing to read here yet.");
		return true;
	case ACTION_FIND:
		find(a, args);
		return true;
	case ACTION_OLDER:
		layout_to_start(s);
		a->older = true;
		return true;
	default:
		return action_run_slash(a, action, args);
	}
}

/* What the caller does for this console, and what is asked of the engine. */
static void
run_other(struct action_context *a, enum action action, const char *args)
{
	switch (action) {
	case ACTION_UNLOCK:
		action_unlock(a);
		break;
	case ACTION_DRIVE:
	case ACTION_WATCH:
	case ACTION_RETRY:
		action_people(a, action);
		break;
	case ACTION_COPY:
	case ACTION_SAVE:
	case ACTION_VIEW:
		action_clip(a, action, args);
		break;
	case ACTION_SHELL:
		ask_shell(a);
		break;
	case ACTION_DETACH:
		a->quit = true;
		break;
	case ACTION_SUSPEND:
		a->suspend = true;
		break;
	case ACTION_REDRAW:
		a->redraw = true;
		break;
	default:
		run_request(a, action, args);
	}
}

void
action_run(struct action_context *a, enum action action, const char *args)
{
	if (action_replay_refuse(a, action) || action_is_refused(a, action, args))
		return;
	if (keymap_verb(action) >= 0)
		action_verb(a, keymap_verb(action));
	else if (!run_page(a->screen, action) && !run_pane(a, action, args) &&
	    !action_arrange(a, action, args))
		run_other(a, action, args);
}

void
action_line(struct action_context *a, const char *line)
{
	const char *args = "";
	enum action action;
	char text[160];
	size_t blank = strspn(line, " \t\n");

	if (action_replay_line(a, line))
		return;
	if (line[blank] == '\0') {
		struct screen *s = a->screen;

		if (s->model.lock.on)
			action_unlock(a);
		else if (asks_open(&s->model.asks, model_now(&s->model, s->now)))
			action_run(a, ACTION_ANSWER, "");
		return;
	}
	if (line[0] != '/') {
		if (action_is_locked(a)) {
			action_say(a, TONE_PLAIN,
			    "Locked: your words were not sent; Up brings them back.");
			return;
		}
		if (action_watches(a, "Your words"))
			return;
		layout_to_end(a->screen);
		action_send_text(a, "prompt", "text", line);
		return;
	}
	action = keymap_slash(line, &args);
	if (action != ACTION_NONE) {
		action_run(a, action, args);
		return;
	}
	snprintf(text, sizeof text,
	    "There is no %.40s: /help lists what there is. (To send it to the "
	    "agent, put a blank in front.)",
	    line);
	action_say(a, TONE_BAD, text);
}
