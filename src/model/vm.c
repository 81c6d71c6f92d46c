/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/vm.h"

#include <stdio.h>
#include <string.h>

#include "base/scrub.h"
#include "model/incident.h"

const char *const vm_host_names[VM_HOSTS] = {"devvm", "pve"};

#define LABEL(obj, key, field) incident_label(obj, key, field, sizeof(field))

void
vm_init(struct vm *vm)
{
	memset(vm, 0, sizeof *vm);
	vm->status_ms = -1;
	vm->agent.retry_ms = -1;
	course_init(&vm->course);
	for (int i = 0; i < VM_HOSTS; i++)
		vm->link[i].ms = vm->link[i].retry_ms = -1;
}

/* from and to of a staged key may be text, a number or missing. */
static void
value_label(const struct js *obj, const char *key, char *out, size_t size)
{
	if (js_str(obj, key))
		incident_label(obj, key, out, size);
	else if (js_has(obj, key) && js_int(obj, key, INT64_MIN) != INT64_MIN)
		snprintf(out, size, "%lld", (long long)js_int(obj, key, 0));
	else
		snprintf(out, size, "(none)");
}

static void
apply_vm(struct vm *vm, const struct js *f)
{
	const struct js *staged = js_get_array(f, "staged");

	vm->known = true;
	LABEL(f, "status", vm->status);
	LABEL(f, "qmp", vm->qmp);
	LABEL(f, "lock", vm->lock);
	LABEL(f, "job", vm->job);
	LABEL(f, "host_program", vm->host_program);
	LABEL(f, "lock_holder", vm->lock_holder);
	LABEL(f, "host_todo", vm->host_todo);
	LABEL(f, "startable_why", vm->startable_why);
	vm->cannot_start = js_is(f, "startable", "no") || !js_bool(f, "startable", true);
	vm->ha = js_is(f, "ha", "yes") || js_bool(f, "ha", false);
	vm->status_ms = js_int(f, "status_ms", -1);
	vm->pid = js_int(f, "pid", 0);
	vm->checked = js_int(f, "checked", js_int(f, "mono_ms", 0));
	vm->staged_count = (int)js_len(staged);
	for (size_t i = 0; i < js_len(staged) && i < VM_STAGED_MAX; i++) {
		struct vm_staged *s = &vm->staged[i];
		const struct js *one = js_at(staged, i);

		memset(s, 0, sizeof *s);
		if (!one)
			continue;
		LABEL(one, "key", s->key);
		value_label(one, "from", s->from, sizeof s->from);
		value_label(one, "to", s->to, sizeof s->to);
	}
}

static void
apply_link(struct vm *vm, const struct js *f)
{
	struct vm_link *l = NULL;

	for (int i = 0; i < VM_HOSTS; i++)
		if (js_is(f, "host", vm_host_names[i]))
			l = &vm->link[i];
	if (!l)
		return;
	l->known = true;
	LABEL(f, "state", l->state);
	LABEL(f, "why", l->why);
	LABEL(f, "todo", l->todo);
	LABEL(f, "key", l->key);
	LABEL(f, "fingerprint", l->fingerprint);
	l->ms = js_int(f, "ms", -1);
	l->since = js_int(f, "since", js_int(f, "mono_ms", 0));
	l->told = js_int(f, "mono_ms", 0);
	l->retry_ms = js_int(f, "retry_ms", -1);
	LABEL(f, "step", l->step);
}

static void
apply_agent(struct vm *vm, const struct js *f)
{
	vm->agent.known = true;
	LABEL(f, "state", vm->agent.state);
	LABEL(f, "driver", vm->agent.driver);
	LABEL(f, "model", vm->agent.model);
	LABEL(f, "endpoint", vm->agent.endpoint);
	LABEL(f, "route", vm->agent.route);
	LABEL(f, "back", vm->agent.back);
	LABEL(f, "progress", vm->agent.progress);
	LABEL(f, "why", vm->agent.why);
	LABEL(f, "todo", vm->agent.todo);
	vm->agent.turn = js_int(f, "turn", 0);
	vm->agent.queued = js_int(f, "queued", 0);
	vm->agent.told = js_int(f, "mono_ms", 0);
	vm->agent.quiet_ms = js_int(f, "quiet_ms", 0);
	vm->agent.retry_ms = js_int(f, "retry_ms", -1);
	vm->agent.attempt = js_int(f, "attempt", 0);
	vm->agent.attempts = js_int(f, "attempts", 0);
}

static void
apply_unfinished(struct vm *vm, const struct js *f)
{
	struct vm_unfinished *u = &vm->unfinished;

	memset(u, 0, sizeof *u);
	if (js_bool(f, "settled", false))
		return;
	LABEL(f, "verb", u->verb);
	LABEL(f, "id", u->id);
	LABEL(f, js_has(f, "who") ? "who" : "by", u->by);
	LABEL(f, js_has(f, "when") ? "when" : "at", u->at);
	LABEL(f, "text", u->text);
	LABEL(f, "now", u->now);
	LABEL(f, "key", u->key);
	LABEL(f, "outcome", u->outcome);
	u->since = js_int(f, "mono_ms", 0);
}

