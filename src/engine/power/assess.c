/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/assess.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/power/guest_screen.h"
#include "engine/record/incident.h"
#include "engine/power/proof.h"
#include "engine/power/shot.h"
#include "engine/power/verdict.h"

#define ASSESS_CLIMB_MS 20000 /* one climb; its write has a limit of its own */
#define ASSESS_AGAIN_MS 30000 /* between two climbs that nobody asked for */
#define ASSESS_FRESH_MS                                                                \
	10000		     /* a console that comes is shown a climb as young as that \
			      */
#define ASSESS_LOST_MS 10000 /* a PVE host that is back by then was not lost */

struct assess {
	struct incident *incident;
	struct broker *broker;
	struct ladder *ladder;
	struct proof *proof;
	struct shot *shot;
	struct guest_screen *screen;
	uv_timer_t timer; /* of a climb that is wanted, but not yet */
	/* The host's last answer, and the capture that it does not contradict. */
	struct vmfacts now, cap;
	bool known, captured;
	int64_t now_ms, cap_ms;
	char cap_id[16];
	char *png; /* of that capture; NULL: none */
	char png_id[16];
	/* The last climb, while it still holds. */
	struct ladder_seen seen;
	bool seen_holds;
	int64_t seen_ms, began_ms, took_ms;
	int64_t wanted_ms; /* the last climb that nobody asked for */
	char climb_id[16]; /* the run that a climb under way completes; "": none */
	bool climbing;
	char mutating[16]; /* id of the mutating verb under way; "": none */
	enum verb mutates;
	/* A capture does not say what stands in a verb's way: a status is on its way. */
	bool status_due, climbed;
	char after_verb[16];
	bool unanswered; /* the PVE host was asked and did not answer */
	enum verdict_link pve, devvm;
	int consoles;
	/* What was told last. */
	const char *word, *advice;
	const char *nots[VERBS]; /* why not; NULL: nothing speaks against it */
	assess_told_fn *told;
	void *told_arg;
};

static bool
may_climb(const struct assess *a)
{
	return !a->mutating[0] && !proof_is_climbing(a->proof) &&
	    !(a->known && a->now.host.state == HOSTJOB_RUNNING);
}

/* --- what the verdict is made of --- */

static void
copy_facts(struct vmfacts *to, const struct vmfacts *from)
{
	*to = *from;
	to->staged = NULL; /* the rows are not ours; how many there are is measured */
}

#define NEWER_TEXT(member)                                                  \
	do {                                                                \
		if (n->member[0])                                           \
			memcpy(out->member, n->member, sizeof out->member); \
	} while (0)

/* A capture with what a later answer says of the things that stand in a verb's way. */
static const struct vmfacts *
assess_host(const struct assess *a, struct vmfacts *out)
{
	const struct vmfacts *n = &a->now;

	if (!a->captured)
		return a->known ? n : NULL;
	copy_facts(out, &a->cap);
	if (!a->known)
		return out;
	NEWER_TEXT(m.ha);
	NEWER_TEXT(m.startable);
	NEWER_TEXT(m.startable_why);
	if (n->m.uptime_s >= 0)
		out->m.uptime_s = n->m.uptime_s;
	if (a->now_ms < a->cap_ms)
		return out;
	memcpy(out->lock, n->lock, sizeof out->lock);
	NEWER_TEXT(m.lock_holder);
	out->host = n->host;
	if (n->m.staged >= 0)
		out->m.staged = n->m.staged;
	return out;
}

static const char *
host_program_todo(const struct assess *a)
{
	const struct js *vm = incident_state(a->incident, "vm", NULL);
	const char *todo = vm ? js_str(vm, "host_todo") : NULL;

	return todo ? todo : "install the host program of this breakglass (README)";
}

/* id: the run that it is for; what a verb itself captures is from before it. */
static void
assess_decide(const struct assess *a, const char *id, struct verdict *v,
    struct verdict_in *in, struct vmfacts *host)
{
	const struct remote *pve = broker_remote(a->broker, DOOR_PVE);
	int64_t now = clock_mono_ms();

