/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/unfinished.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/power/mutations.h"
#include "engine/power/outcome.h"

/* Where no record is kept: so long it may still be at work. */
#define UNTOLD_MS 120000
#define RECENT_S 3600 /* somebody else's run that ended longer ago is no news */
#define WAIT_MS 30000 /* a host that does not answer is waited for before we leave */

struct unfinished {
	struct unfinished_config cfg;
	struct mutations all;		/* ours; the last one is told */
	struct mutation others;		/* at the host, not ours; verb "": none */
	char last_seen[HOSTJOB_ID_MAX]; /* the host's last run, looked at already */
	unsigned generation;		/* of the incident that open's ids belong to */
	int64_t since_ms;		/* mono: something is open since */
	bool holds, follows;
	bool ran_at_host;	/* others: we have seen it run */
	bool went_down;		/* the VM was seen not running since then */
	bool shown;		/* a banner is up */
	struct outcome_of last; /* of what was told last */
	char told[800];
};

/* --- what is told --- */

static void
say_now(const struct vmfacts *vm, bool answered, char *out, size_t size)
{
	const char *status = vm && vm->status[0] ? vm->status : "unknown";

	if (!vm)
		snprintf(out, size, "the PVE host is being asked");
	else if (!answered || strcmp(status, "unknown") == 0)
		snprintf(out, size, "the PVE host does not say what is true now");
	else if (strcmp(status, "hung") == 0)
		snprintf(out, size, "QEMU of VM 102 does not answer");
	else if (strcmp(status, "running") == 0 && vm->pid)
		snprintf(out, size, "VM 102 runs (QEMU pid %ld)", vm->pid);
	else
		snprintf(out, size, "VM 102 is %s", status);
}

static void
tell(struct unfinished *u, const struct mutation *m, const struct outcome_of *o,
    const char *now, const char *key, bool settled)
{
	char words[480], text[640], told[sizeof u->told];
	struct js *f;

	outcome_words(m, o, words, sizeof words);
	snprintf(text, sizeof text, "%s; %s", words, now);
	snprintf(told, sizeof told, "%.640s|%s|%d|%s", text, key, settled, m->id);
	if (strcmp(told, u->told) == 0)
		return;
	strcpy(u->told, told);
	u->shown = !settled;
	u->last = *o;
	f = incident_fact(FACT_STATE, "engine");
	js_set_str(f, "what", "unfinished");
	if (m->id[0])
		js_set_str(f, "id", m->id);
	js_set_str(f, "verb", m->verb);
	js_set_str(f, "who", m->by);
	js_set_str(f, "when", m->at);
	if (m->host_run[0])
		js_set_str(f, "host_run", m->host_run);
	js_set_str(f, "outcome", outcome_name(o->outcome));
	js_set_str(f, "now", now);
	js_set_str(f, "text", text);
	js_set_str(f, "key", key);
	js_set_bool(f, "settled", settled);
	incident_emit(u->cfg.incident, FACT_STATE, f);
}

/* The end of a verb of this incident, as the host tells it. */
static void
close_verb(struct unfinished *u, struct mutation *m, const struct outcome_of *o)
{
	struct js *f;
	char why[480];

	if (m->closed || !m->id[0])
		return;
	m->closed = true;
	mutations_note_ended(&u->all, m->host_run);
	/* The incident it was part of is over: nothing is added to another one. */
	if (!incident_id(u->cfg.incident)[0] ||
	    incident_generation(u->cfg.incident) != u->generation)
		return;
	outcome_words(m, o, why, sizeof why);
	f = incident_fact(FACT_VERB, "engine");
	js_set_str(f, "id", m->id);
	js_set_str(f, "verb", m->verb);
	js_set_str(f, "asked", m->asked);
	js_set_str(f, "learnt", "the host's status");
	if (m->host_run[0])
		js_set_str(f, "host_run", m->host_run);
	if (o->outcome == OUTCOME_DONE || o->outcome == OUTCOME_FAILED) {
		js_set_str(f, "state", "finished");
		js_set_int(f, "exit", o->rc);
		js_set_str(f, "result", why);
	} else {
		js_set_str(
		    f, "state", o->outcome == OUTCOME_NEVER_RAN ? "refused" : "unknown");
		js_set_str(f, "why", why);
	}
	incident_emit(u->cfg.incident, FACT_VERB, f);
}

