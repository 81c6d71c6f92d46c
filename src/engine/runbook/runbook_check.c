/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a runbook's blocks say of each other.  A step may wait for a finding, a
 * finding looks at steps, a repair's check is a step: a walk along these names that
 * comes back to where it began would never be decided.
 */
#include <stdio.h>
#include <string.h>

#include "engine/runbook/runbook_int.h"

static int
step_by_id(const struct runbook *rb, const char *id)
{
	for (size_t i = 0; i < rb->step_count; i++)
		if (strcmp(rb->steps[i].id, id) == 0)
			return (int)i;
	return -1;
}

static int
finding_by_id(const struct runbook *rb, const char *id)
{
	for (size_t i = 0; i < rb->finding_count; i++)
		if (strcmp(rb->findings[i].id, id) == 0)
			return (int)i;
	return -1;
}

static int
repair_by_id(const struct runbook *rb, const char *id)
{
	for (size_t i = 0; i < rb->repair_count; i++)
		if (strcmp(rb->repairs[i].id, id) == 0)
			return (int)i;
	return -1;
}

struct named {
	const char *id;
	int line;
};

/* Steps, findings and repairs share their names, so that a sentence can use them. */
static size_t
all_named(const struct runbook *rb, struct named *out)
{
	size_t n = 0;

	for (size_t i = 0; i < rb->step_count; i++)
		out[n++] = (struct named){rb->steps[i].id, rb->steps[i].line};
	for (size_t i = 0; i < rb->finding_count; i++)
		out[n++] = (struct named){rb->findings[i].id, rb->findings[i].line};
	for (size_t i = 0; i < rb->repair_count; i++)
		out[n++] = (struct named){rb->repairs[i].id, rb->repairs[i].line};
	return n;
}

static int
check_names(struct reader *r)
{
	struct named all[RUNBOOK_STEPS_MAX + RUNBOOK_FINDINGS_MAX + RUNBOOK_REPAIRS_MAX];
	size_t n = all_named(r->rb, all);

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(all[i].id, all[k].id) == 0) {
				bool later = all[i].line > all[k].line;

				return runbook_bad(r, all[later ? i : k].line,
				    "\"%s\" is there already, on line %d: each id once",
				    all[i].id, all[later ? k : i].line);
			}
	return 0;
}

static int
check_steps(struct reader *r)
{
	struct runbook *rb = r->rb;

	if (rb->step_count == 0)
		return runbook_bad(r, r->line,
		    "there is nothing to run: a ```devvm, ```pve or "
		    "```verdict block is missing");
	for (size_t i = 0; i < rb->step_count; i++) {
		struct step *s = &rb->steps[i];

		if (!s->when_id[0])
			continue;
		s->when = finding_by_id(rb, s->when_id);
		if (s->when < 0)
			return runbook_bad(r, s->line,
			    "when=%s: there is no finding of that name in this file",
			    s->when_id);
	}
	return 0;
}

static int
check_look(struct reader *r, struct finding *f, struct look *l)
{
	struct runbook *rb = r->rb;

	l->step = step_by_id(rb, l->step_id);
	if (l->step < 0)
		return runbook_bad(r, l->line, "there is no block \"%s\" in this file%s",
		    l->step_id,
		    repair_by_id(rb, l->step_id) >= 0
			? ": it is a repair, which a finding "
			  "cannot look at"
			: "");
	if (l->part >= PART_WORD && rb->steps[l->step].kind != STEP_VERDICT)
		return runbook_bad(r, l->line,
		    "\"%s\" is a %s block: .word .advice .why .todo .line are of a verdict block",
		    l->step_id, step_kind_name(rb->steps[l->step].kind));
	if (l->step > f->last)
		f->last = l->step;
	return 0;
}

/* The highest $N in text, 0: none. */
static int
groups_in(const char *text)
{
	int most = 0;

	for (const char *p = text; *p; p++)
		if (p[0] == '$' && p[1] == '$' && p[2] >= '1' && p[2] <= '9')
			p += 2; /* itself */
		else if (p[0] == '$' && p[1] >= '1' && p[1] <= '9' && p[1] - '0' > most)
			most = p[1] - '0';
	return most;
}

static int
check_groups(struct reader *r, struct finding *f)
{
	int have = pattern_groups(f->looks[0].pattern), want = groups_in(f->say);
	int todo = groups_in(f->todo);

	if (todo > want)
		want = todo;
	for (size_t i = 0; i < f->if_count; i++) {
		if (f->ifs[i].left.group > want)
			want = f->ifs[i].left.group;
		if (f->ifs[i].right.group > want)
			want = f->ifs[i].right.group;
	}
	if (want > have)
		return runbook_bad(r, f->line,
		    "$%d is used, and the pattern behind \"in\" has %d group%s in (…)",
		    want, have, have == 1 ? "" : "s");
	return 0;
}

