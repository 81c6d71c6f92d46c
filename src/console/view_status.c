/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view_status.h"

#include <stdio.h>
#include <string.h>

#include "console/keymap.h"
#include "console/view_proof.h"
#include "console/view_verdict.h"
#include "console/view_who.h"
#include "console/words.h"
#include "wire/verbs.h"

#define PARTS_MAX 12
#define TINY_COLS 30	       /* below this, one thing is said of the VM */
#define OLD_MS (5 * 60 * 1000) /* a verdict that is older shows its age */
#define ESSENTIAL 5	       /* parts that are shortened before they are left out */

struct part {
	char text[2][160]; /* long, short */
	uint32_t look;
	bool shorter, gone;
};

struct parts {
	struct part part[PARTS_MAX]; /* in the order of their rank */
	int count;
};

static struct part *
part_add(struct parts *p, uint32_t look)
{
	struct part *n = &p->part[p->count < PARTS_MAX - 1 ? p->count++ : p->count];

	memset(n, 0, sizeof *n);
	n->look = look;
	return n;
}

static bool
says_tiny(const struct screen *s)
{
	const struct verdict *v = &s->model.verdict;

	return v->known && !v->outdated && !verdict_is_healthy(v);
}

/* Where there is room for one thing, what is wrong says more than what runs. */
static void
put_tiny(struct part *n, const struct screen *s, const char *age)
{
	const struct verdict *v = &s->model.verdict;
	const struct vm *vm = &s->model.vm;

	if (says_tiny(s))
		snprintf(n->text[1], sizeof n->text[1], "%s%s (%s)", v->word,
		    verdict_is_doubtful(v) ? "?" : "", age);
	else
		snprintf(n->text[1], sizeof n->text[1], "%s (%s)",
		    strcmp(vm->qmp, "hung") == 0 ? "VM hung" : vm->status, age);
}

static void
add_vm(struct parts *p, const struct screen *s, int64_t now, int cols)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char age[32];
	bool hung;

	if (!vm->known) {
		n = part_add(p, LOOK_BUSY);
		/* The engine asks by itself; a frozen QEMU keeps the host busy for 5 s.
		 */
		snprintf(n->text[0], sizeof n->text[0], "VM 102 %s",
		    strcmp(vm->link[VM_PVE].state, "up") == 0 ? "is being asked"
							      : "not asked yet");
		snprintf(n->text[1], sizeof n->text[1], "VM ?");
		return;
	}
	n = part_add(
	    p, strcmp(vm->status, "running") == 0 ? LOOK_GOOD | STYLE_BOLD : LOOK_BAD);
	if (strcmp(vm->qmp, "hung") == 0)
		n->look = LOOK_BAD;
	words_age(now - vm->checked, age, sizeof age);
	/* A verdict says it better. */
	hung = strcmp(vm->qmp, "hung") == 0 &&
	    (!s->model.verdict.known || s->model.verdict.outdated);
	snprintf(n->text[0], sizeof n->text[0], "VM 102 %s%s (%s)", vm->status,
	    hung ? ", QMP hung" : "", age);
	if (cols < TINY_COLS)
		put_tiny(n, s, age);
	else
		snprintf(n->text[1], sizeof n->text[1], "VM %s%s (%s)", vm->status,
		    hung ? ", hung" : "", age);
}

/*
 * The verdict's word: "hung", "hung?" while evidence is missing, "was hung" once a
 * verb was sent.  Long, it names the key.
 */
static void
add_verdict(struct parts *p, const struct screen *s, int64_t now, int cols)
{
	const struct verdict *v = &s->model.verdict;
	int verb = verdict_advice(v);
	char age[32] = "", span[32], key[32], tight[24] = "";
	struct part *n;
	long minutes;

	if (!v->known || (cols < TINY_COLS && says_tiny(s)))
		return;
	n = part_add(p, v->outdated ? LOOK_QUIET : view_verdict_look(v));
	if (now - v->checked >= OLD_MS) {
		snprintf(age, sizeof age, " (%s)",
		    words_age(now - v->checked, span, sizeof span));
		minutes = (long)((now - v->checked) / 60000);
		snprintf(tight, sizeof tight, minutes < 100 ? " %ldm" : " %ldh",
		    minutes < 100 ? minutes : minutes / 60);
	}
	keymap_verb_label(v->outdated ? -1 : verb, true, key, sizeof key);
	snprintf(n->text[0], sizeof n->text[0], "%s%s%s%s%s%s", v->outdated ? "was " : "",
	    v->word, verdict_is_doubtful(v) ? "?" : "", key[0] ? ": " : "", key, age);
	snprintf(n->text[1], sizeof n->text[1], "%s%s%s%s", v->outdated ? "was " : "",
	    v->word, verdict_is_doubtful(v) ? "?" : "", tight);
}