/* --- the slot, and how often the host is asked --- */

static void
hold(struct unfinished *u, const struct mutation *m, long age_s)
{
	if (m && !u->holds)
		u->cfg.hold(
		    m->by, m->verb, clock_mono_ms() - (int64_t)age_s * 1000, u->cfg.arg);
	else if (!m && u->holds)
		u->cfg.hold(NULL, NULL, 0, u->cfg.arg);
	u->holds = m != NULL;
}

static void
follow(struct unfinished *u, bool on)
{
	if (on != u->follows)
		u->cfg.follow(on, u->cfg.arg);
	u->follows = on;
}

/* --- verbs of this incident --- */

static bool
should_run(const char *verb)
{
	return strcmp(verb, "stop") != 0;
}

/* An old host program, or one of ours that cannot read its own record. */
static bool
keeps_no_record(const struct vmfacts *vm)
{
	return vm->host.state == HOSTJOB_UNTOLD;
}

/* What was at work there may be over; nobody will ever say so. */
static void
judge_untold(struct unfinished *u, const struct mutation *m, const struct vmfacts *vm,
    struct outcome_of *o)
{
	bool running = strcmp(vm->status, "running") == 0;

	u->went_down |= !running;
	if ((u->went_down && running && should_run(m->verb)) ||
	    clock_mono_ms() - u->since_ms > UNTOLD_MS)
		*o = (struct outcome_of){.outcome = OUTCOME_UNKNOWN,
		    .final = true,
		    .why = vm->marks ? "the host keeps no record"
				     : "the old host program keeps no record"};
}

/* One whose end is known; it stays the one that is told until nothing is left to do. */
static void
ended(struct unfinished *u, struct mutation *m, const struct outcome_of *o,
    const struct vmfacts *vm)
{
	bool may_have_run = o->outcome == OUTCOME_DONE ||
	    (o->outcome == OUTCOME_UNKNOWN && keeps_no_record(vm));

	if (m->closed)
		return;
	close_verb(u, m, o);
	if (may_have_run && should_run(m->verb))
		u->cfg.prove(m->verb, u->cfg.arg);
}

static struct outcome_of
judge(struct unfinished *u, struct mutation *m, const struct vmfacts *vm)
{
	struct outcome_of o;

	/* What was known for good stays known when a later run hides it there. */
	if (m->closed && u->last.final && m == &u->all.open[u->all.count - 1])
		return u->last;
	o = outcome_judge(m, &vm->host, clock_wall_ms(), mutations_is_others, &u->all);
	if (keeps_no_record(vm))
		judge_untold(u, m, vm, &o);
	if (o.host_run[0])
		snprintf(m->host_run, sizeof m->host_run, "%s", o.host_run);
	return o;
}

/* All but the last are closed and told of no more, unless it is one of them that
 * still runs.  The one to look at. */
static struct mutation *
close_older(struct unfinished *u, const struct vmfacts *vm)
{
	while (u->all.count > 1) {
		struct outcome_of o;

		u->all.open[0].overtaken = true;
		o = judge(u, &u->all.open[0], vm);
		if (o.outcome == OUTCOME_RUNNING)
			break;
		if (!o.final)
			o.why = "a later verb was sent since";
		close_verb(u, &u->all.open[0], &o);
		mutations_remove(&u->all, &u->all.open[0]);
	}
	return &u->all.open[0];
}

static void
look_at_ours(struct unfinished *u, const struct vmfacts *vm)
{
	struct mutation *m;
	struct outcome_of o;
	char now[160];
	bool settled;

	m = close_older(u, vm);
	o = judge(u, m, vm);
	hold(u, o.outcome == OUTCOME_RUNNING ? m : NULL, vm->host.age_s);
	follow(u, !o.final);
	if (o.final)
		ended(u, m, &o, vm);
	settled = outcome_is_settled(m, &o, vm->status, clock_wall_ms());
	say_now(vm, true, now, sizeof now);
	tell(u, m, &o, now,
	    settled ? "" : outcome_key(m, &o, vm->status, clock_wall_ms()), settled);
	if (settled)
		u->all.count = 0;
}

