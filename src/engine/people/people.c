/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/people/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "engine/people/baton.h"
#include "engine/remote/broker.h"
#include "engine/peer.h"
#include "engine/people/who.h"

struct person {
	struct person *next;
	struct people *people;
	struct peer *peer; /* NULL: gone, only its proof is still waited for */
	struct who *who;
	char name[WIRE_NAME_MAX + 1];
	char proof[WHO_WORDS_MAX];
	char vouched[WIRE_NAME_MAX + 32]; /* what stands in front of the proof, or "" */
	char tty[64];
	char since[32], drives_since[32]; /* UTC */
	bool console, read_only;
	bool told;  /* an operator fact said that it is here */
	bool known; /* its proof is all that will come */
};

struct people {
	uv_loop_t *loop;
	struct incident *incident;
	struct person *all; /* in the order in which they came */
	struct baton baton;
	bool drive_untold; /* the driver is one whose coming is not told yet */
	uv_timer_t only;
};

static void on_only(uv_timer_t *timer);

struct people *
people_new(uv_loop_t *loop, struct incident *incident)
{
	struct people *p = mem_alloc(sizeof *p);

	p->loop = loop;
	p->incident = incident;
	uv_timer_init(loop, &p->only);
	uv_unref((uv_handle_t *)&p->only);
	p->only.data = p;
	return p;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
person_free(struct person *o)
{
	struct person **at = &o->people->all;

	while (*at != o)
		at = &(*at)->next;
	*at = o->next;
	who_free(o->who);
	free(o);
}

void
people_free(struct people *p)
{
	if (!p)
		return;
	while (p->all)
		person_free(p->all);
	uv_close((uv_handle_t *)&p->only, on_closed);
}

static struct person *
find_peer(const struct people *p, const struct peer *peer)
{
	struct person *o = p->all;

	while (o && o->peer != peer)
		o = o->next;
	return o;
}

static bool
may_drive(const struct person *o)
{
	return o->peer && o->console && !o->read_only;
}

static struct person *
find_driver(const struct people *p)
{
	struct person *o = p->all;

	while (o && !(may_drive(o) && baton_is(&p->baton, o->name)))
		o = o->next;
	return o;
}

/* --- names --- */

/*
 * Consoles hold a name from the start, one-shot commands once they act: one that asks
 * something in passing takes no name from a console.
 */
static bool
is_taken(const struct people *p, const struct person *but, const char *name)
{
	bool all = !but->console && !but->told;

	for (const struct person *o = p->all; o; o = o->next)
		if (o != but && o->peer && (all || o->console || o->told) &&
		    strcmp(o->name, name) == 0)
			return true;
	return false;
}

static void
settle_name(struct people *p, struct person *o)
{
	char name[WIRE_NAME_MAX + 1];

	snprintf(name, sizeof name, "%s", o->name);
	for (unsigned k = 2; k < 1000 && is_taken(p, o, name); k++)
		snprintf(
		    name, sizeof name, "%.*s.%u", WIRE_NAME_MAX - 4, o->name, k % 1000);
	if (strcmp(name, peer_name(o->peer)) == 0)
		return;
	snprintf(o->name, sizeof o->name, "%s", name);
	peer_set_name(o->peer, name);
	if (o->told)
		peer_welcome(o->peer); /* a console has come under its name meanwhile */
}

/* --- facts --- */

static int
count_here(const struct people *p)
{
	int n = 0;

	for (const struct person *o = p->all; o; o = o->next)
		n += o->peer && o->console;
	return n;
}

static struct js *
operator_fact(const struct people *p, const struct person *o, const char *state)
{
	struct js *f = incident_fact(FACT_OPERATOR, o->name);

	js_set_str(f, "name", o->name);
	js_set_str(f, "state", state);
	js_set_str(f, "proof", o->proof);
	if (o->tty[0])
		js_set_str(f, "tty", o->tty);
	if (o->read_only)
		js_set_bool(f, "read_only", true);
	if (!o->console)
		js_set_str(f, "role", "command");
	js_set_int(f, "here", count_here(p));
	return f;
}

static void
tell(struct people *p, const struct person *o, const char *state, bool again)
{
	struct js *f = operator_fact(p, o, state);

	if (again)
		js_set_bool(f, "again", true);
	incident_emit(p->incident, FACT_OPERATOR, f);
}

static void
tell_driving(struct people *p, const struct person *o, bool again)
{
	struct js *f = operator_fact(p, o, "driving");

	if (p->baton.from[0])
		js_set_str(f, "from", p->baton.from);
	js_set_str(f, "why", baton_why_words(p->baton.why));
	if (again)
		js_set_bool(f, "again", true);
	incident_emit(p->incident, FACT_OPERATOR, f);
}

static void
tell_here(struct people *p)
{
	struct js *f = incident_fact(FACT_STATE, "engine"), *all = js_array();

	for (const struct person *o = p->all; o; o = o->next) {
		struct js *row;
		bool drives = may_drive(o) && baton_is(&p->baton, o->name);

		if (!o->peer || !o->console)
			continue;
		row = js_new();
		js_set_str(row, "name", o->name);
		js_set_str(row, "tty", o->tty);
		js_set_str(row, "proof", o->proof);
		js_set_bool(row, "driving", drives);
		js_set_bool(row, "read_only", o->read_only);
		js_set_str(row, "since", o->since);
		if (drives)
			js_set_str(row, "driving_since", o->drives_since);
		js_add(all, row);
	}
	js_set_str(f, "what", "here");
	js_set(f, "operators", all);
	incident_tell(p->incident, FACT_STATE, f);
}

/* Says that it is here, once, and that it drives, when that waited for it. */
static void
introduce(struct people *p, struct person *o)
{
	if (!o->told) {
		o->told = true;
		settle_name(p, o);
		tell(p, o, "attached", false);
	}
	if (p->drive_untold && may_drive(o) && baton_is(&p->baton, o->name)) {
		p->drive_untold = false;
		tell_driving(p, o, false);
	}
}

/* The baton has passed to this console. */
static void
drives_now(struct people *p, struct person *o, bool at_once)
{
	clock_at(clock_wall_ms(), o->drives_since);
	p->drive_untold = true;
	if (at_once)
		introduce(p, o);
	tell_here(p);
}

/* Before the baton moves on: what waits to be told of it is told. */
static void
settle_drive(struct people *p)
{
	struct person *o = p->drive_untold ? find_driver(p) : NULL;

	if (o)
		introduce(p, o);
	p->drive_untold = false;
}

/* --- one that is left alone --- */

static void
look_for_only(struct people *p)
{
	struct person *only = NULL;
	int64_t now = clock_mono_ms(), wait = baton_wait_ms(&p->baton, now);
	int n = 0;

	for (struct person *o = p->all; o; o = o->next)
		if (may_drive(o)) {
			only = o;
			n++;
		}
	if (n == 1 && baton_only(&p->baton, only->name, now))
		drives_now(p, only, true);
	else if (n == 1 && wait > 0)
		uv_timer_start(&p->only, on_only, (uint64_t)wait + 1, 0);
}

static void
on_only(uv_timer_t *timer)
{
	look_for_only(timer->data);
}

/* --- who comes and goes --- */

/* Returns whether that is news. */
static bool
set_proof(struct person *o, const char *proof)
{
	char words[WHO_WORDS_MAX];
	bool is_new;

	if (o->vouched[0])
		snprintf(words, sizeof words, "%s, %.120s", o->vouched, proof);
	else
		snprintf(words, sizeof words, "%s", proof);
	is_new = strcmp(o->proof, words) != 0;
	memcpy(o->proof, words, sizeof words);
	if (o->peer)
		peer_set_proof(o->peer, words);
	return is_new;
}

static void
on_proof(const char *proof, bool late, void *arg)
{
	struct person *o = arg;
	struct people *p = o->people;
	bool is_new = set_proof(o, proof);

	o->known = !late;
	if (o->told && is_new)
		tell(p, o, "attached", true);
	else if (o->console)
		introduce(p, o);
	if (o->console && o->peer)
		tell_here(p);
	if (!o->peer && !late)
		person_free(o);
}

void
people_arrive(struct people *p, struct peer *peer, int fd)
{
	struct person *o = mem_alloc(sizeof *o), **end = &p->all;

	while (*end)
		end = &(*end)->next;
	*end = o;
	o->people = p;
	o->peer = peer;
	o->console = peer_is_console(peer);
	o->read_only = peer_is_read_only(peer);
	snprintf(o->name, sizeof o->name, "%s", peer_name(peer));
	snprintf(o->tty, sizeof o->tty, "%s", peer_tty(peer));
	clock_at(clock_wall_ms(), o->since);
	settle_name(p, o);
	o->who = who_ask(p->loop, fd, on_proof, o);
	set_proof(o, who_so_far(o->who));
}

void
people_attached(struct people *p, struct peer *peer)
{
	struct person *o = find_peer(p, peer);
	int others = 0;

	if (!o || !o->console)
		return;
	for (const struct person *each = p->all; each; each = each->next)
		others += each != o && may_drive(each);
	if (may_drive(o) && baton_came(&p->baton, o->name, others, clock_mono_ms()))
		drives_now(p, o, false);
	else
		tell_here(p);
}

void
people_detached(struct people *p, struct peer *peer)
{
	struct person *o = find_peer(p, peer);

	if (!o)
		return;
	if (!o->console) {
		o->peer = NULL;
		if (!o->told || o->known)
			person_free(o); /* else on_proof does */
		return;
	}
	introduce(p, o);
	if (may_drive(o))
		baton_gone(&p->baton, o->name, clock_mono_ms());
	o->peer = NULL;
	tell(p, o, "detached", false);
	person_free(o);
	tell_here(p);
	look_for_only(p);
}

/* --- who may what --- */

static bool
is_query(enum request kind, const struct js *m)
{
	return kind == REQUEST_FETCH || kind == REQUEST_HISTORY ||
	    (kind == REQUEST_VERB && js_is(m, "verb", "status"));
}

bool
people_is_free(enum request kind, const struct js *m, int autonomy)
{
	const char *level = kind == REQUEST_AUTONOMY ? js_str(m, "level") : NULL;

	switch (kind) {
	case REQUEST_AUTONOMY:
		return level && autonomy_by_name(level) <= autonomy;
	case REQUEST_KILL:
		return !js_has(m, "on") || js_bool(m, "on", false);
	case REQUEST_CANCEL:
	case REQUEST_DRIVE:
	case REQUEST_JOURNAL:
	case REQUEST_NOTE:
	case REQUEST_SHELL_END: /* of a shell that is open, and its own */
	case REQUEST_SHELL_INPUT:
	case REQUEST_SHELL_SIZE:
		return true;
	default:
		return is_query(kind, m);
	}
}

/* Is what it asks put on record, so that who it is must stand there before? */
static bool
is_told_of(const struct person *o, enum request kind, const struct js *m)
{
	return o->console ? kind != REQUEST_FETCH && kind != REQUEST_HISTORY
			  : !is_query(kind, m);
}

static void
refuse_watcher(struct people *p, struct peer *peer, const struct js *m)
{
	const struct person *d = find_driver(p);
	char text[400];

	snprintf(text, sizeof text, "%s drives since %.8s UTC (%s%s%s)", p->baton.driver,
	    d ? d->drives_since + 11 : "", d ? d->proof : "", d && d->tty[0] ? ", " : "",
	    d ? d->tty : "");
	peer_error(peer, m, "drive", text, "/drive takes over");
}

static bool
may_read_only(struct peer *peer, const struct js *m, enum request kind)
{
	if (kind == REQUEST_FETCH || kind == REQUEST_HISTORY)
		return true;
	if (peer_is_reader(peer))
		peer_error(peer, m, kind == REQUEST_DRIVE ? "drive" : "request",
		    "you are read-only: the operator list lets you look, not act",
		    "whoever keeps the list can make your line say drive");
	else
		peer_error(peer, m, kind == REQUEST_DRIVE ? "drive" : "request",
		    "this console is read-only", "attach without --read-only to act");
	return false;
}

bool
people_may(struct people *p, struct peer *peer, const struct js *m, enum request kind,
    int autonomy)
{
	struct person *o = find_peer(p, peer);

	if (!o)
		return false;
	if (o->read_only)
		return may_read_only(peer, m, kind);
	if (is_told_of(o, kind, m))
		introduce(p, o);
	if (!o->console || people_is_free(kind, m, autonomy) ||
	    baton_is(&p->baton, o->name))
		return true;
	if (!baton_act(&p->baton, o->name)) {
		refuse_watcher(p, peer, m);
		return false;
	}
	drives_now(p, o, true);
	return true;
}

void
people_drive(struct people *p, struct peer *peer, const struct js *m)
{
	struct person *o = find_peer(p, peer);
	bool release = js_bool(m, "release", false);
	struct err err;

	if (message_only(m, "release", &err) < 0) {
		peer_error(peer, m, "request", err.words, "see docs/protocol.md");
	} else if (js_has(m, "release") && !js_is_bool(m, "release")) {
		peer_error(peer, m, "request", "release is true or false", NULL);
	} else if (!o || !o->console) {
		peer_error(peer, m, "drive",
		    "a one-shot command does not drive, and need not", NULL);
	} else if (release) {
		settle_drive(p);
		if (baton_give(&p->baton, o->name)) {
			tell(p, o, "watching", false);
			tell_here(p);
		} else {
			peer_error(peer, m, "drive", "you do not drive", NULL);
		}
	} else {
		settle_drive(p);
		introduce(p, o);
		if (baton_take(&p->baton, o->name))
			drives_now(p, o, true);
		else
			peer_error(peer, m, "drive", "you drive already", NULL);
	}
}

void
people_vouch(struct people *p, struct peer *peer, const char *words)
{
	struct person *o = find_peer(p, peer);

	if (!o)
		return;
	snprintf(o->vouched, sizeof o->vouched, "%s", words);
	if (set_proof(o, who_so_far(o->who)) && o->told)
		tell(p, o, "attached", true);
	if (o->console)
		tell_here(p);
}

void
people_role(struct people *p, struct peer *peer, bool read_only)
{
	struct person *o = find_peer(p, peer);

	if (!o || o->read_only == read_only)
		return;
	if (read_only && baton_give(&p->baton, o->name))
		tell(p, o, "watching", false);
	o->read_only = read_only;
	if (o->console)
		tell_here(p);
	look_for_only(p);
}

/* So that who did what is proven by each journal alone. */
void
people_see(struct people *p, const struct js *fact)
{
	if (!p || !js_is(fact, "t", "incident") || !js_is(fact, "state", "opened"))
		return;
	for (struct person *o = p->all; o; o = o->next) {
		if (!o->told || !o->peer)
			continue;
		tell(p, o, "attached", true);
		if (!p->drive_untold && may_drive(o) && baton_is(&p->baton, o->name))
			tell_driving(p, o, true);
	}
}