static int
check_offer(struct reader *r, struct finding *f)
{
	struct runbook *rb = r->rb;
	int have = pattern_groups(f->looks[0].pattern), want;
	bool checked = false;

	if (!f->repair_id[0])
		return 0;
	f->repair = repair_by_id(rb, f->repair_id);
	if (f->repair < 0)
		return runbook_bad(r, f->line,
		    "offer %s: there is no repair of that name in this file",
		    f->repair_id);
	for (size_t i = 0; i < f->look_count; i++)
		checked |=
		    strcmp(f->looks[i].step_id, rb->repairs[f->repair].check_id) == 0;
	if (!checked)
		return runbook_bad(r, f->line,
		    "the repair \"%s\" is checked by \"%s\", which this finding does not look "
		    "at: it would never be seen to be gone",
		    f->repair_id, rb->repairs[f->repair].check_id);
	want = groups_in(rb->repairs[f->repair].command);
	if (want > have)
		return runbook_bad(r, f->line,
		    "the repair \"%s\" uses $%d, and this finding's pattern has %d group%s",
		    f->repair_id, want, have, have == 1 ? "" : "s");
	return 0;
}

static int
check_findings(struct reader *r)
{
	struct runbook *rb = r->rb;

	for (size_t i = 0; i < rb->finding_count; i++) {
		struct finding *f = &rb->findings[i];

		for (size_t k = 0; k < f->look_count; k++)
			if (check_look(r, f, &f->looks[k]) < 0)
				return -1;
		if (check_groups(r, f) < 0)
			return -1;
	}
	return 0;
}

static int
check_offers(struct reader *r)
{
	for (size_t i = 0; i < r->rb->finding_count; i++)
		if (check_offer(r, &r->rb->findings[i]) < 0)
			return -1;
	return 0;
}

static int
check_repairs(struct reader *r)
{
	struct runbook *rb = r->rb;

	for (size_t i = 0; i < rb->repair_count; i++) {
		struct repair *p = &rb->repairs[i];
		bool offered = false;

		if (repair_by_id(rb, p->check_id) >= 0)
			return runbook_bad(r, p->line,
			    "check=%s is a repair: a loop. A check is a devvm block that only "
			    "reads",
			    p->check_id);
		p->check = step_by_id(rb, p->check_id);
		if (p->check < 0)
			return runbook_bad(r, p->line,
			    "check=%s: there is no block of that name in this file",
			    p->check_id);
		if (rb->steps[p->check].kind != STEP_DEVVM || !rb->steps[p->check].reads)
			return runbook_bad(r, p->line,
			    "check=%s: a check is a devvm block that only reads",
			    p->check_id);
		for (size_t k = 0; k < rb->finding_count; k++)
			offered |= strcmp(rb->findings[k].repair_id, p->id) == 0;
		if (!offered)
			return runbook_bad(r, p->line,
			    "no finding offers the repair \"%s\": offer %s", p->id,
			    p->id);
	}
	return 0;
}

/* --- loops --- */

struct walk {
	const struct runbook *rb;
	/* 0: not seen, 1: on the way, 2: done */
	char steps[RUNBOOK_STEPS_MAX];
	char way[300];
	size_t len;
};

static void
walk_say(struct walk *w, const char *id)
{
	if (w->len < sizeof w->way)
		w->len += (size_t)snprintf(w->way + w->len, sizeof w->way - w->len,
		    "%s%s", w->len ? " -> " : "", id);
}

/* The steps that must have run before this one may; true: it waits for itself. */
static bool
walk_step(struct walk *w, int step)
{
	const struct step *s = &w->rb->steps[step];
	const struct finding *f;
	size_t len = w->len;

	if (w->steps[step] == 2 || s->when < 0)
		return false;
	walk_say(w, s->id);
	if (w->steps[step] == 1)
		return true;
	w->steps[step] = 1;
	f = &w->rb->findings[s->when];
	walk_say(w, f->id);
	for (size_t i = 0; i < f->look_count; i++)
		if (walk_step(w, f->looks[i].step))
			return true;
	w->steps[step] = 2;
	w->len = len;
	return false;
}

static int
check_order(struct reader *r)
{
	struct runbook *rb = r->rb;
	struct walk w = {.rb = rb};

	for (int i = 0; i < (int)rb->step_count; i++) {
		w.len = 0;
		if (walk_step(&w, i))
			return runbook_bad(r, rb->steps[i].line,
			    "a loop: %s; a block cannot wait for what itself shows",
			    w.way);
	}
	for (int i = 0; i < (int)rb->step_count; i++) {
		const struct step *s = &rb->steps[i];

		if (s->when >= 0 && rb->findings[s->when].last > i)
			return runbook_bad(r, s->line,
			    "when=%s looks at \"%s\", which runs behind this block: put it first",
			    s->when_id, rb->steps[rb->findings[s->when].last].id);
	}
	return 0;
}

int
runbook_check(struct reader *r)
{
	if (check_names(r) < 0 || check_steps(r) < 0 || check_findings(r) < 0 ||
	    check_repairs(r) < 0 || check_offers(r) < 0)
		return -1;
	return check_order(r);
}
