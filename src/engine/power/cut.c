/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/power/cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "wire/verbs.h"

#define CUT_ID_MAX 24

struct cut_turn {
	int turn;
	bool started, offline;
	char by[WIRE_NAME_MAX + 1];
	char runbook[64]; /* "": a prompt of words */
	char words[CUT_WORDS_MAX + 8];
};

struct cut_run {
	char id[CUT_ID_MAX];
	char by[WIRE_NAME_MAX + 1];
	bool verb;
};

struct cut_verb {
	char id[CUT_ID_MAX];
	char by[WIRE_NAME_MAX + 1];
	char asked[16];
	int verb;
};

struct cut {
	struct incident *incident;
	struct cut_verb verbs[CUT_VERBS_MAX];
	size_t verb_count;
	struct cut_turn turns[CUT_TURNS_MAX];
	size_t turn_count;
	struct cut_run runs[CUT_RUNS_MAX];
	size_t run_count;
	bool left; /* the engine before us left in order */
};

struct cut *
cut_new(struct incident *incident)
{
	struct cut *c = mem_alloc(sizeof *c);

	c->incident = incident;
	return c;
}

void
cut_free(struct cut *c)
{
	free(c);
}

/* Copies what fits, whole characters, on one line. */
static void
copy_words(char *out, const char *text, size_t len)
{
	size_t n = len > CUT_WORDS_MAX ? text_cut(text, CUT_WORDS_MAX) : len;

	memcpy(out, text, n);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)out[i] < ' ')
			out[i] = ' ';
	snprintf(out + n, 8, "%s", len > n ? " ..." : "");
}

static void
remove_turn(struct cut *c, int turn)
{
	size_t keep = 0;

	for (size_t i = 0; i < c->turn_count; i++)
		if (c->turns[i].turn != turn)
			c->turns[keep++] = c->turns[i];
	c->turn_count = keep;
}

static void
found_prompt(struct cut *c, const struct js *r)
{
	const char *by = js_str(r, "by"), *runbook = js_str(r, "runbook"), *text;
	struct cut_turn *t;
	size_t len = 0;

	if (js_int(r, "part", 1) != 1)
		return;
	remove_turn(c, (int)js_int(r, "turn", 0));
	if (c->turn_count == CUT_TURNS_MAX)
		remove_turn(c, c->turns[0].turn);
	t = &c->turns[c->turn_count++];
	memset(t, 0, sizeof *t);
	t->turn = (int)js_int(r, "turn", 0);
	t->started = js_is(r, "state", "started");
	t->offline = js_bool(r, "offline", false);
	snprintf(t->by, sizeof t->by, "%s", by ? by : "");
	snprintf(t->runbook, sizeof t->runbook, "%s", runbook ? runbook : "");
	text = js_strn(r, "text", &len);
	copy_words(t->words, text ? text : "", text ? len : 0);
}

static void
remove_run(struct cut *c, const char *id)
{
	for (size_t i = 0; i < c->run_count; i++)
		if (strcmp(c->runs[i].id, id) == 0) {
			c->run_count--;
			memmove(&c->runs[i], &c->runs[i + 1],
			    (c->run_count - i) * sizeof c->runs[0]);
			return;
		}
}

static void
found_run(struct cut *c, const struct js *r, const char *id)
{
	const char *by = js_str(r, "by");
	struct cut_run *run;

	if (strlen(id) >= CUT_ID_MAX)
		return;
	if (c->run_count == CUT_RUNS_MAX)
		remove_run(c, c->runs[0].id);
	run = &c->runs[c->run_count++];
	snprintf(run->id, sizeof run->id, "%s", id);
	snprintf(run->by, sizeof run->by, "%s", by ? by : "engine");
	run->verb = js_has(r, "verb");
}

static void
remove_verb(struct cut *c, size_t i)
{
	c->verb_count--;
	memmove(&c->verbs[i], &c->verbs[i + 1], (c->verb_count - i) * sizeof c->verbs[0]);
}

static void
add_verb(struct cut *c, const struct js *r, const char *id)
{
	const char *by = js_str(r, "by"), *asked = js_str(r, "asked");
	size_t len = 0;
	const char *word = js_strn(r, "verb", &len);
	struct cut_verb *v;

	if (strlen(id) >= CUT_ID_MAX || !word || verb_by_name(word, len) < 0)
		return;
	if (c->verb_count == CUT_VERBS_MAX)
		remove_verb(c, 0);
	v = &c->verbs[c->verb_count++];
	snprintf(v->id, sizeof v->id, "%s", id);
	snprintf(v->by, sizeof v->by, "%s", by ? by : "");
	snprintf(v->asked, sizeof v->asked, "%s", asked ? asked : "");
	v->verb = verb_by_name(word, len);
}

