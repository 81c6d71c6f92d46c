/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/confirm_why.h"

#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

/* Without a verdict that is fresh: what the state alone tells. */
static bool
wrong_tool(const struct vm *vm, int verb, bool keys, char *out, size_t size)
{
	char start[32], cycle[32];

	keymap_verb_label(VERB_START, keys, start, sizeof start);
	keymap_verb_label(VERB_CYCLE, keys, cycle, sizeof cycle);
	if (verb == VERB_RESET && strcmp(vm->status, "stopped") == 0)
		snprintf(out, size, "WRONG TOOL: VM 102 is stopped. %s runs it.", start);
	else if (verb == VERB_RESET && strcmp(vm->qmp, "hung") == 0)
		snprintf(out, size,
		    "WRONG TOOL: this QEMU hangs, a reset goes to the QEMU that hangs. %s "
		    "replaces it.",
		    cycle);
	else if (verb == VERB_RESET && vm->staged_count > 0)
		snprintf(out, size,
		    "WRONG TOOL: staged config waits and a reset does not apply it. %s does.",
		    cycle);
	else if (verb == VERB_START && strcmp(vm->status, "running") == 0)
		snprintf(out, size,
		    "VM 102 runs already: this will change nothing. A hung one needs %s.",
		    cycle);
	else
		return false;
	return true;
}

bool
confirm_against(
    const struct model *m, int verb, int64_t now, bool keys, char *out, size_t size)
{
	const struct vm *vm = &m->vm;
	const char *why;

	if (vm->cannot_start && (verb == VERB_START || verb == VERB_CYCLE)) {
		snprintf(out, size, "a start would fail: %s: %s",
		    vm->startable_why[0] ? vm->startable_why : "the host says so",
		    verb == VERB_CYCLE
			? "this would leave the VM off. The host refuses it."
			: "the host refuses it.");
		return true;
	}
	if (!verdict_is_fresh(&m->verdict, now))
		return wrong_tool(vm, verb, keys, out, size);
	why = verdict_against(&m->verdict, verb);
	if (why)
		snprintf(out, size, "WRONG NOW: %s", why);
	return why != NULL;
}

/* --- what has changed --- */

static uint64_t
of_slot(const struct vm *vm, uint64_t h)
{
	bool runs =
	    vm->unfinished.verb[0] && strcmp(vm->unfinished.outcome, "running") == 0;

	h = words_hash(words_hash(h, vm->slot.holder), vm->slot.verb);
	return words_hash(h, runs ? vm->unfinished.verb : "");
}

static uint64_t
of_lock(const struct vm *vm, uint64_t h)
{
	h = words_hash(h, strcmp(vm->lock, "none") == 0 ? "" : vm->lock);
	return words_hash(h, vm->job[0] ? "job" : "");
}

/* Its word alone is no warning; what it says against this verb, or for another, is. */
static uint64_t
of_verdict(const struct confirm *k, const struct model *m, int64_t now, uint64_t h)
{
	bool fresh = verdict_is_fresh(&m->verdict, now);
	int advice = fresh ? verdict_advice(&m->verdict) : -1;
	char why[CONFIRM_WHY_MAX];

	h = words_hash(h, advice >= 0 && advice != k->verb ? verb_rows[advice].name : "");
	return words_hash(
	    h, confirm_against(m, k->verb, now, true, why, sizeof why) ? "against" : "");
}

static uint64_t
of_staged(const struct vm *vm, uint64_t h)
{
	int kept = vm->staged_count < VM_STAGED_MAX ? vm->staged_count : VM_STAGED_MAX;

	for (int i = 0; i < kept; i++)
		h = words_hash(
		    words_hash(words_hash(h, vm->staged[i].key), vm->staged[i].from),
		    vm->staged[i].to);
	return h;
}

static void
look(const struct confirm *k, const struct model *m, int64_t now,
    uint64_t out[CONFIRM_TOPICS])
{
	const uint64_t h = WORDS_HASH;
	const struct vm *vm = &m->vm;

	out[CONFIRM_STATE] = vm->known ? words_hash(h, vm->status) : 0;
	out[CONFIRM_SLOT] = of_slot(vm, h);
	out[CONFIRM_LOCK] = of_lock(vm, h);
	out[CONFIRM_VERDICT] = of_verdict(k, m, now, h);
	out[CONFIRM_STAGED] = of_staged(vm, h);
	out[CONFIRM_HOST] =
	    words_hash(h, strcmp(vm->host_program, "old") == 0 ? "old" : "");
}

static void
say(int topic, const struct model *m, char *why)
{
	const struct vm *vm = &m->vm;
	size_t size = CONFIRM_ANEW_MAX + 1;

	switch (topic) {
	case CONFIRM_STATE:
		snprintf(
		    why, size, "VM 102 is %s now.", vm->known ? vm->status : "unknown");
		break;
	case CONFIRM_SLOT:
		if (vm->slot.holder[0])
			snprintf(
			    why, size, "%s runs %s now.", vm->slot.holder, vm->slot.verb);
		else
			snprintf(why, size, "The verb that ran has ended.");
		break;
	case CONFIRM_LOCK:
		snprintf(why, size, "The lock or the job on VM 102 is another now.");
		break;
	case CONFIRM_VERDICT:
		snprintf(why, size, "The verdict on this verb has changed.");
		break;
	case CONFIRM_STAGED:
		snprintf(why, size, "The staged config has changed.");
		break;
	default:
		snprintf(why, size, "The host program is another one than was thought.");
	}
}

bool
confirm_has_changed(struct confirm *k, const struct model *m, int64_t now, char *why)
{
	uint64_t is[CONFIRM_TOPICS];
	int changed = -1;

	look(k, m, now, is);
	/* The first answer of the host is no change: there was nothing to have read. */
	for (int t = CONFIRM_TOPICS - 1; k->read && t >= 0; t--)
		if (is[t] != k->seen[t] &&
		    !(t == CONFIRM_STATE && (is[t] == 0 || k->seen[t] == 0)))
			changed = t;
	if (is[CONFIRM_STATE] == 0)
		is[CONFIRM_STATE] = k->seen[CONFIRM_STATE];
	memcpy(k->seen, is, sizeof is);
	k->read = true;
	if (changed >= 0)
		say(changed, m, why);
	return changed >= 0;
}