/* --- runs at the host that are none of ours --- */

static void
others_are(
    struct unfinished *u, const struct hostjob *j, const char *id, const char *verb)
{
	struct mutation *m = &u->others;
	char at[CLOCK_AT_LEN];

	if (strcmp(m->host_run, id) == 0)
		return;
	*m = (struct mutation){0};
	snprintf(m->host_run, sizeof m->host_run, "%s", id);
	snprintf(m->verb, sizeof m->verb, "%s", verb);
	snprintf(m->by, sizeof m->by, "somebody else");
	m->at_ms = hostjob_began_ms(j, id);
	if (m->at_ms < 0)
		m->at_ms = clock_wall_ms();
	snprintf(m->at, sizeof m->at, "%s", clock_at(m->at_ms, at));
	u->ran_at_host = false;
}

/* Did the last one fail, not long ago, and has nobody said so here? */
static bool
is_news(const struct unfinished *u, const struct hostjob *j)
{
	return j->last_id[0] && strcmp(j->last_id, u->last_seen) != 0 &&
	    !mutations_has_ended(&u->all, j->last_id) && j->last_rc != 0 &&
	    j->last_age_s < RECENT_S;
}

static void
find_others(struct unfinished *u, const struct vmfacts *vm)
{
	const struct hostjob *j = &vm->host;

	if (j->state == HOSTJOB_RUNNING ||
	    (j->state == HOSTJOB_INTERRUPTED && !mutations_has_ended(&u->all, j->id) &&
		(j->age_s < RECENT_S || strcmp(vm->status, "running") != 0)))
		others_are(u, j, j->id, j->verb);
	else if (is_news(u, j))
		others_are(u, j, j->last_id, j->last_verb);
	snprintf(u->last_seen, sizeof u->last_seen, "%s", j->last_id);
}

static void
look_at_others(struct unfinished *u, const struct vmfacts *vm)
{
	struct mutation *m = &u->others;
	struct outcome_of o;
	char now[160];
	bool settled;

	find_others(u, vm);
	if (!m->verb[0])
		return;
	o = outcome_judge(m, &vm->host, clock_wall_ms(), mutations_is_others, &u->all);
	hold(u, o.outcome == OUTCOME_RUNNING ? m : NULL, vm->host.age_s);
	follow(u, o.outcome == OUTCOME_RUNNING);
	u->ran_at_host |= o.outcome == OUTCOME_RUNNING;
	if (o.outcome == OUTCOME_DONE && u->ran_at_host && should_run(m->verb))
		u->cfg.prove(m->verb, u->cfg.arg);
	u->ran_at_host &= !o.final;
	settled = outcome_is_settled(m, &o, vm->status, clock_wall_ms());
	say_now(vm, true, now, sizeof now);
	tell(u, m, &o, now,
	    settled ? "" : outcome_key(m, &o, vm->status, clock_wall_ms()), settled);
	if (settled) {
		mutations_note_ended(&u->all, m->host_run);
		*m = (struct mutation){0};
	}
}

static void
not_answered(struct unfinished *u)
{
	const struct mutation *m =
	    u->all.count ? &u->all.open[u->all.count - 1] : &u->others;
	struct outcome_of o = u->last;
	char now[160];

	hold(u, NULL, 0);
	if (!u->shown || !m->verb[0])
		return;
	say_now(&(struct vmfacts){0}, false, now, sizeof now);
	tell(u, m, &o, now, "status", false);
}

void
unfinished_silent(struct unfinished *u)
{
	if (!u->cfg.is_busy(u->cfg.arg))
		not_answered(u);
}

void
unfinished_status(struct unfinished *u, const struct vmfacts *vm)
{
	/* A verb of our own is under way: its own words tell. */
	if (u->cfg.is_busy(u->cfg.arg))
		return;
	if (!vm->marks && !vm->plain) /* whatever that was, it was no host program */
		not_answered(u);
	else if (u->all.count)
		look_at_ours(u, vm);
	else if (vm->marks)
		look_at_others(u, vm);
}

/* --- verbs of this engine --- */

