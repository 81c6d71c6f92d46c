/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_status.h"

#include <stdio.h>
#include <string.h>

#include "console/action/keymap.h"
#include "console/view/progress.h"
#include "console/view/view_proof.h"
#include "console/view/view_status_parts.h"
#include "console/view/view_verdict.h"
#include "console/view/view_who.h"
#include "console/draw/words.h"
#include "wire/verbs.h"

#define TINY_COLS 30	       /* below this, one thing is said of the VM */
#define OLD_MS (5 * 60 * 1000) /* a verdict that is older shows its age */
#define TWO_ROWS 24
#define TWO_COLS 60
#define NEAR 80 /* percent of a limit from which it is told */

/* Where the pieces stand: the first row ends with what comes and goes. */
enum place {
	AT_VM,
	AT_VERDICT,
	AT_AGENT,
	AT_SLOT,
	AT_PROOF,

	AT_PVE,
	AT_DEVVM,
	AT_AUTONOMY,
	AT_WEAK,
	AT_SANDBOX,
	AT_READ_ONLY,
	AT_PEOPLE,
	AT_SHELLS,
	AT_INCIDENT,
	AT_COST,
	AT_VERBS,
	AT_TURN,
	AT_SPENT
};

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

	if (progress_verb(
		vm, model_now(&s->model, s->now), true, n->text[1], sizeof n->text[1])[0])
		return;
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
		n = parts_add(p, AT_VM, LOOK_BUSY);
		/* The engine asks by itself; a frozen QEMU keeps the host busy for 5 s.
		 */
		snprintf(n->text[0], sizeof n->text[0], "VM 102 %s",
		    strcmp(vm->link[VM_PVE].state, "up") == 0 ? "is being asked"
							      : "not asked yet");
		snprintf(n->text[1], sizeof n->text[1], "VM ?");
		return;
	}
	n = parts_add(p, AT_VM,
	    strcmp(vm->status, "running") == 0 ? LOOK_GOOD | STYLE_BOLD : LOOK_BAD);
	if (strcmp(vm->qmp, "hung") == 0)
		n->look = LOOK_BAD;
	words_age(now - vm->checked, age, sizeof age);
	/* A verdict says it better. */
	hung = strcmp(vm->qmp, "hung") == 0 &&
	    (!s->model.verdict.known || s->model.verdict.outdated);
	snprintf(n->text[0], sizeof n->text[0], "VM 102 %s%s (%s)", vm->status,
	    hung ? ", QMP hung" : "", age);
	n->least = (int)(strlen(n->text[0]) - strlen(age) + strlen("20 s ago"));
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
	n = parts_add(p, AT_VERDICT, v->outdated ? LOOK_QUIET : view_verdict_look(v));
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
	const struct vm *vm = &s->model.vm;
	const struct proof *proof = &vm->proof;
	int verb = verb_by_name(proof->verb, strlen(proof->verb));
	struct part *n;
	char usual[32];

	if (!proof_is_climbing(proof))
		return;
	n = parts_add(p, AT_PROOF, LOOK_BUSY);
	view_proof_words(proof, now, false, n->text[0], sizeof n->text[0]);
	if (verb >= 0 && vm->usual[verb].n > 0 && vm->usual[verb].ms >= 0) {
		size_t len = strlen(n->text[0]);

		snprintf(n->text[0] + len, sizeof n->text[0] - len, " (usually %s)",
		    words_span(vm->usual[verb].ms, usual, sizeof usual));
	}
	if (!progress_verb(vm, now, true, n->text[1], sizeof n->text[1])[0])
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
	n = parts_add(p, AT_SLOT, LOOK_BUSY | STYLE_BOLD);
	if (progress_verb(vm, now, false, n->text[0], sizeof n->text[0])[0]) {
		progress_verb(vm, now, true, n->text[1], sizeof n->text[1]);
		return;
	}
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
	struct part *n =
	    parts_add(p, host == VM_PVE ? AT_PVE : AT_DEVVM, up ? LOOK_GOOD : LOOK_BUSY);
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
	n->least = (int)strlen(name) + (int)strlen(" up 999 ms");
	if (up && l->ms >= 0)
		snprintf(n->text[0], sizeof n->text[0], "%s up %lld ms", name,
		    (long long)l->ms);
	else if (up || strcmp(l->state, "idle") == 0)
		snprintf(n->text[0], sizeof n->text[0], "%s %s", name, l->state);
	else if (progress_link(l, now, age, sizeof age)[0])
		snprintf(n->text[0], sizeof n->text[0], "%s %s: %s", name, l->state, age);
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
	int64_t now = model_now(&s->model, s->now);
	int64_t since = now > vm->agent.told ? now - vm->agent.told : 0;
	int64_t quiet = vm->agent.quiet_ms > 0 ? vm->agent.quiet_ms + since : 0;
	struct part *n;
	char more[40] = "";

	if (!vm->agent.known)
		return;
	n = parts_add(p, AT_AGENT,
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
	n->elastic = true;
	n->least = (int)(strlen(n->text[0]) - strlen(vm->agent.state)) + 7; /* working */
	if (quiet >= 60000)
		snprintf(n->text[0], sizeof n->text[0], "agent %s, quiet for %lld s",
		    vm->agent.state, (long long)(quiet / 1000));
}