static void
add_proof(struct parts *p, const struct screen *s, int64_t now)
{
	const struct proof *proof = &s->model.vm.proof;
	struct part *n;

	if (!proof_is_climbing(proof))
		return;
	n = part_add(p, LOOK_BUSY);
	view_proof_words(proof, now, false, n->text[0], sizeof n->text[0]);
	view_proof_words(proof, now, true, n->text[1], sizeof n->text[1]);
}

static void
add_slot(struct parts *p, const struct screen *s, int64_t now)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char span[32];

	if (!vm->slot.holder[0])
		return;
	n = part_add(p, LOOK_BUSY | STYLE_BOLD);
	words_span(now - vm->slot.since, span, sizeof span);
	snprintf(n->text[0], sizeof n->text[0], "%s by %s %s", vm->slot.verb,
	    vm->slot.holder, span);
	snprintf(n->text[1], sizeof n->text[1], "%s %s", vm->slot.verb, span);
}

static void
add_link(struct parts *p, const struct screen *s, enum vm_host host, int64_t now)
{
	const struct vm_link *l = &s->model.vm.link[host];
	const char *name = vm_host_names[host];
	bool up = strcmp(l->state, "up") == 0;
	struct part *n = part_add(p, up ? LOOK_GOOD : LOOK_BUSY);
	char age[32];

	if (!l->known) {
		snprintf(n->text[0], sizeof n->text[0], "%s ?", name);
		snprintf(n->text[1], sizeof n->text[1], "%s ?", name);
		return;
	}
	if (strcmp(l->state, "down") == 0 || strcmp(l->state, "refused") == 0 ||
	    strcmp(l->state, "silent") == 0)
		n->look = LOOK_BAD;
	snprintf(n->text[1], sizeof n->text[1], "%s %s", name, l->state);
	if (up && l->ms >= 0)
		snprintf(n->text[0], sizeof n->text[0], "%s up %lld ms", name,
		    (long long)l->ms);
	else if (up || strcmp(l->state, "idle") == 0)
		snprintf(n->text[0], sizeof n->text[0], "%s %s", name, l->state);
	else if (now - l->since < 20000)
		snprintf(n->text[0], sizeof n->text[0], "%s %s", name, l->state);
	else
		snprintf(n->text[0], sizeof n->text[0], "%s %s %s", name, l->state,
		    words_age(now - l->since, age, sizeof age));
}

static void
add_agent(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char more[40] = "";

	if (!vm->agent.known)
		return;
	n = part_add(p,
	    strcmp(vm->agent.state, "ready") == 0	      ? LOOK_GOOD
		: strcmp(vm->agent.state, "unavailable") == 0 ? LOOK_BAD
							      : LOOK_BUSY);
	if (vm->agent.queued > 0)
		snprintf(more, sizeof more, " +%lld queued", (long long)vm->agent.queued);
	if (vm->agent.route[0])
		n->look = LOOK_BUSY;
	snprintf(n->text[0], sizeof n->text[0], "agent %s%s%s%s%s%s%s%s%.60s",
	    vm->agent.state, vm->agent.driver[0] ? " (" : "", vm->agent.driver,
	    vm->agent.endpoint[0] ? " " : "", vm->agent.endpoint,
	    vm->agent.driver[0] ? ")" : "", more, vm->agent.progress[0] ? ": " : "",
	    vm->agent.progress);
	snprintf(n->text[1], sizeof n->text[1], "agent %s", vm->agent.state);
	if (vm->agent.quiet_ms >= 60000)
		snprintf(n->text[0], sizeof n->text[0], "agent %s, quiet for %lld s",
		    vm->agent.state, (long long)(vm->agent.quiet_ms / 1000));
}

static void
add_people(struct parts *p, const struct screen *s, int cols)
{
	struct part *n;

	if (s->read_only) {
		n = part_add(p, LOOK_STRONG);
		snprintf(n->text[0], sizeof n->text[0], "READ-ONLY");
		snprintf(n->text[1], sizeof n->text[1], "READ-ONLY");
	}
	if (s->model.incident.operators < 2)
		return;
	n = part_add(p, LOOK_STRONG);
	view_who_long(s, cols, n->text[0], sizeof n->text[0]);
	view_who_short(s, n->text[1], sizeof n->text[1]);
}

