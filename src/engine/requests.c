/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * requests.c: what an operator may ask for, one function a request.
 *
 * Members are checked here and nowhere else; what the request then means is
 * the business of the part that owns it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/agent/choice.h"
#include "engine/engine_int.h"
#include "engine/remote/fetch.h"

#define NOTE_MAX (16 * 1024) /* bytes of an operator's note */

bool
engine_request_is(struct peer *p, const struct js *m, const char *allowed)
{
	struct err err;

	if (message_only(m, allowed, &err) == 0)
		return true;
	peer_no_request(p, m, "request", err.words, "see docs/protocol.md");
	return false;
}

struct verb_asker {
	struct engine *e;
	struct peer *peer; /* may be gone by then */
	char *req;
	char *why;
};

static bool
on_verb_output(int stream, const char *data, size_t len, void *arg)
{
	return true; /* the facts tell it */
}

static void
on_verb_drop(void *arg)
{
	struct verb_asker *a = arg;

	free(a->req);
	free(a->why);
	free(a);
}

/* The facts about the refusal have been told: now its answer. */
static void
on_verb_told(void *arg)
{
	struct verb_asker *a = arg;
	struct js *m = js_new();

	js_set_str(m, "req", a->req);
	if (a->e->hub)
		hub_error(a->e->hub, a->peer, m, "verb", a->why);
	js_free(m);
	on_verb_drop(a);
}

static void
on_verb_end(enum power_end how, int exit, const char *why, void *arg)
{
	struct verb_asker *a = arg;

	if (how != POWER_REFUSED && how != POWER_FAILED) {
		on_verb_drop(a);
		return;
	}
	a->why = mem_dup(why);
	incident_after(a->e->incident, on_verb_told, a);
}

static const struct power_listener verb_listener = {
    on_verb_output, on_verb_end, on_verb_drop};

static void
on_verb(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	size_t len = 0;
	const char *word = js_strn(m, "verb", &len);
	int verb = word ? verb_by_name(word, len) : -1;
	struct verb_asker *a;

	if (!engine_request_is(p, m, "verb confirm"))
		return;
	if (verb < 0) {
		peer_no_request(p, m, "verb",
		    "the verbs are: status forensics start stop reset cycle", NULL);
		return;
	}
	a = mem_alloc(sizeof *a);
	a->e = e;
	a->peer = p;
	a->req = mem_dup(js_str(m, "req"));
	power_ask(e->power,
	    &(struct power_ask){.verb = (enum verb)verb,
		.asked = "operator",
		.by = peer_name(p),
		.req = a->req,
		.confirm = js_str(m, "confirm"),
		.listener = &verb_listener,
		.arg = a});
}

static void
on_answer(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	const char *id = js_str(m, "id");
	struct err err;

	if (!engine_request_is(p, m, "id yes"))
		return;
	if (!js_is_bool(m, "yes"))
		peer_error(p, m, "answer", "an answer has yes: true or false", NULL);
	else if (asks_answer(e->asks, id ? id : "", js_bool(m, "yes", false),
		     peer_name(p), &err) < 0)
		peer_error(p, m, "answer", err.words, NULL);
}

static void
on_end(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	const char *id = js_str(m, "id");
	struct err err;

	if (!engine_request_is(p, m, "id"))
		return;
	if (broker_stop_id(e->broker, id ? id : "", peer_name(p), &err) < 0)
		peer_error(p, m, "end", err.words, NULL);
}

static void
on_fetch(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;

	if (engine_request_is(p, m, "id stream from to after"))
		fetch_start(&e->loop, e->incident, p, m);
}

static void
on_accept_key(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	const char *host = js_str(m, "host"), *print = js_str(m, "fingerprint");
	struct err err;

	if (!engine_request_is(p, m, "host fingerprint"))
		return;
	if (broker_accept_key(
		e->broker, host ? host : "", print ? print : "", peer_name(p), &err) < 0)
		peer_error(p, m, "accept_key", err.words, NULL);
}

static void
on_autonomy(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	const char *name = js_str(m, "level");
	int level = name ? autonomy_by_name(name) : -1;

	if (!engine_request_is(p, m, "level"))
		return;
	if (level < 0)
		peer_error(
		    p, m, "autonomy", "the levels are: observe repair autonomous", NULL);
	else
		broker_set_autonomy(e->broker, (enum autonomy)level, peer_name(p));
}

static void
on_note(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	size_t len = 0;
	const char *text = js_strn(m, "text", &len);
	struct js *f;

	if (!engine_request_is(p, m, "text"))
		return;
	if (!text || len == 0 || len > NOTE_MAX) {
		peer_error(p, m, "note", "a note has 1 byte to 16 KiB of text", NULL);
		return;
	}
	f = incident_fact(FACT_NOTE, peer_name(p));
	js_set_strn(f, "text", text, len);
	incident_emit(e->incident, FACT_NOTE, f);
}