/* It stays for as long as it is so. */
static void
add_weak(struct parts *p, const struct screen *s)
{
	struct part *n;

	if (!s->model.vm.custody.weak)
		return;
	n = parts_add(p, AT_WEAK, LOOK_NOTICE);
	snprintf(n->text[0], sizeof n->text[0], "WEAK: keys unguarded");
	snprintf(n->text[1], sizeof n->text[1], "WEAK");
}

static void
add_people(struct parts *p, const struct screen *s, int cols)
{
	struct part *n;

	if (s->read_only) {
		n = parts_add(p, AT_READ_ONLY, LOOK_STRONG);
		snprintf(n->text[0], sizeof n->text[0], "READ-ONLY");
		snprintf(n->text[1], sizeof n->text[1], "READ-ONLY");
	}
	if (s->model.vm.shells.open > 0) {
		n = parts_add(p, AT_SHELLS, LOOK_STRONG);
		snprintf(n->text[0], sizeof n->text[0], "%.120s has a shell on the devvm",
		    s->model.vm.shells.who);
		snprintf(n->text[1], sizeof n->text[1], "shell: %.120s",
		    s->model.vm.shells.who);
	}
	if (s->model.incident.operators < 2)
		return;
	n = parts_add(p, AT_PEOPLE, LOOK_STRONG);
	view_who_long(s, cols, n->text[0], sizeof n->text[0]);
	view_who_short(s, n->text[1], sizeof n->text[1]);
}

static void
add_autonomy(struct parts *p, const struct screen *s)
{
	const char *level = s->model.vm.autonomy;
	struct part *n;

	if (s->model.vm.kill.on) {
		n = parts_add(p, AT_AUTONOMY, LOOK_NOTICE);
		snprintf(n->text[0], sizeof n->text[0], "KILLED");
		return;
	}
	if (!level[0])
		return;
	n = parts_add(p, AT_AUTONOMY, LOOK_PLAIN);
	snprintf(n->text[0], sizeof n->text[0], "%s", level);
	snprintf(n->text[1], sizeof n->text[1], "%s",
	    strcmp(level, "autonomous") == 0 ? "auto" : level);
}

/* Only what is open: a wall that stands is no news. */
static void
add_sandbox(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;

	if (vm->sandbox.open_count == 0)
		return;
	n = parts_add(p, AT_SANDBOX, LOOK_BUSY);
	snprintf(n->text[0], sizeof n->text[0], "sandbox open: %.120s", vm->sandbox.open);
	snprintf(n->text[1], sizeof n->text[1], "sandbox open");
}

static void
add_incident(struct parts *p, const struct screen *s)
{
	const struct incident *in = &s->model.incident;
	struct part *n;

	if (!in->id[0])
		return;
	n = parts_add(p, AT_INCIDENT, in->open ? LOOK_QUIET : LOOK_BUSY);
	snprintf(
	    n->text[0], sizeof n->text[0], "%s%s", in->id, in->open ? "" : " (closed)");
	snprintf(
	    n->text[1], sizeof n->text[1], "%.12s%s", in->id, in->open ? "" : " closed");
}

/* --- budgets --- */

struct limit {
	char text[96];
	bool near;
};

/* "12/200 calls" behind what is there already. */
static void
limit_add(struct limit *l, int64_t used, int64_t most, const char *unit)
{
	size_t at = strlen(l->text);
	char a[16], b[16] = "";

	words_count(used, a, sizeof a);
	if (most > 0)
		words_count(most, b, sizeof b);
	snprintf(l->text + at, sizeof l->text - at, "%s%s%s%s %s", at ? ", " : "", a,
	    most > 0 ? "/" : "", b, unit);
	l->near = l->near || (most > 0 && used * 100 >= most * NEAR);
}