static void
add_rest(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;
	char tokens[16], most[24] = "", calls[48] = "", verbs[48] = "";

	if (vm->budget.cost_max_usd > 0)
		snprintf(most, sizeof most, "$%.0f", vm->budget.cost_max_usd);
	if (vm->autonomy[0]) {
		n = part_add(p, LOOK_PLAIN);
		snprintf(n->text[0], sizeof n->text[0], "%s", vm->autonomy);
		snprintf(n->text[1], sizeof n->text[1], "%s",
		    strcmp(vm->autonomy, "autonomous") == 0 ? "auto" : vm->autonomy);
	}
	if (s->model.incident.id[0]) {
		n = part_add(p, LOOK_QUIET);
		snprintf(n->text[0], sizeof n->text[0], "%s%s", s->model.incident.id,
		    s->model.incident.open ? "" : " (closed)");
		snprintf(n->text[1], sizeof n->text[1], "%.12s", s->model.incident.id);
	}
	if (vm->budget.in + vm->budget.out > 0) {
		n = part_add(p, LOOK_QUIET);
		words_count(vm->budget.in + vm->budget.out, tokens, sizeof tokens);
		if (vm->budget.turn_calls_max > 0)
			snprintf(calls, sizeof calls, ", calls %lld/%lld",
			    (long long)vm->budget.turn_calls,
			    (long long)vm->budget.turn_calls_max);
		if (vm->budget.verbs_hour > 0)
			snprintf(verbs, sizeof verbs, ", verbs %lld/%lld",
			    (long long)vm->budget.verbs_hour,
			    (long long)vm->budget.verbs_hour_max);
		if (vm->budget.spent[0])
			n->look = LOOK_BAD;
		snprintf(n->text[0], sizeof n->text[0], "%s tokens $%.2f%s%s%s%s%s%.32s",
		    tokens, vm->budget.cost_usd, most[0] ? " of " : "", most, calls,
		    verbs, vm->budget.spent[0] ? ", spent: " : "", vm->budget.spent);
		snprintf(n->text[1], sizeof n->text[1], "$%.2f", vm->budget.cost_usd);
	}
}

static int
total_width(const struct parts *p)
{
	int cols = 0;

	for (int i = 0; i < p->count; i++) {
		const struct part *n = &p->part[i];
		const char *text = n->text[n->shorter];

		if (!n->gone)
			cols += canvas_width(text, strlen(text)) + (cols > 0 ? 3 : 0);
	}
	return cols;
}

/* Shortens and leaves out from the last rank up; what the VM does comes last. */
static void
squeeze(struct parts *p, int cols)
{
	for (int i = p->count - 1; i > 0 && total_width(p) > cols; i--)
		p->part[i].shorter = true;
	for (int i = p->count - 1; i >= ESSENTIAL && total_width(p) > cols; i--)
		p->part[i].gone = true;
	if (total_width(p) > cols)
		p->part[0].shorter = true;
	for (int i = p->count - 1; i > 0 && total_width(p) > cols; i--)
		p->part[i].gone = true;
	for (int i = 0; i < p->count; i++) { /* what was taken too much is given back */
		p->part[i].shorter = p->part[i].shorter && !p->part[i].gone;
		if (!p->part[i].shorter)
			continue;
		p->part[i].shorter = false;
		p->part[i].shorter = total_width(p) > cols;
	}
}

void
view_status_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	int64_t now = model_now(&s->model, s->now);
	struct parts p = {.count = 0};
	int col = 0;

	add_vm(&p, s, now, r.cols);
	add_verdict(&p, s, now, r.cols);
	add_slot(&p, s, now);
	add_proof(&p, s, now);
	add_people(&p, s, r.cols);
	add_link(&p, s, VM_PVE, now);
	add_link(&p, s, VM_DEVVM, now);
	add_agent(&p, s);
	add_rest(&p, s);
	squeeze(&p, r.cols);
	for (int i = 0; i < p.count; i++) {
		const struct part *n = &p.part[i];

		if (n->gone)
			continue;
		if (col > 0)
			col = canvas_text(c, r, 0, col, LOOK_QUIET, " │ ");
		col = canvas_text(c, r, 0, col, n->look, n->text[n->shorter]);
	}
}
