/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_gate.c: a password where the engine asks for one, and keys that are locked. */
#include <stdio.h>
#include <string.h>

#include "console/action/action_int.h"

static void
open_box(struct action_context *a, enum gate_what what, const char *name, const char *why)
{
	struct screen *s = a->screen;

	s->page = PAGE_NONE;
	s->confirm.open = s->ask.open = false;
	a->opened = !s->gate.open;
	gate_box_open(&s->gate, what, name, why, s->now);
}

void
action_unlock(struct action_context *a)
{
	struct screen *s = a->screen;
	const struct operator_here *me = incident_me(&s->model.incident);

	if (!s->model.lock.on)
		action_say(a, TONE_PLAIN, "Nothing is locked here.");
	else
		open_box(a, s->model.lock.password ? GATE_UNLOCK : GATE_KEY,
		    me ? me->name : "", s->model.lock.text);
}

bool
action_is_locked(struct action_context *a)
{
	if (!a->screen->model.lock.on || a->screen->read_only)
		return false;
	action_unlock(a);
	return true;
}

static void
send_it(struct action_context *a)
{
	struct gate_box *b = &a->screen->gate;
	struct err err = {0};
	char text[600];
	int rc;

	b->password[b->len] = '\0';
	rc = a->unlock(a->arg, b->what == GATE_KEY ? NULL : b->name,
	    b->what == GATE_KEY ? NULL : b->password, b->len, &err);
	gate_box_sent(b);
	if (rc == 0)
		return;
	gate_box_close(b);
	snprintf(text, sizeof text, "Nothing was sent: %s.", err.words);
	action_say(a, TONE_BAD, text);
}

void
action_gate_key(struct action_context *a, const struct input *in)
{
	struct gate_box *b = &a->screen->gate;
	bool attach = b->what == GATE_ATTACH;

	switch (gate_box_key(b, in, a->screen->now)) {
	case GATE_SEND:
		send_it(a);
		break;
	case GATE_CLOSED:
		if (attach)
			a->quit = true;
		break;
	case GATE_WAIT:
		break;
	}
}

void
action_gate_fact(struct action_context *a, const struct js *fact)
{
	struct gate_box *b = &a->screen->gate;
	const char *text = js_str(fact, "text"), *name = js_str(fact, "name");

	if (js_is(fact, "t", "gate")) {
		open_box(a, GATE_ATTACH, name ? name : "",
		    text ? text : "the engine asks for a password");
		a->opened = false; /* nobody has typed for something else here */
	} else if (js_is(fact, "t", "welcome") && b->open && b->what == GATE_ATTACH) {
		gate_box_close(b);
	} else if (js_is(fact, "t", "error") && js_is(fact, "where", "unlock") &&
	    b->open) {
		gate_box_open(b, b->what, b->name, text ? text : "", a->screen->now);
	} else if (b->open && b->what != GATE_ATTACH && !a->screen->model.lock.on) {
		gate_box_close(b);
		action_say(a, TONE_PLAIN, "Unlocked: the keys act again.");
	}
}
