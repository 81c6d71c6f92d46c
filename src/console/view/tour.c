/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/tour.h"

#include <stdio.h>
#include <string.h>

#include "console/view/view_page.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

#define NARROW_COLS 60 /* a terminal so narrow is a phone: it has no F-keys */
#define TINY_COLS 30

static void
say(struct lines *l, uint32_t look, const char *text)
{
	lines_str(l, look, text);
	lines_break(l);
}

/* "F7 cycle", or "Esc 7 cycle" where there are no F-keys. */
static void
put_key(struct lines *l, int verb, bool twins)
{
	char name[16];

	snprintf(name, sizeof name, "%s%d ", twins ? "Esc " : "F", verb_rows[verb].fkey);
	lines_str(l, LOOK_STRONG, name);
	lines_str(l, verb_rows[verb].mutating ? LOOK_DANGER : LOOK_STRONG,
	    verb_rows[verb].name);
}

static void
say_now(struct lines *l, const struct screen *s, int64_t now)
{
	const struct vm *vm = &s->model.vm;
	const struct vm_link *pve = &vm->link[VM_PVE];
	bool runs = strcmp(vm->status, "running") == 0 && strcmp(vm->qmp, "hung") != 0;
	char age[32], text[160];

	lines_str(l, LOOK_QUIET, "now  ");
	if (vm->known) {
		snprintf(text, sizeof text, "VM 102 is %s%s (%s)", vm->status,
		    strcmp(vm->qmp, "hung") == 0 && strcmp(vm->status, "hung") != 0
			? ", its QEMU hangs"
			: "",
		    words_age(now - vm->checked, age, sizeof age));
		say(l, runs ? LOOK_STRONG : LOOK_BAD, text);
	} else if (view_help_is_cold(&s->model)) {
		say(l, LOOK_BAD, "neither the PVE host nor VM 102 answers");
	} else if (strcmp(pve->state, "up") == 0) {
		say(l, LOOK_BUSY, "the PVE host is asked for VM 102");
	} else {
		snprintf(text, sizeof text, "the PVE host is %s",
		    pve->known ? pve->state : "being reached");
		say(l, LOOK_BUSY, text);
	}
}

/* What is wrong, and the key for it. */
static void
say_next(struct lines *l, const struct screen *s, int64_t now, bool twins)
{
	const struct verdict *v = &s->model.verdict;
	const struct vm_unfinished *u = &s->model.vm.unfinished;
	int verb = verdict_is_fresh(v, now) ? verdict_advice(v) : -1;
	int next = verb_by_name(u->key, strlen(u->key));

	if (s->model.vm.slot.holder[0]) {
		lines_str(l, LOOK_QUIET, "do   ");
		say(l, LOOK_PLAIN, "wait: a verb runs, the top line shows it");
		return;
	}
	if (view_help_is_cold(&s->model)) {
		lines_str(l, LOOK_QUIET, "do   ");
		lines_str(l, LOOK_STRONG, "/cold");
		say(l, LOOK_PLAIN, " shows the way when both are silent");
		return;
	}
	if (verdict_is_fresh(v, now)) {
		lines_str(l, LOOK_QUIET, "why  ");
		lines_str(l, verdict_is_healthy(v) ? LOOK_GOOD : LOOK_BAD, v->word);
		lines_str(l, LOOK_PLAIN, v->why[0] ? ": " : "");
		say(l, LOOK_PLAIN, v->why);
	}
	lines_str(l, LOOK_QUIET, "do   ");
	if (u->verb[0] && next >= 0) {
		put_key(l, next, twins);
		lines_str(l, LOOK_PLAIN, " comes next, after the unfinished ");
		say(l, LOOK_PLAIN, u->verb);
		return;
	}
	if (verb >= 0) {
		put_key(l, verb, twins);
		say(l, LOOK_PLAIN, " is what the verdict advises");
		return;
	}
	put_key(l, VERB_FORENSICS, twins);
	say(l, LOOK_PLAIN, " tells what is wrong");
}

/* Where there is next to no room: the one that looks, and the one that helps. */
static void
render_tiny(struct lines *l, const struct screen *s, int64_t now)
{
	int verb = verdict_is_fresh(&s->model.verdict, now)
	    ? verdict_advice(&s->model.verdict)
	    : -1;

	put_key(l, verb >= 0 ? verb : VERB_FORENSICS, true);
	say(l, LOOK_PLAIN, "");
	if (verb == VERB_CYCLE)
		return;
	put_key(l, VERB_CYCLE, true);
	say(l, LOOK_PLAIN, "");
}

static void
render(struct lines *l, const struct screen *s)
{
	int64_t now = model_now(&s->model, s->now);
	bool twins = s->few_keys || l->width < NARROW_COLS;

	if (l->width < TINY_COLS) {
		render_tiny(l, s, now);
		return;
	}
	say(l, LOOK_STRONG, "VM 102 hangs? This gets it back.");
	snprintf(l->indent, sizeof l->indent, "     ");
	say_now(l, s, now);
	say_next(l, s, now, twins);
	l->indent[0] = '\0';
	lines_break(l);
	put_key(l, VERB_CYCLE, twins);
	say(l, LOOK_PLAIN, " cures a hang: in its box, type cycle and Enter.");
	put_key(l, VERB_STATUS, twins);
	lines_str(l, LOOK_PLAIN, " and ");
	put_key(l, VERB_FORENSICS, twins);
	say(l, LOOK_PLAIN, " only look. Nothing acts before its word is typed.");
	if (strcmp(s->model.vm.agent.state, "unavailable") != 0 && !twins)
		say(l, LOOK_PLAIN, "Or say what is wrong, and Enter: the agent looks.");
	say(l, LOOK_QUIET,
	    twins ? "Esc 1 explains every key."
		  : "F1 explains every key. No F-keys here? Esc, then the digit.");
}

bool
tour_shows(const struct screen *s)
{
	const struct transcript *t = &s->model.chat;

	for (size_t i = 0; i < t->count; i++) {
		enum item_kind kind = transcript_at(t, i)->kind;

		if (kind != ITEM_EVENT && kind != ITEM_GONE)
			return false;
	}
	return !s->replay.on;
}

void
tour_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	struct lines l;

	lines_init(&l, r.cols < 76 ? r.cols : 76);
	render(&l, s);
	for (size_t i = 0; i < l.count && (int)i < r.rows; i++)
		lines_draw(&l, i, c, r, (int)i);
	lines_fini(&l);
}

void
tour_draw_page(struct screen *s, struct canvas *c, struct rect r)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	render(&l, s);
	view_page_draw(c, r, "tour", &l, &s->page_at);
	lines_fini(&l);
}
