/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/power.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/record/incident.h"
#include "engine/later.h"
#include "engine/record/mark.h"
#include "engine/remote/run.h"
#include "wire/frame.h"

#define POWER_CONNECT_MS 15000	  /* a verb waits so long for the PVE host */
#define POWER_LINE_MAX (8 * 1024) /* longer lines of the host are no marks of ours */

enum verb_state { VERB_ASKED, VERB_CONFIRMED, VERB_SENDING, VERB_SENT, VERB_OVER };

struct power_verb {
	struct power_verb *next;
	struct power *power;
	enum verb_state state;
	enum verb verb;
	char id[16];
	char *asked, *by;
	int turn;
	int64_t began_ms;
	const struct power_listener *listener;
	void *arg;
	struct broker_run *run;
	int64_t confirmed_ms; /* wall clock */
	char host_run[72];    /* its name at the host; "": not told yet */
	struct frame lines;
	uv_timer_t deadline;
	bool marks;   /* the host program is ours: it ends with a result line */
	char *result; /* that line's words; NULL until it has come */
	char *why;    /* of a refusal */
};

struct power {
	struct power_config cfg;
	struct power_verb *verbs;
	struct power_verb *slot;
	struct {
		char by[WIRE_NAME_MAX + 1]; /* "": nobody */
		char verb[16];
		int64_t since_ms;
	} held; /* at the host, out of our sight */
	unsigned last_id;
};

static void
verb_fact(struct power_verb *v, const char *state, const char *key, const char *value)
{
	struct js *f = incident_fact(FACT_VERB, v->by);

	js_set_str(f, "id", v->id);
	js_set_str(f, "verb", verb_rows[v->verb].name);
	js_set_str(f, "asked", v->asked);
	js_set_str(f, "state", state);
	if (key)
		js_set_str(f, key, value); /* NULL: no member */
	if (v->turn)
		js_set_int(f, "turn", v->turn);
	incident_emit(v->power->cfg.incident, FACT_VERB, f);
}

static void
slot_fact(struct power *p)
{
	struct js *f = incident_fact(FACT_STATE, p->slot ? p->slot->by : "engine");

	js_set_str(f, "what", "slot");
	if (p->slot) {
		js_set_str(f, "holder", p->slot->by);
		js_set_str(f, "verb", verb_rows[p->slot->verb].name);
		js_set_int(f, "since", p->slot->began_ms);
	} else if (p->held.by[0]) {
		js_set_str(f, "holder", p->held.by);
		js_set_str(f, "verb", p->held.verb);
		js_set_int(f, "since", p->held.since_ms);
	}
	incident_emit(p->cfg.incident, FACT_STATE, f);
}

static void
on_verb_closed(uv_handle_t *handle)
{
	struct power_verb *v = handle->data;

	frame_fini(&v->lines);
	free(v->asked);
	free(v->by);
	free(v->result);
	free(v->why);
	free(v);
}

static struct power_what
verb_what(const struct power_verb *v)
{
	return (struct power_what){
	    v->verb, v->id, v->asked, v->by, v->host_run, v->confirmed_ms};
}

/* The one way out of every state. */
static void
verb_over(struct power_verb *v, enum power_end how, int exit, const char *why)
{
	struct power *p = v->power;
	struct power_verb **at = &p->verbs;
	struct power_what what = verb_what(v);

	v->state = VERB_OVER;
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	if (p->slot == v) {
		p->slot = NULL;
		slot_fact(p);
	}
	if (how != POWER_REFUSED)
		p->cfg.events->after(&what, how, exit, p->cfg.arg);
	if (v->listener)
		v->listener->end(how, exit, why, v->arg);
	uv_close((uv_handle_t *)&v->deadline, on_verb_closed);
}

static void
on_refused(void *arg)
{
	struct power_verb *v = arg;

	verb_over(v, POWER_REFUSED, 64, v->why);
}

/* Refusals are facts at once and ends from the loop. */
static void
verb_refuse(struct power_verb *v, const char *why)
{
	v->why = mem_dup(why);
	verb_fact(v, "refused", "why", why);
	if (v->power->slot == v) {
		v->power->slot = NULL;
		slot_fact(v->power);
	}
	later(v->power->cfg.loop, on_refused, v);
}