	*in = (struct verdict_in){
	    .host = assess_host(a, host),
	    .captured = a->captured,
	    .host_age_ms = now - (a->captured ? a->cap_ms : a->now_ms),
	    .ladder = a->seen_holds ? &a->seen : NULL,
	    .ladder_age_ms = now - a->seen_ms,
	    .ladder_took_ms = a->took_ms,
	    .pve = a->unanswered ? VERDICT_LINK_DOWN : a->pve,
	    .devvm = a->devvm,
	    .pve_why = a->pve == VERDICT_LINK_DOWN ? remote_why(pve)
						   : "it did not answer the question",
	    .devvm_why = remote_why(broker_remote(a->broker, DOOR_DEVVM)),
	    .pve_key_changed = remote_key_state(pve) == HOSTKEY_CHANGED,
	    .after_verb = a->after_verb[0] ? a->after_verb : NULL,
	    .under_way = a->mutating[0] && !(id && strcmp(id, a->mutating) == 0)
		? verb_rows[a->mutates].name
		: NULL,
	    .png = a->captured && a->png && strcmp(a->png_id, a->cap_id) == 0 ? a->png
									      : NULL,
	};
	verdict_decide(in, v);
}

/* --- telling --- */

static struct js *
not_rows(const struct verdict *v)
{
	struct js *rows = js_array();

	for (size_t i = 0; i < v->not_count; i++) {
		struct js *row = js_new();

		js_set_str(row, "verb", verb_rows[v->not_now[i].verb].name);
		js_set_str(row, "why", v->not_now[i].why);
		js_add(rows, row);
	}
	return rows;
}

/*
 * More will be told about this very run.  Forensics beside a mutating verb or its proof
 * have no climb of their own: what is known then is their last word.
 */
static bool
more_comes(const struct assess *a, const char *id)
{
	if (!id || !*id)
		return false;
	return strcmp(id, a->mutating) == 0 ||
	    (strcmp(id, a->climb_id) == 0 &&
		(a->climbing || a->status_due || proof_is_climbing(a->proof)));
}

static void
assess_emit(struct assess *a, const struct verdict *v, const struct verdict_in *in,
    const char *id)
{
	struct js *f = incident_fact(FACT_VERDICT, "engine"), *lines = js_array();
	const char *host_word = verdict_host_word(in);
	char *todo = NULL;

	for (size_t i = 0; i < v->evidence_count; i++)
		js_add_str(lines, v->evidence[i]);
	js_set_str(f, "word", v->word);
	js_set_str(f, "advice", v->advice);
	js_set_str(f, "why", v->why);
	if (in->host && in->host->plain && !in->host->marks) {
		js_set_str(f, "host_program", "old");
		todo = mem_printf("%s%sthe host program is old: %s", v->todo,
		    v->todo[0] ? "; " : "", host_program_todo(a));
	}
	if (todo || v->todo[0])
		js_set_str(f, "todo", todo ? todo : v->todo);
	js_set(f, "evidence", lines);
	js_set(f, "not", not_rows(v));
	if (in->ladder)
		js_set(f, "rungs", ladder_rungs(in->ladder->rung_ms));
	if (id && *id)
		js_set_str(f, "id", id);
	js_set_bool(f, "partial", v->partial);
	if (more_comes(a, id))
		js_set_bool(f, "climbing", true);
	if (host_word[0])
		js_set_str(f, "host_word", host_word);
	js_set_int(f, "checked", clock_mono_ms());
	incident_emit(a->incident, FACT_VERDICT, f);
	free(todo);
}

/* id: the run that asked for it, which is told whatever it is; NULL: only news. */
static void
assess_tell(struct assess *a, const char *id)
{
	struct verdict v;
	struct verdict_in in;
	struct vmfacts host;
	const char *nots[VERBS] = {NULL};

	if (!id && (a->climbing || !may_climb(a)))
		return; /* its end is told */
	assess_decide(a, id, &v, &in, &host);
	for (size_t i = 0; i < v.not_count; i++)
		nots[v.not_now[i].verb] = v.not_now[i].why;
	if (!id && a->word == v.word && a->advice && strcmp(a->advice, v.advice) == 0 &&
	    memcmp(a->nots, nots, sizeof nots) == 0)
		return;
	LOG("assess", "%s, advice %s%s", v.word, v.advice, v.partial ? " (partial)" : "");
	a->word = v.word;
	a->advice = v.advice;
	memcpy(a->nots, nots, sizeof nots);
	assess_emit(a, &v, &in, id ? id : a->captured ? a->cap_id : NULL);
	if (a->told)
		a->told(&v, id, more_comes(a, id), a->told_arg);
}