/* One that was confirmed is unfinished.h's from there on. */
static void
found_verb(struct cut *c, const struct js *r, const char *id)
{
	static const char *const over[] = {"confirmed", "refused", "finished", "unknown"};

	if (js_is(r, "state", "asked")) {
		add_verb(c, r, id);
		return;
	}
	for (size_t k = 0; k < ARRAY_LEN(over); k++)
		for (size_t i = 0; js_is(r, "state", over[k]) && i < c->verb_count; i++)
			if (strcmp(c->verbs[i].id, id) == 0) {
				remove_verb(c, i);
				return;
			}
}

void
cut_found(struct cut *c, const struct js *r)
{
	const char *id = js_str(r, "id");

	if (id && js_is(r, "t", "verb"))
		found_verb(c, r, id);
	else if (js_is(r, "t", "prompt"))
		found_prompt(c, r);
	else if (js_is(r, "t", "done"))
		remove_turn(c, (int)js_int(r, "turn", 0));
	else if (js_is(r, "t", "cancelled")) {
		/* of a turn that runs it is a wish; its done comes */
		for (size_t i = 0; i < c->turn_count; i++)
			if (c->turns[i].turn == (int)js_int(r, "turn", 0) &&
			    !c->turns[i].started) {
				remove_turn(c, c->turns[i].turn);
				break;
			}
	} else if (id && js_is(r, "t", "tool"))
		found_run(c, r, id);
	else if (id && js_is(r, "t", "tool_end"))
		remove_run(c, id);
	else if (js_is(r, "t", "incident"))
		c->left = js_is(r, "state", "left") ||
		    (c->left && js_is(r, "state", "continued"));
}

/* --- and told --- */

static struct js *
turn_fact_of(const struct cut_turn *t, enum fact kind, const char *by)
{
	struct js *f = incident_fact(kind, by);

	js_set_int(f, "turn", t->turn);
	return f;
}

static void
tell_cut_turn(struct cut *c, const struct cut_turn *t)
{
	const char *how =
	    c->left ? "the engine left while it ran" : "the engine died while it ran";
	struct js *f = turn_fact_of(t, FACT_ERROR, "engine");
	char *text = t->runbook[0]
	    ? mem_printf("turn %d was cut: %s.  It was the runbook \"%s\" of %s", t->turn,
		  how, t->runbook, t->by)
	    : mem_printf("turn %d was cut: %s.  %s had asked: %s", t->turn, how, t->by,
		  t->words);

	js_set_str(f, "where", "agent");
	js_set_str(f, "text", text);
	js_set_str(f, "todo",
	    t->runbook[0] ? "look at what it did, then run it again if you want it"
			  : "look at what it did, then ask again if you want it");
	incident_emit(c->incident, FACT_ERROR, f);
	free(text);
	f = turn_fact_of(t, FACT_DONE, "engine");
	js_set_bool(f, "ok", false);
	incident_emit(c->incident, FACT_DONE, f);
}

static void
tell_lost_prompt(struct cut *c, const struct cut_turn *t)
{
	struct js *f = turn_fact_of(t, FACT_CANCELLED, "engine");
	char *text =
	    mem_printf("the engine %s while this prompt of %s waited; it was not "
		       "given to the agent, ask again if you want it: %s%s",
		c->left ? "left" : "died", t->by, t->runbook[0] ? "runbook " : "",
		t->runbook[0] ? t->runbook : t->words);

	js_set(f, "runs", js_array());
	js_set_str(f, "text", text);
	incident_emit(c->incident, FACT_CANCELLED, f);
	free(text);
}

static void
tell_run(struct cut *c, const struct cut_run *run)
{
	struct js *f = incident_fact(FACT_TOOL_END, run->by);

	js_set_str(f, "id", run->id);
	js_set_str(f, "failed",
	    run->verb
		? "the engine ended while it ran: what became of the verb is told by itself"
		: "the engine ended while it ran: its end was not seen");
	js_set_int(f, "ms", 0);
	incident_emit(c->incident, FACT_TOOL_END, f);
}

static void
tell_verb(struct cut *c, const struct cut_verb *v)
{
	bool mutating = verb_rows[v->verb].mutating;
	struct js *f = incident_fact(FACT_VERB, v->by);

	js_set_str(f, "id", v->id);
	js_set_str(f, "verb", verb_rows[v->verb].name);
	js_set_str(f, "asked", v->asked);
	js_set_str(f, "state", "unknown");
	js_set_str(f, "why",
	    mutating
		? "the engine ended before it was on record as sent; most likely it never was: "
		  "F2 tells what is true now"
		: "the engine ended before its answer came: ask again");
	js_set_str(f, "learnt", "the engine's end");
	incident_emit(c->incident, FACT_VERB, f);
}

void
cut_found_end(struct cut *c)
{
	for (size_t i = 0; i < c->verb_count; i++)
		tell_verb(c, &c->verbs[i]);
	for (size_t i = 0; i < c->run_count; i++)
		tell_run(c, &c->runs[i]);
	for (size_t i = 0; i < c->turn_count; i++)
		if (c->turns[i].started)
			tell_cut_turn(c, &c->turns[i]);
		else
			tell_lost_prompt(c, &c->turns[i]);
	c->verb_count = c->run_count = c->turn_count = 0;
}