static int64_t
verb_deadline_ms(const struct power_verb *v)
{
	int64_t table = verb_rows[v->verb].deadline_s;
	int64_t set = v->power->cfg.options->pve_verb_timeout_seconds;

	if (!verb_rows[v->verb].mutating)
		return 1000 * (table < set || set == 0 ? table : set);
	return 1000 * (set ? set * (table / verb_rows[VERB_STOP].deadline_s) : table);
}

static void
on_deadline(uv_timer_t *t)
{
	struct power_verb *v = t->data;
	char text[160];

	if (!verb_rows[v->verb].mutating) {
		broker_run_stop(v->run, "the PVE host did not answer in time");
		return;
	}
	snprintf(text, sizeof text,
	    "no end after %lld s: it goes on at the host, and is still watched",
	    (long long)(clock_mono_ms() - v->began_ms) / 1000);
	verb_fact(v, "waiting", "text", text);
}

static void
verb_on_mark(struct power_verb *v, const struct mark *m)
{
	struct js *f;
	const char *text;

	v->marks = true;
	if (strcmp(m->kind, "result") == 0) {
		free(v->result);
		text = mark_get(m, "why");
		v->result = mem_dup(text ? text : "");
		return;
	}
	if (strcmp(m->kind, "run") != 0 && strcmp(m->kind, "phase") != 0)
		return;
	f = incident_fact(FACT_VERB, v->by);
	js_set_str(f, "id", v->id);
	js_set_str(f, "verb", verb_rows[v->verb].name);
	js_set_str(f, "state", "stage");
	if (strcmp(m->kind, "run") == 0) {
		text = mark_get(m, "id");
		snprintf(v->host_run, sizeof v->host_run, "%s", text ? text : "");
		js_set_str(f, "stage", "accepted");
		js_set_str(f, "host_run", text);
	} else {
		js_set_str(f, "stage", mark_get(m, "phase"));
		js_set_int(f, "ms", mark_int(m, "t_ms", -1));
		js_set_str(f, "how", mark_get(m, "by"));
	}
	incident_emit(v->power->cfg.incident, FACT_VERB, f);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct power_verb *v = arg;
	struct power *p = v->power;
	struct mark m;

	/* A read-only verb's phases are no stages that anyone waits for. */
	if (verb_rows[v->verb].mutating && mark_parse(&m, line, len))
		verb_on_mark(v, &m);
	p->cfg.events->line(
	    &(struct power_what){v->verb, v->id, v->asked}, line, len, p->cfg.arg);
	return true;
}

static void
on_sent(void *arg)
{
	struct power_verb *v = arg;

	v->state = VERB_SENT;
	if (verb_rows[v->verb].mutating)
		uv_timer_start(
		    &v->deadline, on_deadline, (uint64_t)verb_deadline_ms(v), 0);
	verb_fact(v, "sent", "run", broker_run_id(v->run));
}

static void
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct power_verb *v = arg;

	if (stream == 1)
		frame_feed(&v->lines, data, len, on_line, v);
	if (v->listener && !v->listener->output(stream, data, len, v->arg))
		v->listener = NULL;
}

static void
verb_finished(struct power_verb *v, int code)
{
	struct js *f = incident_fact(FACT_VERB, v->by);

	js_set_str(f, "id", v->id);
	js_set_str(f, "verb", verb_rows[v->verb].name);
	js_set_str(f, "asked", v->asked);
	js_set_str(f, "state", "finished");
	js_set_int(f, "exit", code);
	js_set_int(f, "ms", clock_mono_ms() - v->began_ms);
	if (v->result && v->result[0])
		js_set_str(f, "result", v->result);
	incident_emit(v->power->cfg.incident, FACT_VERB, f);
}

static void
on_end(enum remote_end how, int code, const char *why, void *arg)
{
	struct power_verb *v = arg;

	v->run = NULL;
	if (how == REMOTE_EXITED && v->marks && !v->result) {
		/* What streamed it there died; what does it goes on. */
		how = REMOTE_LOST;
		why =
		    "the host program's words ended before their end: only the host knows";
	} else if (how == REMOTE_EXITED && verb_rows[v->verb].mutating && v->marks &&
	    code == POWER_EXIT_FAULT) {
		how = REMOTE_LOST;
		why = v->result;
	}
	if (how == REMOTE_EXITED) {
		verb_finished(v, code);
		verb_over(v, POWER_EXITED, code, v->result ? v->result : "");
	} else if (how == REMOTE_FAILED || v->state < VERB_SENT) {
		verb_fact(v, "refused", "why", why);
		verb_over(v, POWER_FAILED, 255, why);
	} else {
		/* Sent, and no exit came back: only the host knows. */
		verb_fact(v, "unknown", "why", why);
		verb_over(v, POWER_UNKNOWN, 255, why);
	}
}