void
assess_on_told(struct assess *a, assess_told_fn *fn, void *arg)
{
	a->told = fn;
	a->told_arg = arg;
}

void
assess_now(const struct assess *a, struct verdict *out)
{
	struct verdict_in in;
	struct vmfacts host;

	assess_decide(a, NULL, out, &in, &host);
}

/* --- climbing --- */

/* The last word about a run: when both the climb and the status have come. */
static void
assess_complete(struct assess *a)
{
	char id[sizeof a->climb_id];

	if (!a->climbed || (a->climb_id[0] && a->status_due))
		return;
	a->climbed = false;
	snprintf(id, sizeof id, "%s", a->climb_id);
	a->climb_id[0] = '\0';
	assess_tell(a, id[0] ? id : NULL);
}

/* Another run takes over: who waits for this one is told what is known. */
static void
assess_cut_short(struct assess *a)
{
	a->climbing = a->status_due = false;
	if (!a->climb_id[0])
		return;
	a->climbed = true;
	assess_complete(a);
}

static void
assess_climbed(struct assess *a, const struct ladder_seen *seen)
{
	a->seen_holds = seen != NULL;
	if (seen)
		a->seen = *seen;
	a->seen_ms = clock_mono_ms();
	a->after_verb[0] = '\0';
	a->climbed = true;
	assess_complete(a);
}

static void
on_climb(const struct ladder_seen *seen, bool over, void *arg)
{
	struct assess *a = arg;

	if (!over)
		return;
	a->climbing = false;
	a->took_ms = clock_mono_ms() - a->began_ms;
	proof_guest(a->proof, seen);
	assess_climbed(a, seen);
}

/* The proof of recovery has climbed instead of us. */
static void
on_proof_over(const char *end, const struct ladder_seen *seen, void *arg)
{
	struct assess *a = arg;

	if (strcmp(end, "superseded") == 0)
		return;	 /* the next verb's own will speak */
	a->took_ms = -1; /* it was many climbs */
	assess_climbed(a, strcmp(end, "stopped") == 0 ? NULL : seen);
}

/* id: the run whose verdict it completes, or NULL: a climb under way is enough. */
static bool
assess_climb(struct assess *a, const char *id)
{
	if (!may_climb(a))
		return false;
	if (id)
		assess_cut_short(a);
	if (id)
		snprintf(a->climb_id, sizeof a->climb_id, "%s", id);
	else if (a->climbing)
		return true;
	a->climbing = true;
	a->began_ms = clock_mono_ms();
	uv_timer_stop(&a->timer);
	ladder_climb(a->ladder, ASSESS_CLIMB_MS, on_climb, a);
	return true;
}

static void
assess_stop_climb(struct assess *a)
{
	ladder_stop(a->ladder);
	uv_timer_stop(&a->timer);
	assess_cut_short(a);
	a->seen_holds = false;
}

static void
on_timer(uv_timer_t *t)
{
	struct assess *a = t->data;

	if (a->consoles == 0)
		return;
	a->wanted_ms = clock_mono_ms();
	assess_climb(a, NULL);
}

/* A climb that nobody asked for: only where somebody looks, and not too often. */
static void
assess_want_climb(struct assess *a, int64_t delay_ms)
{
	int64_t wait =
	    a->wanted_ms ? a->wanted_ms + ASSESS_AGAIN_MS - clock_mono_ms() : 0;

	if (a->consoles == 0 || a->climbing || !may_climb(a))
		return;
	if (wait < delay_ms)
		wait = delay_ms;
	uv_timer_start(&a->timer, on_timer, (uint64_t)wait, 0);
}

/* --- what is heard --- */

static bool
queue_waits(const struct vmfacts *vm)
{
	return vm->m.vq_inuse > 0 && vm->m.idle_ms >= VERDICT_STATUS_IDLE_MS;
}

static bool
same_vm(const struct vmfacts *a, const struct vmfacts *b)
{
	return strcmp(a->status, b->status) == 0 &&
	    (a->pid == 0 || b->pid == 0 || a->pid == b->pid) &&
	    strcmp(a->m.vm, b->m.vm) == 0;
}

