/* SPDX-License-Identifier: GPL-3.0-or-later */
/* complete_now.c: what a command would come to now, in two words. */
#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/prompt/complete_int.h"
#include "wire/verbs.h"

static bool
is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static const char *
verb_why(const struct screen *s, int verb)
{
	const struct vm *vm = &s->model.vm;

	if (!verb_rows[verb].mutating)
		return "";
	if (vm->slot.holder[0])
		return "one runs";
	if (verb == VERB_START && vm->known && is(vm->status, "running"))
		return "it runs";
	if (verb == VERB_START && vm->cannot_start)
		return "cannot start";
	if ((verb == VERB_STOP || verb == VERB_RESET) && vm->known &&
	    is(vm->status, "stopped"))
		return "it is stopped";
	if (verdict_is_fresh(&s->model.verdict, model_now(&s->model, s->now)) &&
	    verdict_against(&s->model.verdict, verb))
		return "no help now";
	return "";
}

static const char *
agent_why(const struct screen *s, enum action action)
{
	const struct vm *vm = &s->model.vm;

	switch (action) {
	case ACTION_CANCEL:
		return vm->agent.known && !is(vm->agent.state, "working") &&
			!is(vm->agent.state, "waiting") && vm->agent.queued == 0
		    ? "agent idle"
		    : "";
	case ACTION_ANSWER:
		return asks_open(&s->model.asks, model_now(&s->model, s->now))
		    ? ""
		    : "nothing asked";
	case ACTION_KILL:
		return vm->kill.on ? "it is on" : "";
	case ACTION_OBSERVE:
	case ACTION_LOWER:
		return is(vm->autonomy, "observe") ? "it is so" : "";
	case ACTION_REPAIR:
		return is(vm->autonomy, "repair") ? "it is so" : "";
	case ACTION_AUTONOMOUS:
		return is(vm->autonomy, "autonomous") ? "it is so" : "";
	default:
		return "";
	}
}

static const char *
incident_why(const struct screen *s, enum action action)
{
	const struct model *m = &s->model;
	const struct operator_here *me = incident_me(&m->incident);

	switch (action) {
	case ACTION_DRIVE:
		return me && me->driving ? "you drive" : "";
	case ACTION_WATCH:
		return me && !me->driving && !m->incident.lost_to[0] ? "you watch" : "";
	case ACTION_UNLOCK:
		return m->lock.on ? "" : "not locked";
	case ACTION_RETRY:
		return is(m->vm.journal.state, "memory") ? "" : "disk is well";
	case ACTION_ACCEPT:
		for (int h = 0; h < VM_HOSTS; h++)
			if (is(m->vm.link[h].key, "changed"))
				return "";
		return "no new key";
	case ACTION_END:
		for (size_t i = 0; i < m->tools.count; i++)
			if (!m->tools.runs[i]->ended)
				return "";
		return "nothing runs";
	case ACTION_SCREEN:
		return m->screen.known ? "" : "none yet";
	case ACTION_VERDICT:
		return m->verdict.known ? "" : "none yet";
	default:
		return "";
	}
}

const char *
complete_why(const struct screen *s, const struct keymap_row *k)
{
	int verb = keymap_verb(k->action);
	const char *why;

	if (action_acts(s, k->action, k->args ? k->args : "")) {
		if (s->read_only)
			return "read-only";
		if (!s->link_up)
			return "no engine";
		if (incident_is_watching(&s->model.incident))
			return "you watch";
	}
	why = verb >= 0 ? verb_why(s, verb) : agent_why(s, k->action);
	return why[0] ? why : incident_why(s, k->action);
}
