/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_people.c: who drives, and what one who watches may not. */
#include <stdio.h>
#include <string.h>

#include "console/action/action_int.h"
#include "console/view/view_who.h"
#include "wire/verbs.h"

bool
action_watches(struct action_context *a, const char *what)
{
	const struct incident *in = &a->screen->model.incident;
	char driver[80], text[240];

	if (a->screen->read_only || !incident_is_watching(in))
		return false;
	view_who_driver(in, driver, sizeof driver);
	snprintf(text, sizeof text,
	    "%s: you are watching, %s: /drive takes over. Nothing was sent.", what,
	    driver);
	action_say(a, TONE_BAD, text);
	return true;
}

static int
autonomy_rank(const char *level)
{
	return strcmp(level, "observe") == 0 ? 0 : strcmp(level, "repair") == 0 ? 1 : 2;
}

bool
action_acts(const struct screen *s, enum action action, const char *args)
{
	int verb = keymap_verb(action), now = autonomy_rank(s->model.vm.autonomy);

	if (verb >= 0)
		return verb != VERB_STATUS;
	switch (action) {
	case ACTION_ACCEPT:
	case ACTION_ANSWER:
	case ACTION_CLOSE:
	case ACTION_END:
	case ACTION_NEW:
	case ACTION_SHELL:
		return true;
	case ACTION_AGENT:
	case ACTION_OFFLINE:
	case ACTION_RUNBOOK:
		return args[0] != '\0'; /* alone it only tells */
	case ACTION_KILL:
		return args[0] != '\0'; /* whoever sees the need may pull it */
	case ACTION_AUTONOMOUS:
		return now < 2;
	case ACTION_REPAIR:
		return now < 1;
	default:
		return keymap_preset(action) != NULL;
	}
}

bool
action_is_refused(struct action_context *a, enum action action, const char *args)
{
	const struct keymap_row *row = keymap_row(action);

	if (action == ACTION_DRIVE)
		return action_is_locked(a);
	return action_acts(a->screen, action, args) &&
	    (action_is_locked(a) ||
		action_watches(a, row && row->slash ? row->slash : "that"));
}

static void
drive(struct action_context *a)
{
	const struct incident *in = &a->screen->model.incident;
	const struct operator_here *me = incident_me(in);

	if (me && me->driving)
		action_say(a, TONE_PLAIN, "You drive already.");
	else
		action_send(a, message_new("drive"));
}

/* Gives the baton back; for who lost it: good, I have seen it. */
static void
watch(struct action_context *a)
{
	struct incident *in = &a->screen->model.incident;
	const struct operator_here *me = incident_me(in);
	struct js *m;

	if (me && me->driving) {
		m = message_new("drive");
		js_set_bool(m, "release", true);
		action_send(a, m);
	} else if (!in->lost_to[0]) {
		action_say(a, TONE_PLAIN, "You watch already.");
	}
	in->lost_to[0] = '\0';
}

void
action_people(struct action_context *a, enum action action)
{
	struct js *m;

	if (action == ACTION_DRIVE) {
		drive(a);
	} else if (action == ACTION_WATCH) {
		watch(a);
	} else if (strcmp(a->screen->model.vm.journal.state, "memory") != 0) {
		action_say(a, TONE_PLAIN, "The disk takes the journal: nothing waits.");
	} else {
		m = message_new("journal");
		js_set_bool(m, "retry", true);
		action_send(a, m);
	}
}

void
action_people_news(struct action_context *a)
{
	struct screen *s = a->screen;
	char driver[80], text[240];
	const char *what = "the question";

	action_confirm_news(a);
	if (!(s->confirm.open || s->ask.open) ||
	    !incident_is_watching(&s->model.incident))
		return;
	if (s->confirm.open)
		what = s->confirm.what == CONFIRM_VERB ? verb_rows[s->confirm.verb].name
						       : "accept";
	s->confirm.open = s->ask.open = false;
	view_who_driver(&s->model.incident, driver, sizeof driver);
	snprintf(text, sizeof text,
	    "%s: closed, nothing was sent: %s. /drive takes over.", what, driver);
	action_say(a, TONE_BAD, text);
}
