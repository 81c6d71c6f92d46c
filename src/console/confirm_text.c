/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/confirm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/keymap.h"
#include "console/words.h"
#include "wire/verbs.h"

#define NARROW_COLS 50 /* below this, no column for the labels */
#define STAGED_SHOWN 6 /* changes that are named; more are counted */
#define PARAGRAPHS_MAX 32

/* What is left out last, first. */
enum rank { MUST, SHOULD, DOES, MAY, LAST, RANKS };

struct paragraph {
	enum rank rank;
	uint32_t look;
	bool more; /* belongs to the one before: shown with it or not at all */
	bool shown;
	char name[16], text[400];
};

struct box {
	const struct vm *vm;
	const struct verdict *verdict;
	int64_t now;
	int verb;
	bool narrow, warned, keys;
	int count;
	struct paragraph all[PARAGRAPHS_MAX];
};

static struct paragraph *
paragraph(
    struct box *b, enum rank rank, uint32_t look, const char *name, const char *text)
{
	struct paragraph *p =
	    &b->all[b->count < PARAGRAPHS_MAX - 1 ? b->count++ : b->count];

	memset(p, 0, sizeof *p);
	p->rank = rank;
	p->look = look;
	snprintf(p->name, sizeof p->name, "%s", name);
	snprintf(p->text, sizeof p->text, "%s", text);
	return p;
}

static void
render(struct lines *l, const struct paragraph *p)
{
	bool narrow = l->width < NARROW_COLS;
	char label[24];

	snprintf(l->indent, sizeof l->indent, "%s",
	    !p->name[0]	 ? ""
		: narrow ? "  "
			 : "         ");
	if (p->name[0]) {
		snprintf(label, sizeof label, narrow ? "%s " : "%-9s", p->name);
		lines_str(l, LOOK_QUIET, label);
	}
	lines_str(l, p->look, p->text);
	lines_break(l);
}

/* Lines that paragraph i takes, with those that belong to it. */
static int
height(const struct box *b, int i, int width)
{
	struct lines l;
	int rows;

	lines_init(&l, width);
	do
		render(&l, &b->all[i++]);
	while (i < b->count && b->all[i].more);
	rows = (int)l.count;
	lines_fini(&l);
	return rows;
}

static void
choose(struct box *b, int width, int rows)
{
	int used = 0;

	for (int rank = MUST; rank < RANKS; rank++)
		for (int i = 0; i < b->count; i++) {
			int tall = b->all[i].more ? 0 : height(b, i, width);

			if (b->all[i].more || (int)b->all[i].rank != rank)
				continue;
			/* Cut, where not even one fits whole. */
			if (rank > MUST && used > 0 && rows > 0 && used + tall > rows)
				continue;
			used += tall;
			b->all[i].shown = true;
		}
	for (int i = 1; i < b->count; i++)
		b->all[i].shown |= b->all[i].more && b->all[i - 1].shown;
}

/* --- what speaks against it --- */

/* Without a verdict that is fresh: what the state alone tells. */
static const char *
wrong_tool(const struct box *b)
{
	const struct vm *vm = b->vm;

	if (b->verb == VERB_RESET && strcmp(vm->status, "stopped") == 0)
		return "WRONG TOOL: VM 102 is stopped. F4 start runs it.";
	if (b->verb == VERB_RESET && strcmp(vm->qmp, "hung") == 0)
		return "WRONG TOOL: this QEMU hangs, a reset goes to the QEMU that hangs. F7 cycle "
		       "replaces it.";
	if (b->verb == VERB_RESET && vm->staged_count > 0)
		return "WRONG TOOL: staged config waits and a reset does not apply it. F7 cycle does.";
	if (b->verb == VERB_START && strcmp(vm->status, "running") == 0)
		return "VM 102 runs already: this will change nothing. A hung one needs F7 cycle.";
	return NULL;
}