static struct outcome_of
overtaken_end(void)
{
	return (struct outcome_of){.outcome = OUTCOME_UNKNOWN,
	    .final = true,
	    .why = "a later verb has run since"};
}

/* A later verb has run to its end: what was open before is history. */
static void
overtake(struct unfinished *u, const struct power_what *what)
{
	struct mutation *m;
	struct outcome_of o;
	char now[96];

	for (m = u->all.open; m < u->all.open + u->all.count; m++) {
		o = overtaken_end();
		close_verb(u, m, &o);
	}
	m = u->all.count ? &u->all.open[u->all.count - 1] : &u->others;
	if (u->shown && m->verb[0]) {
		o = u->last;
		snprintf(now, sizeof now, "%s by %s has ended since",
		    verb_rows[what->verb].name, what->by);
		tell(u, m, &o, now, "", true);
	}
	mutations_note_ended(&u->all, u->others.host_run);
	u->others = (struct mutation){0};
	u->all.count = 0;
	hold(u, NULL, 0);
	follow(u, false);
}

static void
lost(struct unfinished *u, const struct power_what *what)
{
	struct mutation *m = mutations_add(&u->all, what->id);
	struct outcome_of o = {.outcome = OUTCOME_UNKNOWN};
	char at[CLOCK_AT_LEN], now[96];

	snprintf(m->verb, sizeof m->verb, "%s", verb_rows[what->verb].name);
	snprintf(m->by, sizeof m->by, "%s", what->by);
	snprintf(m->asked, sizeof m->asked, "%s", what->asked);
	snprintf(m->host_run, sizeof m->host_run, "%s", what->host_run);
	m->at_ms = what->confirmed_ms;
	snprintf(m->at, sizeof m->at, "%s", clock_at(m->at_ms, at));
	u->generation = incident_generation(u->cfg.incident);
	u->since_ms = clock_mono_ms();
	u->went_down = false;
	u->others = (struct mutation){0};
	say_now(NULL, false, now, sizeof now);
	tell(u, m, &o, now, "", false);
	follow(u, true);
}

void
unfinished_after(
    struct unfinished *u, const struct power_what *what, enum power_end how, int exit)
{
	if (!verb_rows[what->verb].mutating)
		return;
	mutations_note_ended(&u->all, how == POWER_EXITED ? what->host_run : "");
	if (how == POWER_UNKNOWN)
		lost(u, what);
	else if (how == POWER_EXITED && exit == 0)
		overtake(u, what);
	else
		u->told[0] = '\0'; /* what there was to do still is: said once more */
}

bool
unfinished_is_open(const struct unfinished *u)
{
	return u->holds ||
	    (u->all.count && u->follows && clock_mono_ms() - u->since_ms < WAIT_MS);
}

/* --- what an earlier engine left open --- */

void
unfinished_found(struct unfinished *u, const struct js *r)
{
	mutations_found(&u->all, r);
}

/* What a later verb has overtaken is closed and not told of: its end would change
 * nothing.  Neither is an end that was told, unless it is the last one's. */
static void
forget_history(struct unfinished *u)
{
	struct outcome_of o = overtaken_end();

	for (size_t i = u->all.count; i-- > 0;) {
		if (u->all.open[i].overtaken)
			close_verb(u, &u->all.open[i], &o);
		if (u->all.open[i].closed &&
		    (u->all.open[i].overtaken || i + 1 < u->all.count))
			mutations_remove(&u->all, &u->all.open[i]);
	}
}

void
unfinished_found_end(struct unfinished *u)
{
	struct outcome_of o = {.outcome = OUTCOME_UNKNOWN};
	char now[96];

	u->generation = incident_generation(u->cfg.incident);
	forget_history(u);
	if (!u->all.count)
		return;
	u->since_ms = clock_mono_ms();
	say_now(NULL, false, now, sizeof now);
	tell(u, &u->all.open[u->all.count - 1], &o, now, "", false);
	follow(u, true);
}

struct unfinished *
unfinished_new(const struct unfinished_config *cfg)
{
	struct unfinished *u = mem_alloc(sizeof *u);

	u->cfg = *cfg;
	return u;
}

void
unfinished_free(struct unfinished *u)
{
	free(u);
}