static const struct broker_exec_events exec_events = {on_sent, on_output, on_end};

static void
verb_send(struct power_verb *v)
{
	const struct verb_row *row = &verb_rows[v->verb];
	struct power *p = v->power;
	int64_t deadline_ms = verb_deadline_ms(v);
	struct power_what what = verb_what(v);

	v->state = VERB_SENDING;
	p->cfg.events->before(&what, p->cfg.arg);
	/* A mutating verb's time begins when it is sent: before that it is refused. */
	if (!row->mutating)
		uv_timer_start(&v->deadline, on_deadline, (uint64_t)deadline_ms, 0);
	v->run = broker_exec(p->cfg.broker, row->mutating ? DOOR_PVE_VERB : DOOR_PVE,
	    &(struct run_info){.asked = v->asked,
		.by = v->by,
		.host = "pve",
		.what = row->name,
		.what_len = row->len,
		.turn = v->turn,
		.verb = row->name},
	    deadline_ms < POWER_CONNECT_MS ? deadline_ms : POWER_CONNECT_MS, &exec_events,
	    v);
}

/* Law 2: the confirmation is on the disk before the first byte goes out. */
static void
on_synced(bool on_disk, const char *why, void *arg)
{
	struct power_verb *v = arg;
	char text[256];

	if (!on_disk && strcmp(v->asked, "agent") == 0) {
		snprintf(text, sizeof text,
		    "the journal cannot be written (%.120s): the agent's mutating verbs are refused, "
		    "operators' keys still work",
		    why);
		verb_refuse(v, text);
		return;
	}
	if (strcmp(v->asked, "agent") == 0 && broker_killed_by(v->power->cfg.broker)) {
		verb_refuse(v, POLICY_KILLED);
		return;
	}
	verb_send(v);
}

static bool
verb_take_slot(struct power_verb *v, char *why, size_t size)
{
	struct power *p = v->power;
	char age[16];

	if (p->held.by[0]) {
		snprintf(why, size,
		    "%s holds the slot: %s, for %s; it still runs at the host, and one "
		    "mutation runs at a time",
		    p->held.by, p->held.verb,
		    clock_age(clock_mono_ms() - p->held.since_ms, age, sizeof age));
		return false;
	}
	if (p->slot) {
		snprintf(why, size,
		    "%s holds the slot: %s, for %s; one mutation at a time", p->slot->by,
		    verb_rows[p->slot->verb].name,
		    clock_age(clock_mono_ms() - p->slot->began_ms, age, sizeof age));
		return false;
	}
	if (remote_key_state(broker_remote(p->cfg.broker, DOOR_PVE_VERB)) ==
		HOSTKEY_CHANGED ||
	    remote_key_state(broker_remote(p->cfg.broker, DOOR_PVE)) == HOSTKEY_CHANGED) {
		snprintf(why, size,
		    "the PVE host's key is not the one that is known: compare %s on the host, "
		    "then /accept pve",
		    remote_fingerprint(broker_remote(p->cfg.broker, DOOR_PVE)));
		return false;
	}
	p->slot = v;
	slot_fact(p);
	return true;
}

static void
verb_decide(struct power_verb *v, const char *confirm)
{
	const struct verb_row *row = &verb_rows[v->verb];
	char why[320];

	if (!row->mutating) {
		verb_send(v);
		return;
	}
	if (strcmp(v->asked, "operator") == 0 &&
	    (!confirm || strcmp(confirm, row->name) != 0)) {
		snprintf(why, sizeof why, "not confirmed: it will %s; say --confirm %s",
		    row->does, row->name);
		verb_refuse(v, why);
	} else if (!verb_take_slot(v, why, sizeof why)) {
		verb_refuse(v, why);
	} else {
		v->state = VERB_CONFIRMED;
		v->confirmed_ms = clock_wall_ms();
		verb_fact(v, "confirmed", NULL, NULL);
		if (strcmp(v->asked, "agent") == 0)
			broker_verb_counts(v->power->cfg.broker);
		incident_sync(v->power->cfg.incident, on_synced, v);
	}
}