/* Does the status say something that the capture cannot be true beside? */
static bool
contradicts(const struct vmfacts *cap, const struct vmfacts *now)
{
	return !same_vm(cap, now) ||
	    (strcmp(cap->verdict, "stall") == 0 && now->m.vq_inuse == 0);
}

/* Takes an answer as what is true now; true when it is another state than before. */
static bool
assess_learn(struct assess *a, const struct vmfacts *vm)
{
	bool news = !a->known || !same_vm(&a->now, vm) ||
	    (queue_waits(vm) && !queue_waits(&a->now));

	if (!vm->status[0] || strcmp(vm->status, "unknown") == 0)
		return false;
	copy_facts(&a->now, vm);
	a->now_ms = clock_mono_ms();
	a->known = true;
	a->unanswered = false;
	if (a->captured && contradicts(&a->cap, vm))
		a->captured = false;
	return news;
}

void
assess_status(struct assess *a, const struct vmfacts *vm, bool climb)
{
	bool answered = vm->status[0] && strcmp(vm->status, "unknown") != 0;
	bool first = !a->known;

	if (!answered && !a->mutating[0])
		a->unanswered = true;
	if (answered && assess_learn(a, vm) && !first && may_climb(a)) {
		/* the climb saw another state */
		a->seen_holds = false;
		assess_want_climb(a, 0);
	}
	if (climb)
		assess_climb(a, NULL);
	a->status_due = false;
	if (a->climbed)
		assess_complete(a);
	else
		assess_tell(a, NULL);
}

static void
assess_capture(struct assess *a, const struct vmfacts *vm, const char *id)
{
	copy_facts(&a->cap, vm);
	a->cap_ms = clock_mono_ms();
	a->captured = vm->marks && vm->verdict[0];
	snprintf(a->cap_id, sizeof a->cap_id, "%s", id);
	a->unanswered = false;
	a->seen_holds = a->climbing && a->seen_holds;
	if (!proof_is_climbing(a->proof)) /* else the guest is still on its way up */
		a->after_verb[0] = '\0';
	if (!a->captured)
		assess_learn(a, vm);
}

static void
forensics_ended(struct assess *a, const struct vmfacts *vm, const char *id, bool ok)
{
	if (ok) {
		assess_capture(a, vm, id);
	} else {
		a->captured = false;
		a->unanswered = true;
	}
	a->seen_holds = false;
	if (assess_climb(a, id))
		a->status_due = ok; /* watch asks for it now */
	assess_tell(a, id);
}

/* The host refused, and changed nothing: what was captured still holds. */
static bool
nothing_was_done(int exit)
{
	static const int codes[] = {2, 4, 5, 7, 8, 75}; /* docs/host-protocol.md */

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] == exit)
			return true;
	return false;
}

/*
 * A mutating verb's lines measured the QEMU that was, before it acted.  Of the one
 * that is, they say the status and the process.
 */
static void
assess_learn_result(struct assess *a, const struct vmfacts *vm)
{
	struct vmfacts after;

	copy_facts(&after, vm);
	vmfacts_begin(&after);
	after.marks = vm->marks;
	after.plain = vm->plain;
	after.pid = vm->pid;
	assess_learn(a, &after);
}

static void
mutation_ended(struct assess *a, const struct vmfacts *vm, const struct power_what *what,
    enum power_end how, int exit)
{
	const char *verb = verb_rows[what->verb].name;
	bool untouched =
	    how == POWER_FAILED || (how == POWER_EXITED && nothing_was_done(exit));

	a->mutating[0] = '\0';
	if (!untouched) {
		a->captured = false;
		a->seen_holds = false;
		snprintf(a->after_verb, sizeof a->after_verb, "%s", verb);
	}
	if (how == POWER_EXITED && !untouched)
		assess_learn_result(a, vm);
	/* Its proof climbs; of a verb that was lost the host tells more, later. */
	if (proof_is_climbing(a->proof))
		snprintf(a->climb_id, sizeof a->climb_id, "%s", what->id);
	else if (how == POWER_FAILED)
		assess_climb(a, what->id);
	assess_tell(a, what->id);
}