static void
apply_budget(struct vm *vm, const struct js *f)
{
	vm->budget.in = js_int(f, "in", 0);
	vm->budget.out = js_int(f, "out", 0);
	vm->budget.turns = js_int(f, "turns", 0);
	vm->budget.turn_calls = js_int(f, "turn_calls", 0);
	vm->budget.turn_calls_max = js_int(f, "turn_calls_max", 0);
	vm->budget.turn_tokens = js_int(f, "turn_tokens", 0);
	vm->budget.turn_tokens_max = js_int(f, "turn_tokens_max", 0);
	vm->budget.turn_ms_max = js_int(f, "turn_ms_max", 0);
	vm->budget.turn_began = js_int(f, "turn_began", 0);
	vm->budget.cost_usd = js_dbl(f, "cost_usd", 0);
	vm->budget.cost_max_usd = js_dbl(f, "cost_max_usd", 0);
	vm->budget.verbs_hour = js_int(f, "verbs_hour", -1);
	vm->budget.verbs_hour_max = js_int(f, "verbs_hour_max", -1);
	LABEL(f, "spent", vm->budget.spent);
}

static void
apply_usual(struct vm *vm, const struct js *f)
{
	const struct js *list = js_get_array(f, "stages");
	const char *name = js_str(f, "verb");
	int verb = name ? verb_by_name(name, strlen(name)) : -1;
	struct vm_usual *u;

	if (verb < 0)
		return;
	u = &vm->usual[verb];
	u->n = js_int(f, "n", 0);
	u->ms = js_int(f, "ms", -1);
	for (int i = 0; i < COURSE_STAGES; i++)
		u->stage_ms[i] = -1;
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *one = js_at(list, i);
		const char *stage = one ? js_str(one, "name") : NULL;
		int at = stage ? course_stage_by_name(stage) : -1;

		if (at >= 0)
			u->stage_ms[at] = js_int(one, "ms", -1);
	}
}

/* Words of an array, joined; what does not fit is cut. */
static void
apply_sandbox(struct vm *vm, const struct js *f)
{
	const struct js *list = js_get_array(f, "open");
	char *to = vm->sandbox.open;

	LABEL(f, "text", vm->sandbox.text);
	to[0] = '\0';
	vm->sandbox.open_count = (int)js_len(list);
	for (size_t i = 0; i < js_len(list); i++) {
		size_t len, n = strlen(to);
		const char *word = js_at_str(list, i, &len);
		char clean[64];

		if (word)
			snprintf(to + n, sizeof vm->sandbox.open - n, "%s%s",
			    n ? ", " : "", scrub_label(word, len, clean, sizeof clean));
	}
}

static void
apply_rest(struct vm *vm, const struct js *f)
{
	if (js_is(f, "what", "slot")) {
		LABEL(f, "holder", vm->slot.holder);
		LABEL(f, "verb", vm->slot.verb);
		vm->slot.since = js_int(f, "since", js_int(f, "mono_ms", 0));
	} else if (js_is(f, "what", "journal")) {
		LABEL(f, "state", vm->journal.state);
		LABEL(f, "path", vm->journal.path);
		LABEL(f, "why", vm->journal.why);
		LABEL(f, "todo", vm->journal.todo);
	} else if (js_is(f, "what", "budget")) {
		apply_budget(vm, f);
	} else if (js_is(f, "what", "autonomy")) {
		LABEL(f, "level", vm->autonomy);
	} else if (js_is(f, "what", "kill")) {
		vm->kill.on = js_bool(f, "on", false);
		LABEL(f, "by", vm->kill.by);
		LABEL(f, "at", vm->kill.at);
	} else if (js_is(f, "what", "custody")) {
		vm->custody.weak = js_bool(f, "weak", false);
		LABEL(f, "key", vm->custody.key);
		LABEL(f, "text", vm->custody.text);
		LABEL(f, "why", vm->custody.why);
		LABEL(f, "todo", vm->custody.todo);
	} else if (js_is(f, "what", "sandbox")) {
		apply_sandbox(vm, f);
	} else if (js_is(f, "what", "shells")) {
		vm->shells.open = js_int(f, "open", 0);
		LABEL(f, "who", vm->shells.who);
	} else if (js_is(f, "what", "usual")) {
		apply_usual(vm, f);
	} else if (js_is(f, "what", "unfinished")) {
		apply_unfinished(vm, f);
	}
}

void
vm_apply(struct vm *vm, const struct js *fact)
{
	if (js_is(fact, "what", "vm"))
		apply_vm(vm, fact);
	else if (js_is(fact, "what", "link"))
		apply_link(vm, fact);
	else if (js_is(fact, "what", "agent"))
		apply_agent(vm, fact);
	else if (js_is(fact, "what", "proof"))
		proof_read(&vm->proof, fact);
	else
		apply_rest(vm, fact);
}
