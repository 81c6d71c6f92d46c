/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/confirm_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "console/view/confirm_why.h"
#include "console/action/keymap.h"
#include "console/view/view_who.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

#define NARROW_COLS 50 /* below this, no column for the labels */
#define TINY_ROWS 3    /* up to this, no labels, and one line of the verdict */
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
	const struct model *model;
	const struct vm *vm;
	const struct verdict *verdict;
	int64_t now;
	int verb;
	bool narrow, tiny, warned, keys;
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
	snprintf(p->name, sizeof p->name, "%s", b->tiny ? "" : name);
	snprintf(p->text, sizeof p->text, "%s", text);
	return p;
}

static void
render(struct lines *l, const struct box *b, const struct paragraph *p)
{
	bool narrow = l->width < NARROW_COLS;
	char label[24];

	snprintf(l->indent, sizeof l->indent, "%s",
	    !p->name[0]	 ? ""
		: narrow ? "  "
			 : "         ");
	if (p->name[0]) {
		snprintf(label, sizeof label,
		    !b->keys && p->name[0] != ' ' ? "%s: "
			: narrow		  ? "%s "
						  : "%-9s",
		    p->name);
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
		render(&l, b, &b->all[i++]);
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

static void
say_against(struct box *b)
{
	char text[CONFIRM_WHY_MAX];

	b->warned =
	    confirm_against(b->model, b->verb, b->now, b->keys, text, sizeof text);
	if (b->warned)
		paragraph(b, MUST, LOOK_BAD, "warning", text);
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
	char age[32], ask[32], text[384];

	keymap_verb_label(VERB_FORENSICS, b->keys, ask, sizeof ask);
	if (!v->known) {
		snprintf(text, sizeof text, "none yet; %s captures the evidence", ask);
		paragraph(b, MAY, LOOK_BUSY, "verdict", text);
		return;
	}
	if (b->tiny && verdict_is_fresh(v, b->now)) {
		snprintf(text, sizeof text, "%s: %s", v->word,
		    verdict_advice(v) == b->verb ? "advised" : "NOT advised");
		paragraph(b, MUST, LOOK_STRONG, "", text);
		return;
	}
	words_age(b->now - v->checked, age, sizeof age);
	if (v->outdated)
		snprintf(text, sizeof text, "was %s, before the last verb", v->word);
	else if (!verdict_is_fresh(v, b->now))
		snprintf(text, sizeof text, "%s, %s: too old to go by; %s asks again",
		    v->word, b->now < v->checked ? "earlier" : age, ask);
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

/* What it would be interrupted in, in the words of its own command. */
static void
say_agent(struct box *b)
{
	const struct tail *t = &b->model->tools;
	const struct tail_run *last = NULL;
	char span[32], more[24] = "", text[400];
	int count = 0;

	for (size_t i = 0; i < t->count; i++)
		if (!t->runs[i]->ended && strcmp(t->runs[i]->asked, "agent") == 0) {
			last = t->runs[i];
			count++;
		}
	if (!last && strcmp(b->vm->agent.state, "working") != 0)
		return;
	if (count > 1)
		snprintf(more, sizeof more, " (+%d)", count - 1);
	if (last)
		snprintf(text, sizeof text, "runs on %s for %s%s: %.160s", last->host,
		    words_span(b->now - last->began, span, sizeof span), more,
		    last->what);
	else
		snprintf(text, sizeof text, "works now%s%s",
		    b->vm->agent.progress[0] ? ": " : "", b->vm->agent.progress);
	paragraph(b, SHOULD, LOOK_BUSY, "agent", text);
}

/* Who else is here: they see this, and it is their work that ends, too. */
static void
say_people(struct box *b)
{
	const struct incident *in = &b->model->incident;
	const struct operator_here *d = incident_driver(in);
	char text[300] = "";
	size_t at = 0;

	if (in->operators < 2)
		return;
	for (int i = 0; i < in->operators && at + 48 < sizeof text; i++) {
		const struct operator_here *o = &in->here[i];

		at += (size_t)snprintf(text + at, sizeof text - at, "%s%s%s%s",
		    at ? ", " : "", o->name,
		    strcmp(o->name, in->you) == 0 ? " (you)" : "",
		    o == d	       ? " drives"
			: o->read_only ? " only watches"
				       : "");
	}
	paragraph(b, SHOULD, LOOK_PLAIN, "here", text);
}

/* Whose shell on the devvm ends with it. */
static void
say_shells(struct box *b)
{
	char text[200];

	if (b->vm->shells.open <= 0 || b->verb == VERB_START)
		return;
	snprintf(text, sizeof text, "%s has a shell on the devvm: it ends with this",
	    b->vm->shells.who);
	paragraph(b, SHOULD, LOOK_BUSY, "shell", text);
}

static void
say_usual(struct box *b)
{
	const struct vm_usual *u = &b->vm->usual[b->verb];
	char span[32], text[128];

	if (u->n <= 0 || u->ms < 0)
		return;
	snprintf(text, sizeof text, "usually %s until %s (%lld earlier)",
	    words_span(u->ms, span, sizeof span),
	    b->verb == VERB_STOP ? "it is off" : "the devvm is healthy", (long long)u->n);
	paragraph(b, MAY, LOOK_PLAIN, "takes", text);
}

/* Why what was typed is gone. */
static void
say_anew(struct box *b, const struct confirm *k)
{
	char text[CONFIRM_ANEW_MAX + 32];

	if (!k->anew[0])
		return;
	snprintf(text, sizeof text, "%s Read it again.", k->anew);
	paragraph(b, MUST, LOOK_BUSY, "changed", text);
}

/* The word was right, and still it is the wrong verb: asked once more, otherwise. */
static void
say_second(struct box *b)
{
	int advice =
	    verdict_is_fresh(b->verdict, b->now) ? verdict_advice(b->verdict) : -1;
	char name[32], text[128];

	keymap_verb_label(advice, b->keys, name, sizeof name);
	if (advice >= 0 && advice != b->verb) {
		snprintf(
		    text, sizeof text, "no, then %s: the verdict advises that", name);
		paragraph(b, SHOULD, LOOK_STRONG, "better", text);
	}
	paragraph(b, DOES, LOOK_PLAIN, "does", verb_rows[b->verb].does);
	paragraph(b, MAY, LOOK_PLAIN, "limits", verb_rows[b->verb].limits);
}

static void
build_verb(struct box *b, const struct confirm *k)
{
	say_anew(b, k);
	say_against(b);
	say_busy(b);
	if (k->second) {
		say_second(b);
		return;
	}
	say_verdict(b);
	say_staged(b);
	say_agent(b);
	say_people(b);
	say_shells(b);
	say_host(b);
	paragraph(b, DOES, LOOK_STRONG, "does", verb_rows[b->verb].does);
	paragraph(b, MAY, LOOK_PLAIN, "limits", verb_rows[b->verb].limits);
	say_usual(b);
	say_state(b);
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

	b->model = m;
	b->vm = &m->vm;
	b->verdict = &m->verdict;
	b->now = now;
	b->verb = k->verb;
	b->narrow = l->width < NARROW_COLS;
	b->keys = rows > 0;
	b->tiny = rows > 0 && rows <= TINY_ROWS;
	if (k->what == CONFIRM_VERB)
		build_verb(b, k);
	else
		build_key(b, k);
	choose(b, l->width, rows);
	for (int i = 0; i < b->count; i++)
		if (b->all[i].shown)
			render(l, b, &b->all[i]);
	free(b);
}