static void
say_against(struct box *b)
{
	bool starts = b->verb == VERB_START || b->verb == VERB_CYCLE;
	const char *why = NULL;
	char text[320];

	if (b->vm->cannot_start && starts) {
		snprintf(text, sizeof text, "a start would fail: %s: %s",
		    b->vm->startable_why[0] ? b->vm->startable_why : "the host says so",
		    b->verb == VERB_CYCLE
			? "this would leave the VM off. The host refuses it."
			: "the host refuses it.");
		paragraph(b, MUST, LOOK_BAD, "warning", text);
	}
	if (b->vm->cannot_start && starts) {
		/* The verdict would say it again. */
	} else if (verdict_is_fresh(b->verdict, b->now)) {
		why = verdict_against(b->verdict, b->verb);
		snprintf(text, sizeof text, "WRONG NOW: %s", why ? why : "");
	} else {
		why = wrong_tool(b);
		snprintf(text, sizeof text, "%s", why ? why : "");
	}
	if (why)
		paragraph(b, MUST, LOOK_BAD, "warning", text);
	b->warned = b->count > 0;
}

static void
say_busy(struct box *b)
{
	const struct vm *vm = b->vm;
	char age[32], text[320];

	if (vm->slot.holder[0]) {
		words_span(b->now - vm->slot.since, age, sizeof age);
		snprintf(text, sizeof text,
		    "%s runs %s for %s: this will be refused until it ends",
		    vm->slot.holder, vm->slot.verb, age);
		paragraph(b, MUST, LOOK_BAD, "busy", text);
	} else if (vm->unfinished.verb[0] &&
	    strcmp(vm->unfinished.outcome, "running") == 0) {
		words_span(b->now - vm->unfinished.since, age, sizeof age);
		snprintf(text, sizeof text,
		    "the host still runs %s (seen %s ago): this will be refused until it ends",
		    vm->unfinished.verb, age);
		paragraph(b, MUST, LOOK_BAD, "busy", text);
	} else if (vm->job[0]) {
		paragraph(b, MUST, LOOK_BUSY, "job", vm->job);
	}
	if (vm->lock_holder[0] || (vm->lock[0] && strcmp(vm->lock, "none") != 0)) {
		snprintf(text, sizeof text, "%s%s%s%s", vm->lock[0] ? vm->lock : "held",
		    vm->lock_holder[0] ? ", " : "", vm->lock_holder,
		    b->warned ? "" : ": the host refuses until it is gone");
		paragraph(b, MUST, LOOK_BAD, "locked", text);
	}
	if (vm->ha)
		paragraph(b, MAY, LOOK_BUSY, "HA",
		    "the HA manager runs this VM, and may act on it, too");
}

/* --- the verdict --- */

static void
say_advice(struct box *b)
{
	int advice = verdict_advice(b->verdict);
	char name[32], text[96], todo[sizeof b->verdict->todo];

	verdict_todo(b->verdict, todo, sizeof todo);
	keymap_verb_label(advice, b->keys, name, sizeof name);
	if (advice == b->verb) {
		paragraph(b, SHOULD, LOOK_GOOD, "advice", "the verdict advises this");
		if (todo[0])
			paragraph(b, MAY, LOOK_BUSY, "but", todo);
	} else if (advice >= 0) {
		snprintf(text, sizeof text, "the verdict advises %s%s", name,
		    b->narrow ? "" : ", not this");
		paragraph(b, SHOULD, LOOK_BUSY, "advice", text);
	} else if (todo[0]) {
		paragraph(b, SHOULD, LOOK_BUSY, "advice", todo);
	} else {
		paragraph(b, SHOULD, LOOK_BUSY, "advice", "the verdict advises no verb");
	}
}

static void
say_verdict(struct box *b)
{
	const struct verdict *v = b->verdict;
	char age[32], text[384];

	if (!v->known) {
		paragraph(
		    b, MAY, LOOK_BUSY, "verdict", "none yet; F3 captures the evidence");
		return;
	}
	words_age(b->now - v->checked, age, sizeof age);
	if (v->outdated)
		snprintf(text, sizeof text, "was %s, before the last verb", v->word);
	else if (!verdict_is_fresh(v, b->now))
		snprintf(text, sizeof text, "%s, %s: too old to go by; F3 asks again",
		    v->word, b->now < v->checked ? "earlier" : age);
	else
		snprintf(text, sizeof text, "%s%s (%s)%s%s", v->word,
		    verdict_is_doubtful(v) ? ", evidence incomplete" : "", age,
		    b->narrow && b->warned ? "" : ": ",
		    b->narrow && b->warned ? "" : v->why);
	paragraph(b, SHOULD, verdict_is_fresh(v, b->now) ? LOOK_PLAIN : LOOK_BUSY,
	    "verdict", text);
	if (verdict_is_fresh(v, b->now))
		say_advice(b);
}

/* --- what it changes --- */