void
assess_verb_began(struct assess *a, const struct power_what *what)
{
	snprintf(a->mutating, sizeof a->mutating, "%s", what->id);
	a->mutates = what->verb;
	assess_stop_climb(a); /* the last word of what it cuts short knows of the verb */
}

void
assess_verb_line(struct assess *a, const struct vmfacts *vm,
    const struct power_what *what, const char *line, size_t len)
{
	static const char captured[] = "#bg phase=forensics-done";

	shot_line(a->shot, what->id, line, len);
	guest_screen_line(a->screen, what->id, line, len);
	if (!verb_rows[what->verb].mutating || len < sizeof captured - 1 ||
	    memcmp(line, captured, sizeof captured - 1) != 0)
		return;
	assess_capture(a, vm, what->id);
	assess_tell(a, what->id);
}

void
assess_verb_ended(struct assess *a, const struct vmfacts *vm,
    const struct power_what *what, enum power_end how, int exit)
{
	static const struct vmfacts unanswered; /* no status */

	shot_end(a->shot);
	guest_screen_end(a->screen);
	if (verb_rows[what->verb].mutating)
		mutation_ended(a, vm, what, how, exit);
	else if (what->verb == VERB_FORENSICS)
		forensics_ended(a, vm, what->id, how == POWER_EXITED && exit == 0);
	else
		assess_status(a, how == POWER_EXITED ? vm : &unanswered,
		    how == POWER_EXITED && strcmp(what->asked, "operator") == 0);
}

void
assess_consoles(struct assess *a, int count)
{
	bool first = count > 0 && a->consoles == 0;

	a->consoles = count;
	if (first && (!a->seen_holds || clock_mono_ms() - a->seen_ms > ASSESS_FRESH_MS))
		assess_climb(a, NULL);
}

void
assess_link(struct assess *a, enum door door)
{
	enum remote_state s = remote_state(broker_remote(a->broker, door));
	enum verdict_link *link = door == DOOR_PVE ? &a->pve : &a->devvm;
	enum verdict_link is = s == REMOTE_UP	     ? VERDICT_LINK_UP
	    : s == REMOTE_DOWN || s == REMOTE_SILENT ? VERDICT_LINK_DOWN
						     : *link; /* it is being tried */

	if (is == *link || (door != DOOR_PVE && door != DOOR_DEVVM))
		return;
	*link = is;
	if (door == DOOR_DEVVM && is == VERDICT_LINK_DOWN && a->consoles == 0)
		a->seen_holds =
		    false; /* nobody looks: it is climbed when somebody does */
	if (door == DOOR_PVE && is == VERDICT_LINK_DOWN)
		assess_want_climb(a, ASSESS_LOST_MS);
	else if (door == DOOR_DEVVM &&
	    (is == VERDICT_LINK_DOWN || !a->seen_holds ||
		ladder_stands_at(&a->seen) != RUNGS))
		assess_want_climb(a, 0);
}

/* --- life --- */

static void
on_shot(const char *id, const char *path, void *arg)
{
	struct assess *a = arg;

	free(a->png);
	a->png = mem_dup(path);
	snprintf(a->png_id, sizeof a->png_id, "%s", id);
}

struct assess *
assess_new(uv_loop_t *loop, struct incident *incident, struct broker *broker,
    struct proof *proof)
{
	struct assess *a = mem_alloc(sizeof *a);

	a->incident = incident;
	a->broker = broker;
	a->proof = proof;
	proof_on_over(proof, on_proof_over, a);
	a->ladder = ladder_new(loop, broker);
	a->shot = shot_new(loop, incident, on_shot, a);
	a->screen = guest_screen_new(incident);
	vmfacts_begin(&a->now);
	vmfacts_begin(&a->cap);
	ladder_seen_init(&a->seen);
	uv_timer_init(loop, &a->timer);
	a->timer.data = a;
	return a;
}

static void
on_timer_closed(uv_handle_t *handle)
{
	struct assess *a = handle->data;

	free(a->png);
	free(a);
}

void
assess_free(struct assess *a)
{
	if (!a)
		return;
	ladder_free(a->ladder);
	shot_free(a->shot);
	guest_screen_free(a->screen);
	uv_close((uv_handle_t *)&a->timer, on_timer_closed);
}
