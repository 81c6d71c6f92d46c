/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_banner.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "console/view/view_who.h"
#include "wire/verbs.h"

struct banners {
	const struct screen *s;
	struct banner *all;
	int count;
};

static struct banner *banner(struct banners *b, uint32_t look, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static struct banner *
banner(struct banners *b, uint32_t look, const char *fmt, ...)
{
	struct banner *n = &b->all[b->count < BANNERS_MAX - 1 ? b->count++ : b->count];
	va_list args;

	memset(n, 0, sizeof *n);
	n->look = look;
	va_start(args, fmt);
	vsnprintf(n->text, sizeof n->text, fmt, args);
	va_end(args);
	return n;
}

/* The key first: on a small screen the rest is cut. */
static void
unfinished(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;
	const struct vm_unfinished *u = &vm->unfinished;
	int verb = verb_by_name(u->key, strlen(u->key));
	bool acts = verb >= 0 && verb_rows[verb].mutating;
	char key[64] = "nothing to press", now[200], at[10] = "";
	struct banner *n = NULL;

	if (!u->verb[0])
		return;
	if (verb >= 0 && b->s->linear)
		snprintf(key, sizeof key, "/%s is next", verb_rows[verb].name);
	else if (verb >= 0)
		snprintf(key, sizeof key, "F%d %s (Esc %d)", verb_rows[verb].fkey,
		    verb_rows[verb].name, verb_rows[verb].fkey);
	if (strlen(u->at) >= 19)
		snprintf(at, sizeof at, " %.8s", u->at + 11);
	snprintf(now, sizeof now, "%s", u->now);
	if (!now[0])
		snprintf(
		    now, sizeof now, "VM 102 is %s", vm->known ? vm->status : "unknown");
	if (now[0] >= 'a' && now[0] <= 'z')
		now[0] = (char)(now[0] - 'a' + 'A');
	if (now[strlen(now) - 1] == '.')
		now[strlen(now) - 1] = '\0';
	if (strcmp(u->outcome, "running") == 0)
		banner(b, LOOK_NOTICE,
		    "UNFINISHED %s: the host still runs it. %s. By %s%s.", u->verb, now,
		    u->by, at);
	else
		n = banner(b, LOOK_NOTICE, "UNFINISHED %s: %s. %s. By %s%s%s%s.", u->verb,
		    key, now, u->by, at, u->outcome[0] ? ": " : "",
		    strcmp(u->outcome, "unknown") == 0 ? "outcome unknown" : u->outcome);
	if (n && acts)
		snprintf(n->key, sizeof n->key, "%s", key);
	if (n && verb >= 0)
		snprintf(n->tiny, sizeof n->tiny, "UNFINISHED: F%d %s",
		    verb_rows[verb].fkey, verb_rows[verb].name);
}

/* Another try is no news: a banner that came and went with each would move all else. */
static bool
is_down(const struct vm_link *l)
{
	return (strcmp(l->state, "down") == 0 || strcmp(l->state, "refused") == 0 ||
		   strcmp(l->state, "connecting") == 0) &&
	    l->why[0];
}

static void
host_keys(struct banners *b)
{
	for (int h = VM_HOSTS - 1; h >= 0; h--)
		if (strcmp(b->s->model.vm.link[h].key, "changed") == 0)
			banner(b, LOOK_NOTICE, "HOST KEY of %s CHANGED: /accept %s. %s",
			    vm_host_names[h], vm_host_names[h],
			    h == VM_PVE ? "Until then mutating verbs are refused."
					: "Verbs and agent go on.");
}

static void
journal(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;

	if (vm->journal.state[0] && strcmp(vm->journal.state, "ok") != 0)
		banner(b, LOOK_BAD, "JOURNAL %s: %s. %s",
		    strcmp(vm->journal.state, "memory") == 0 ? "only in memory"
							     : vm->journal.state,
		    vm->journal.why, vm->journal.todo);
}

static void
custody(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;

	if (vm->custody.why[0])
		banner(b, LOOK_BAD, "SSH KEY: %s. %s", vm->custody.why, vm->custody.todo);
}

/* A mutating verb is under way, or the guest boots after it. */
static bool
is_coming_back(const struct vm *vm)
{
	return vm->slot.holder[0] || proof_is_climbing(&vm->proof);
}

static void
links(struct banners *b)
{
	const struct vm_link *all = b->s->model.vm.link;
	bool both = is_down(&all[VM_DEVVM]) && is_down(&all[VM_PVE]);

	if (both && view_help_is_cold(&b->s->model)) { /* one line for both */
		banner(b, LOOK_NOTICE, "BOTH HOSTS SILENT: /cold shows the way. %s. %s",
		    all[VM_PVE].why, all[VM_DEVVM].why)
		    ->brief = true;
		return;
	}
	for (int h = VM_HOSTS - 1; h >= 0; h--) {
		const struct vm_link *l = &all[h];

		if (!is_down(l) || strcmp(l->key, "changed") == 0)
			continue;
		if (h == VM_DEVVM && strcmp(l->state, "refused") != 0 &&
		    is_coming_back(&b->s->model.vm))
			continue; /* a boot is no alarm; the strip counts */
		banner(b, LOOK_BAD, "%s %s: %s%s%s", vm_host_names[h],
		    strcmp(l->state, "refused") == 0 ? "refused" : "down", l->why,
		    l->todo[0] ? ". " : "", l->todo)
		    ->brief = both;
	}
}

/* The whole command, or where it stands whole: half of one helps nobody. */
static void
host_program(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;
	struct banner *n;

	if (strcmp(vm->host_program, "old") != 0)
		return;
	if (vm->host_todo[0])
		n = banner(b, LOOK_BUSY,
		    "OLD host program on pve: its verbs die with the connection. Install ours: %s",
		    vm->host_todo);
	else
		n = banner(b, LOOK_BUSY,
		    "OLD host program on pve: its verbs die with the connection; proof and verdict "
		    "are limited. Install ours (see README).");
	snprintf(n->tight, sizeof n->tight,
	    "OLD host program on pve: see /verdict, it shows how to install ours.");
}

/* A question has little time: it stands above all but what is unsafe. */
static void
asks(struct banners *b)
{
	int64_t now = model_now(&b->s->model, b->s->now);
	const struct ask *q = asks_open(&b->s->model.asks, now);
	int more = asks_waiting(&b->s->model.asks, now) - 1;
	char rest[24] = "";
	const char *input;

	if (!q || b->s->ask.open || ask_box_waits(&b->s->ask, q, b->s->now))
		return;
	input = q->has_input ? " <stdin" : "";
	if (more > 0)
		snprintf(rest, sizeof rest, " (+%d)", more);
	if (b->s->linear) { /* seconds that count would be said again and again */
		banner(b, LOOK_NOTICE,
		    "The agent asks (%s): Enter opens it; no answer is a no. On %s: %s%s",
		    q->id, q->verb[0] ? "pve" : q->host,
		    q->verb[0] ? q->verb : q->command, input);
		return;
	}
	banner(b, LOOK_NOTICE, "ASKS%s, %lld s: Enter or F11 answers. %s %s%s%s%s", rest,
	    (long long)((q->until - now) / 1000), q->verb[0] ? "pve" : q->host,
	    q->verb[0] ? q->verb : q->command, input, q->text[0] ? ". " : "", q->text);
}

static void
killed(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;
	char at[16] = "";
	struct banner *n;

	if (!vm->kill.on)
		return;
	if (strlen(vm->kill.at) >= 19)
		snprintf(at, sizeof at, " %.8s", vm->kill.at + 11);
	n = banner(b, LOOK_NOTICE,
	    "KILL SWITCH on, %s%s: the agent is stopped and refused. Power keys work. "
	    "/kill off lifts it.",
	    vm->kill.by, at);
	snprintf(n->tight, sizeof n->tight,
	    "KILL SWITCH on: /kill off lifts it. By %s%s.", vm->kill.by, at);
	snprintf(n->tiny, sizeof n->tiny, "KILLED: /kill off");
}

static void
lost(struct banners *b)
{
	char text[200];

	if (view_who_lost(b->s, text, sizeof text))
		banner(b, LOOK_NOTICE, "%s", text);
}

/* The first words are what to press: on a small screen the rest is cut. */
static void
locked(struct banners *b)
{
	const struct lock *l = &b->s->model.lock;

	if (l->on && !b->s->read_only)
		banner(b, LOOK_BUSY, "LOCKED: %s opens the keys that act: %s.",
		    b->s->linear ? "/unlock" : "Enter or /unlock", l->text)
		    ->brief = true;
}

static void
left_behind(struct banners *b)
{
	const struct left *l = &b->s->model.left;
	char text[512];
	size_t at = 0;

	if (l->count == 0)
		return;
	for (int i = 0; i < l->count && at + 160 < sizeof text; i++) {
		const struct left_run *r = &l->run[i];

		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s %.60s (%s)",
		    i ? "; " : "", r->id, r->host, r->what, r->state);
	}
	banner(b, LOOK_BUSY, "STILL THERE, %d: %s. /end RUN ends one.",
	    l->count + l->more, text)
	    ->brief = true;
}