static void
say_staged(struct box *b)
{
	const struct vm *vm = b->vm;
	bool applies = b->verb == VERB_CYCLE ||
	    (b->verb == VERB_START && strcmp(vm->status, "stopped") == 0);
	int shown = vm->staged_count < STAGED_SHOWN ? vm->staged_count : STAGED_SHOWN;
	int wide = 0;
	char text[256];

	if (vm->staged_count == 0) {
		if (vm->known && (b->verb == VERB_CYCLE || b->verb == VERB_RESET))
			paragraph(b, MAY, LOOK_PLAIN, "staged", "no config change waits");
		return;
	}
	paragraph(b, SHOULD, LOOK_BUSY, "staged",
	    applies	    ? "these changes will be applied:"
		: b->narrow ? "this does NOT apply:"
			    : "these changes wait, and this does NOT apply them:");
	for (int i = 0; i < shown; i++) {
		int cols = canvas_width(vm->staged[i].key, strlen(vm->staged[i].key));

		wide = cols > wide ? cols : wide;
	}
	for (int i = 0; i < shown; i++) {
		const struct vm_staged *s = &vm->staged[i];
		int cols = canvas_width(s->key, strlen(s->key));

		snprintf(text, sizeof text, "%s%*s  %s -> %s", s->key, wide - cols, "",
		    s->from, s->to);
		paragraph(b, SHOULD, LOOK_PLAIN, " ", text)->more = true;
	}
	if (shown < vm->staged_count) {
		snprintf(text, sizeof text, "and %d more", vm->staged_count - shown);
		paragraph(b, SHOULD, LOOK_QUIET, " ", text)->more = true;
	}
}

static void
say_host(struct box *b)
{
	if (strcmp(b->vm->host_program, "old") == 0)
		paragraph(b, SHOULD, LOOK_BAD, "host",
		    "OLD program on pve: the verb dies with its reader. Keep the link and the "
		    "engine until it has ended.");
}

/* --- the rest --- */

static void
say_state(struct box *b)
{
	const struct vm *vm = b->vm;
	char age[32], text[400];

	if (!vm->known) {
		paragraph(b, MAY, LOOK_BUSY, "state", "VM 102: no answer yet");
		return;
	}
	words_age(b->now - vm->checked, age, sizeof age);
	snprintf(text, sizeof text, "VM 102 %s, asked %s%s%s", vm->status, age,
	    vm->qmp[0] ? ", QMP " : "", vm->qmp);
	paragraph(b, MAY, LOOK_PLAIN, "state", text);
}

static void
build_verb(struct box *b)
{
	say_against(b);
	say_busy(b);
	say_verdict(b);
	say_staged(b);
	say_host(b);
	paragraph(b, DOES, LOOK_STRONG, "does", verb_rows[b->verb].does);
	paragraph(b, MAY, LOOK_PLAIN, "not", verb_rows[b->verb].limits);
	say_state(b);
	if (strcmp(b->vm->agent.state, "working") == 0)
		paragraph(
		    b, MAY, LOOK_BUSY, "agent", "it is working on the devvm right now");
	paragraph(b, LAST, LOOK_QUIET, "first", "forensics are captured, always");
}

static void
build_key(struct box *b, const struct confirm *k)
{
	paragraph(b, MUST, LOOK_STRONG, "",
	    "This host shows another key than the one that is known.");
	paragraph(b, MUST, LOOK_PLAIN, "shows", k->fingerprint);
	if (b->vm->link[k->host].why[0])
		paragraph(b, MUST, LOOK_PLAIN, "why", b->vm->link[k->host].why);
	paragraph(b, MUST, LOOK_PLAIN, "",
	    "Accept it only if you know why it changed (a new installation). If not, somebody "
	    "may stand between you and the host.");
}

void
confirm_text(struct lines *l, const struct confirm *k, const struct model *m, int64_t now,
    int rows)
{
	struct box *b = mem_alloc(sizeof *b);

	b->vm = &m->vm;
	b->verdict = &m->verdict;
	b->now = now;
	b->verb = k->verb;
	b->narrow = l->width < NARROW_COLS;
	b->keys = rows > 0;
	if (k->what == CONFIRM_VERB)
		build_verb(b);
	else
		build_key(b, k);
	choose(b, l->width, rows);
	for (int i = 0; i < b->count; i++)
		if (b->all[i].shown)
			render(l, &b->all[i]);
	free(b);
}