static void
on_incident(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;

	if (!engine_request_is(p, m, "state"))
		return;
	if (shells_any(e->shells))
		peer_error(p, m, "incident",
		    "a shell is open on the devvm: it belongs to this incident",
		    "leave it first (exit)");
	else if (power_is_busy(e->power) || turn_is_busy(e->turn))
		peer_error(p, m, "incident",
		    "a verb or a turn is going on: it belongs to this incident",
		    "wait for its end, or stop the agent (F8)");
	else if (js_is(m, "state", "new"))
		incident_open(e->incident, peer_name(p), "");
	else if (js_is(m, "state", "close") && !incident_id(e->incident)[0])
		peer_error(p, m, "incident", "no incident is open",
		    "the first note, prompt or verb opens one");
	else if (js_is(m, "state", "close") && broker_killed_by(e->broker))
		peer_error(p, m, "incident",
		    "the kill switch is on, and a closed incident would not keep it",
		    "/kill off lifts it; /new begins another one with it");
	else if (js_is(m, "state", "close"))
		incident_close(e->incident, peer_name(p), "an operator closed it");
	else
		peer_error(p, m, "incident", "state is \"new\" or \"close\"", NULL);
}

/* --- a shell on the devvm --- */

static void
on_shell(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	struct err err;

	if (engine_request_is(p, m, "cols rows term") &&
	    shell_open(e->shells, p, m, &err) < 0)
		peer_error(p, m, "shell", err.words,
		    err.code == ERR_UNREACHABLE
			? "F3 says what is wrong there; the power keys need no ssh"
			: NULL);
}

static void
on_shell_end(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	struct err err;

	if (engine_request_is(p, m, "") && shell_leave(e->shells, p, &err) < 0)
		peer_error(p, m, "shell", err.words, NULL);
}

static void
on_shell_input(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	struct err err;

	if (engine_request_is(p, m, "data data_b64") &&
	    shell_input(e->shells, p, m, &err) < 0)
		peer_error(p, m, "shell", err.words, NULL);
}

static void
on_shell_size(struct peer *p, const struct js *m, void *arg)
{
	struct engine *e = arg;
	struct err err;

	if (engine_request_is(p, m, "cols rows") && shell_size(e->shells, p, m, &err) < 0)
		peer_error(p, m, "shell", err.words, NULL);
}

/* --- who is here --- */

static void
on_drive(struct peer *p, const struct js *m, void *arg)
{
	people_drive(((struct engine *)arg)->people, p, m);
}

/* Nothing of it opens an incident. */
static void
on_refused(struct peer *p, const char *text, void *arg)
{
	struct engine *e = arg;
	char words[640];

	snprintf(words, sizeof words, "refused what was no request, from %s (%s): %s",
	    peer_is_here(p) ? peer_name(p) : "one who said no hello", peer_proof(p),
	    text);
	if (incident_id(e->incident)[0])
		refusals_tell(
		    &e->refusals, e->incident, FACT_NOTE, "engine", words, NULL, 0);
	else
		LOG("refused", "%s", words);
}

static void
on_arrived(struct peer *p, void *arg)
{
	people_arrive(((struct engine *)arg)->people, p, peer_fd(p));
}

static void
count_consoles(struct engine *e)
{
	watch_consoles(e->watch, hub_consoles(e->hub));
	if (e->choice)
		choice_consoles(e->choice, hub_consoles(e->hub));
}

static void
on_attached(struct peer *p, void *arg)
{
	struct engine *e = arg;

	e->had_peer = true;
	people_attached(e->people, p);
	if (peer_is_console(p))
		count_consoles(e);
}

static void
on_detached(struct peer *p, void *arg)
{
	struct engine *e = arg;

	if (e->leaving)
		return;
	shells_gone(e->shells, p);
	people_detached(e->people, p);
	if (peer_is_console(p))
		count_consoles(e);
	life_peer_gone(e);
}

static void
on_replayed(struct peer *p, void *arg)
{
	struct engine *e = arg;

	turn_tell_open(e->turn, p);
}

static void
on_drained(struct peer *p, void *arg)
{
	struct engine *e = arg;

	if (!e->leaving)
		shells_drained(e->shells, p);
}

const struct hub_events engine_hub_events = {
    .on =
	{
	    [REQUEST_ACCEPT_KEY] = on_accept_key,
	    [REQUEST_AGENT] = engine_on_agent,
	    [REQUEST_ANSWER] = on_answer,
	    [REQUEST_AUTONOMY] = on_autonomy,
	    [REQUEST_CANCEL] = engine_on_cancel,
	    [REQUEST_DRIVE] = on_drive,
	    [REQUEST_END] = on_end,
	    [REQUEST_FETCH] = on_fetch,
	    [REQUEST_JOURNAL] = engine_on_journal,
	    [REQUEST_KILL] = engine_on_kill,
	    [REQUEST_NEW_INCIDENT] = on_incident,
	    [REQUEST_NOTE] = on_note,
	    [REQUEST_PROMPT] = engine_on_prompt,
	    [REQUEST_RUNBOOK] = engine_on_runbook,
	    [REQUEST_SHELL] = on_shell,
	    [REQUEST_SHELL_END] = on_shell_end,
	    [REQUEST_SHELL_INPUT] = on_shell_input,
	    [REQUEST_SHELL_SIZE] = on_shell_size,
	    [REQUEST_UNLOCK] = engine_on_unlock,
	    [REQUEST_VERB] = on_verb,
	},
    .knocked = engine_on_knocked,
    .tried = engine_on_tried,
    .gone = engine_on_gone,
    .active = engine_on_active,
    .refused = on_refused,
    .arrived = on_arrived,
    .may = engine_may,
    .attached = on_attached,
    .detached = on_detached,
    .replayed = on_replayed,
    .drained = on_drained,
};