static void
route(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;

	if (!vm->agent.route[0] || strcmp(vm->agent.state, "unavailable") == 0)
		return;
	banner(b, LOOK_BUSY, "Agent: %s%s%s. %s%s%s", vm->agent.driver,
	    vm->agent.endpoint[0] ? " " : "", vm->agent.endpoint, vm->agent.route,
	    vm->agent.back[0] ? ". " : "", vm->agent.back)
	    ->brief = true;
}

static void
agent(struct banners *b)
{
	const struct vm *vm = &b->s->model.vm;

	if (strcmp(vm->agent.state, "unavailable") != 0 || vm->kill.on)
		return;
	/* It stays for hours: one line; a prompt is answered with all of it. */
	banner(b, LOOK_BUSY, "No agent: %s. %s",
	    vm->agent.why[0] ? vm->agent.why : "no reason given",
	    vm->agent.todo[0] ? vm->agent.todo : "The keys work without it.")
	    ->brief = b->s->model.chat.count > 0;
}

int
view_banner_list(const struct screen *s, struct banner *all)
{
	struct banners b = {s, all, 0};

	if (!s->link_up && s->link_words[0])
		banner(&b, LOOK_NOTICE, "ENGINE: %s", s->link_words);
	killed(&b);
	asks(&b);
	lost(&b);
	unfinished(&b);
	host_keys(&b);
	journal(&b);
	custody(&b);
	links(&b);
	host_program(&b);
	locked(&b);
	left_behind(&b);
	agent(&b);
	route(&b);
	return b.count;
}