struct power_verb *
power_ask(struct power *p, const struct power_ask *ask)
{
	struct power_verb *v = mem_alloc(sizeof *v);

	v->power = p;
	v->verb = ask->verb;
	v->asked = mem_dup(ask->asked);
	v->by = mem_dup(ask->by);
	v->turn = ask->turn;
	v->listener = ask->listener;
	v->arg = ask->arg;
	v->began_ms = clock_mono_ms();
	frame_init(&v->lines, POWER_LINE_MAX);
	uv_timer_init(p->cfg.loop, &v->deadline);
	v->deadline.data = v;
	v->next = p->verbs;
	p->verbs = v;
	snprintf(v->id, sizeof v->id, "v%u", ++p->last_id);
	verb_fact(v, "asked", "req", ask->req);
	verb_decide(v, ask->confirm);
	return v;
}

const char *
power_verb_id(const struct power_verb *v)
{
	return v->id;
}

void
power_unlisten(struct power_verb *v)
{
	v->listener = NULL;
}

bool
power_is_busy(const struct power *p)
{
	return p->slot != NULL;
}

void
power_hold(struct power *p, const char *by, const char *verb, int64_t since_ms)
{
	snprintf(p->held.by, sizeof p->held.by, "%s", by ? by : "");
	snprintf(p->held.verb, sizeof p->held.verb, "%s", verb ? verb : "");
	p->held.since_ms = since_ms;
	slot_fact(p);
}

/* --- the agent's verbs --- */

static bool
on_agent_output(int stream, const char *data, size_t len, void *arg)
{
	return broker_run_tell(arg, stream, data, len);
}

static void
on_agent_end(enum power_end how, int exit, const char *why, void *arg)
{
	bool exited = how == POWER_EXITED;

	broker_run_over(
	    arg, how == POWER_REFUSED, exited ? exit : 255, exited ? NULL : why);
}

static const struct power_listener agent_listener = {
    .output = on_agent_output, .end = on_agent_end};

static void
on_agent_verb(enum verb verb, int turn, struct broker_run *run, void *arg)
{
	power_ask(arg,
	    &(struct power_ask){.verb = verb,
		.asked = "agent",
		.by = "agent",
		.turn = turn,
		.listener = &agent_listener,
		.arg = run});
}

struct power *
power_new(const struct power_config *cfg)
{
	struct power *p = mem_alloc(sizeof *p);

	p->cfg = *cfg;
	broker_set_verbs(cfg->broker, on_agent_verb, p);
	return p;
}

void
power_free(struct power *p)
{
	struct power_verb *v;

	if (!p)
		return;
	while ((v = p->verbs) != NULL) {
		p->verbs = v->next;
		if (v->listener && v->listener->drop)
			v->listener->drop(v->arg);
		uv_close((uv_handle_t *)&v->deadline, on_verb_closed);
	}
	free(p);
}

/* --- before and after this engine --- */

void
power_found(struct power *p, const struct js *record)
{
	const char *id = js_is(record, "t", "verb") ? js_str(record, "id") : NULL;
	unsigned n = id && id[0] == 'v' ? (unsigned)strtoul(id + 1, NULL, 10) : 0;

	if (n > p->last_id)
		p->last_id = n;
}

bool
power_is_read_by_old(const struct power *p)
{
	const struct power_verb *v = p->slot;
	const struct js *vm = incident_state(p->cfg.incident, "vm", NULL);

	return v && v->state == VERB_SENT && !v->marks && vm &&
	    js_is(vm, "host_program", "old");
}

void
power_leave(struct power *p)
{
	struct power_verb *v = p->slot;

	if (!v || v->why) /* refused already */
		return;
	if (v->state < VERB_SENT)
		verb_fact(v, "refused", "why", "the engine left before it was sent");
	else if (power_is_read_by_old(p))
		verb_fact(v, "unknown", "why",
		    "the engine left, and the old host program dies with its reader: "
		    "VM 102 may be left stopped; start it then (F4)");
	else
		verb_fact(v, "unknown", "why",
		    "the engine left while it ran; the host goes on with it");
}
