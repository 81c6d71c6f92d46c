/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/linear/linear_state.h"

#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "console/view/view_who.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

static void
say_vm(const struct screen *s, int64_t now, bool all, char *out, size_t size)
{
	const struct vm *vm = &s->model.vm;
	char age[32] = "", since[64] = "";

	if (all && vm->known)
		snprintf(since, sizeof since, ", asked %s",
		    words_age(now - vm->checked, age, sizeof age));
	if (!vm->known && all)
		snprintf(out, size, "VM 102 has not been asked yet.");
	else if (vm->known)
		snprintf(out, size, "VM 102 %s%s%s.", vm->status,
		    strcmp(vm->qmp, "hung") == 0 ? ", its QEMU does not answer" : "",
		    since);
}

static void
say_verdict(const struct screen *s, int64_t now, bool all, char *out, size_t size)
{
	const struct verdict *v = &s->model.verdict;
	char key[32], age[32], since[64] = "";

	if (!v->known)
		return;
	keymap_verb_label(v->outdated ? -1 : verdict_advice(v), false, key, sizeof key);
	if (all)
		snprintf(since, sizeof since, ", of %s",
		    words_age(now - v->checked, age, sizeof age));
	snprintf(out, size, "Verdict: %s%s%s%s%s%s.%s%s", v->outdated ? "was " : "",
	    v->word, verdict_is_doubtful(v) ? ", in doubt" : "",
	    key[0] ? ", it advises " : "", key, since, all && v->why[0] ? " Why: " : "",
	    all ? v->why : "");
}

static void
say_slot(const struct screen *s, int64_t now, bool all, char *out, size_t size)
{
	const struct vm *vm = &s->model.vm;
	char span[32], since[48] = "";

	if (!vm->slot.holder[0])
		return;
	if (all)
		snprintf(since, sizeof since, " for %s",
		    words_span(now - vm->slot.since, span, sizeof span));
	snprintf(out, size, "%s runs %s%s.", vm->slot.holder, vm->slot.verb, since);
}

/* A try that goes on is no news: what is not up is down until it is up. */
static void
say_link(const struct screen *s, enum vm_host host, int64_t now, bool all, char *out,
    size_t size)
{
	const struct vm_link *l = &s->model.vm.link[host];
	bool up = strcmp(l->state, "up") == 0 || strcmp(l->state, "idle") == 0;
	char span[32], more[64] = "";

	if (!all && (!l->known || (strcmp(l->state, "connecting") == 0 && !l->why[0])))
		return;
	if (!l->known) {
		snprintf(
		    out, size, "The link to %s is not known yet.", vm_host_names[host]);
		return;
	}
	if (all && up && l->ms >= 0)
		snprintf(more, sizeof more, ", %lld ms", (long long)l->ms);
	else if (all && !up)
		snprintf(more, sizeof more, " for %s",
		    words_span(now - l->since, span, sizeof span));
	snprintf(out, size, "%s is %s%s%s%s.", vm_host_names[host],
	    up			    ? "up"
		: l->why[0] && !all ? "not reached"
				    : l->state,
	    more, all && l->why[0] ? ": " : "", all ? l->why : "");
}

static void
say_agent(const struct screen *s, bool all, char *out, size_t size)
{
	const struct vm *vm = &s->model.vm;

	if (!vm->agent.known)
		return;
	snprintf(out, size, "The agent is %s%s%s%s%s.", vm->agent.state,
	    all && vm->agent.driver[0] ? ", by " : "", all ? vm->agent.driver : "",
	    all && vm->agent.progress[0] ? ": " : "", all ? vm->agent.progress : "");
}

static void
say_people(const struct screen *s, char *out, size_t size)
{
	char who[120];

	view_who_long(s, 400, who, sizeof who);
	if (who[0])
		snprintf(out, size, "%s.", who);
}

static void
say_rest(const struct screen *s, char *out, size_t size)
{
	const struct vm *vm = &s->model.vm;
	const struct incident *in = &s->model.incident;

	snprintf(out, size,
	    "The agent's autonomy is %s%s%.100s. The incident is %s%s. %s%s%s%s",
	    vm->autonomy[0] ? vm->autonomy : "not known",
	    vm->sandbox.open_count ? "; its sandbox leaves open: " : "", vm->sandbox.open,
	    in->id[0] ? in->id : "not open", in->id[0] && !in->open ? ", closed" : "",
	    vm->journal.state[0] && strcmp(vm->journal.state, "ok") != 0
		? "The journal is "
		: "The journal is written.",
	    vm->journal.state[0] && strcmp(vm->journal.state, "ok") != 0
		? vm->journal.state
		: "",
	    s->read_only ? " This console only watches." : "",
	    vm->custody.weak ? " WEAK: the engine holds keys that it cannot guard." : "");
}

void
state_say(enum state_part part, const struct screen *s, bool all, char *out, size_t size)
{
	int64_t now = model_now(&s->model, s->now);

	out[0] = '\0';
	if (part == STATE_VM)
		say_vm(s, now, all, out, size);
	else if (part == STATE_VERDICT)
		say_verdict(s, now, all, out, size);
	else if (part == STATE_SLOT)
		say_slot(s, now, all, out, size);
	else if (part == STATE_PVE || part == STATE_DEVVM)
		say_link(s, part == STATE_PVE ? VM_PVE : VM_DEVVM, now, all, out, size);
	else if (part == STATE_AGENT)
		say_agent(s, all, out, size);
	else if (part == STATE_PEOPLE)
		say_people(s, out, size);
	else if (all)
		say_rest(s, out, size);
}
