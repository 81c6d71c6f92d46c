/* SPDX-License-Identifier: GPL-3.0-or-later */
/* action_confirm.c: what is asked about before it is done: mutating verbs, changed keys.
 */
#include <stdio.h>
#include <string.h>

#include "console/action/action_int.h"
#include "console/view/confirm_why.h"
#include "wire/verbs.h"

static void
send_verb(struct action_context *a, int verb)
{
	struct js *m = message_new("verb");

	js_set_str(m, "verb", verb_rows[verb].name);
	if (verb_rows[verb].mutating)
		js_set_str(m, "confirm", verb_rows[verb].name);
	action_send(a, m);
}

void
action_verb(struct action_context *a, int verb)
{
	struct screen *s = a->screen;

	if (!verb_rows[verb].mutating) {
		send_verb(a, verb);
		return;
	}
	if (s->read_only) {
		action_say_reads(a, "to use verbs");
		return;
	}
	s->page = PAGE_NONE;
	confirm_open_verb(&s->confirm, verb, s->now);
	a->opened = true;
	action_confirm_news(a); /* what it warns of now is what is read */
}

void
action_accept(struct action_context *a, const char *args)
{
	const struct vm *vm = &a->screen->model.vm;
	int host = -1;

	for (int h = 0; h < VM_HOSTS; h++)
		if (strcmp(args, vm_host_names[h]) == 0 ||
		    (!args[0] && strcmp(vm->link[h].key, "changed") == 0))
			host = h;
	if (host < 0)
		action_say(a, TONE_BAD, "Which host? /accept pve or /accept devvm");
	else if (strcmp(vm->link[host].key, "changed") != 0)
		action_say(a, TONE_PLAIN,
		    "Nothing to accept: that host shows the key that is known.");
	else {
		confirm_open_key(&a->screen->confirm, host, vm->link[host].fingerprint,
		    a->screen->now);
		a->opened = true;
	}
}

bool
action_confirm_news(struct action_context *a)
{
	struct screen *s = a->screen;
	struct confirm *k = &s->confirm;
	char why[CONFIRM_ANEW_MAX + 1];
	uint64_t seen[CONFIRM_TOPICS];

	if (!k->open || k->what != CONFIRM_VERB ||
	    !confirm_has_changed(k, &s->model, model_now(&s->model, s->now), why))
		return false;
	memcpy(seen, k->seen, sizeof seen);
	confirm_open_anew(k, why, s->now);
	memcpy(k->seen, seen, sizeof seen);
	k->read = true;
	return true;
}

static void
confirmed(struct action_context *a)
{
	struct screen *s = a->screen;
	struct confirm *k = &s->confirm;
	char why[CONFIRM_WHY_MAX];
	struct js *m;

	if (k->what == CONFIRM_KEY) {
		m = message_new("accept_key");
		js_set_str(m, "host", vm_host_names[k->host]);
		js_set_str(m, "fingerprint", k->fingerprint);
		action_send(a, m);
	} else if (!k->second &&
	    confirm_against(&s->model, k->verb, model_now(&s->model, s->now), true, why,
		sizeof why)) {
		confirm_open_second(k, s->now);
		a->opened = true;
	} else {
		send_verb(a, k->verb);
	}
}

void
action_confirm_key(struct action_context *a, const struct input *in)
{
	struct confirm *k = &a->screen->confirm;
	char text[96];

	if (action_confirm_news(a)) { /* time has passed: a verdict grows old */
		a->opened = true;
		return;
	}
	switch (confirm_key(k, in, a->screen->now)) {
	case CONFIRM_YES:
		confirmed(a);
		break;
	case CONFIRM_NO:
		snprintf(text, sizeof text, "%s: cancelled. Nothing was sent.",
		    k->what == CONFIRM_VERB ? verb_rows[k->verb].name : "accept");
		action_say(a, TONE_PLAIN, text);
		break;
	case CONFIRM_OPEN:
		break;
	}
}