static void
add_turn(struct parts *p, const struct screen *s, int64_t now)
{
	const struct vm *vm = &s->model.vm;
	struct limit all = {"", false}, calls = {"", false};
	struct part *n;
	int64_t ms = vm->budget.turn_began > 0 ? now - vm->budget.turn_began : 0;

	if (vm->budget.turn_calls_max <= 0 && vm->budget.turn_tokens_max <= 0)
		return;
	limit_add(&calls, vm->budget.turn_calls, vm->budget.turn_calls_max, "calls");
	limit_add(&all, vm->budget.turn_calls, vm->budget.turn_calls_max, "calls");
	limit_add(&all, vm->budget.turn_tokens, vm->budget.turn_tokens_max, "tokens");
	if (vm->budget.turn_began > 0)
		limit_add(&all, ms / 60000, vm->budget.turn_ms_max / 60000, "min");
	n = parts_add(p, AT_TURN, all.near ? LOOK_BUSY : LOOK_QUIET);
	snprintf(n->text[0], sizeof n->text[0], "turn%s: %s",
	    all.near ? " near its limit" : "", all.text);
	snprintf(
	    n->text[1], sizeof n->text[1], "%s%s", all.near ? "near: " : "", calls.text);
}

static void
add_cost(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	double cost = vm->budget.cost_usd, most = vm->budget.cost_max_usd;
	bool near = most > 0 && cost * 100 >= most * NEAR;
	struct part *n;
	char tokens[16], of[24] = "";

	if (vm->budget.in + vm->budget.out == 0)
		return;
	words_count(vm->budget.in + vm->budget.out, tokens, sizeof tokens);
	if (most > 0)
		snprintf(of, sizeof of, " of $%.0f", most);
	n = parts_add(p, AT_COST, near ? LOOK_BUSY : LOOK_QUIET);
	snprintf(n->text[0], sizeof n->text[0], "$%.2f%s%s, %s tokens", cost, of,
	    near ? " (near)" : "", tokens);
	snprintf(n->text[1], sizeof n->text[1], "$%.2f%s", cost, near ? of : "");
}

/* A limit that was reached, and the agent's power verbs of this hour. */
static void
add_limits(struct parts *p, const struct screen *s)
{
	const struct vm *vm = &s->model.vm;
	struct part *n;

	if (vm->budget.spent[0]) {
		n = parts_add(p, AT_SPENT, LOOK_BAD);
		snprintf(n->text[0], sizeof n->text[0], "spent: %s", vm->budget.spent);
		snprintf(n->text[1], sizeof n->text[1], "spent: %s", vm->budget.spent);
	}
	if (vm->budget.verbs_hour > 0) {
		n = parts_add(p, AT_VERBS,
		    vm->budget.verbs_hour >= vm->budget.verbs_hour_max ? LOOK_BUSY
								       : LOOK_QUIET);
		snprintf(n->text[0], sizeof n->text[0], "agent's verbs %lld/%lld",
		    (long long)vm->budget.verbs_hour,
		    (long long)vm->budget.verbs_hour_max);
		snprintf(n->text[1], sizeof n->text[1], "verbs %lld/%lld",
		    (long long)vm->budget.verbs_hour,
		    (long long)vm->budget.verbs_hour_max);
	}
}

/* --- the rows --- */

static void
draw_two(const struct screen *s, struct canvas *c, struct rect r, int64_t now)
{
	struct parts p = {.essential = 5};

	add_vm(&p, s, now, r.cols);
	add_slot(&p, s, now);
	add_verdict(&p, s, now, r.cols);
	add_proof(&p, s, now);
	add_agent(&p, s);
	parts_draw(&p, c, r);

	p = (struct parts){.essential = 4};
	add_weak(&p, s);
	add_link(&p, s, VM_PVE, now);
	add_link(&p, s, VM_DEVVM, now);
	add_people(&p, s, r.cols);
	add_autonomy(&p, s);
	add_sandbox(&p, s);
	add_limits(&p, s);
	add_cost(&p, s);
	add_incident(&p, s);
	add_turn(&p, s, now);
	r.row++;
	parts_draw(&p, c, r);
}

int
view_status_rows(int cols, int rows)
{
	return rows >= TWO_ROWS && cols >= TWO_COLS ? 2 : 1;
}

void
view_status_draw(const struct screen *s, struct canvas *c, struct rect r)
{
	int64_t now = model_now(&s->model, s->now);
	struct parts p = {.essential = 5, .by_rank = true};

	if (r.rows >= 2) {
		draw_two(s, c, r, now);
		return;
	}
	add_vm(&p, s, now, r.cols);
	add_weak(&p, s);
	add_verdict(&p, s, now, r.cols);
	add_slot(&p, s, now);
	add_proof(&p, s, now);
	add_people(&p, s, r.cols);
	add_link(&p, s, VM_PVE, now);
	add_link(&p, s, VM_DEVVM, now);
	add_agent(&p, s);
	add_autonomy(&p, s);
	add_sandbox(&p, s);
	add_incident(&p, s);
	add_cost(&p, s);
	parts_draw(&p, c, r);
}
