/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_vm.c: what was found about VM 102, what was done to it, what came of it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/report_int.h"
#include "wire/verbs.h"

#define READS_MAX 150 /* of the verbs that are kept */

static bool
is_mutating(const char *verb)
{
	int v = verb_by_name(verb, strlen(verb));

	return v >= 0 && verb_rows[v].mutating;
}

/* ---- verbs ---------------------------------------------------------------------------
 */

static struct js *
verb_item(struct report *r, const struct js *m)
{
	const char *id = report_str(m, "id");
	struct js *v = report_find(r, "verbs", "id", id);
	bool mutating = is_mutating(report_str(m, "verb"));

	/* An agent that polls leaves room for what matters. */
	if (!v && !mutating && js_len(report_list(r, "verbs")) >= READS_MAX) {
		if (js_is(m, "state", "asked"))
			report_count(r->facts, "verbs_more", 1);
		return NULL;
	}
	if (!v && (v = report_item(r, "verbs")) != NULL) {
		report_set_cut(v, "id", id, 32);
		report_set_cut(v, "verb", report_str(m, "verb"), 32);
		js_set_bool(v, "mutating", mutating);
	}
	if (v && js_has(m, "asked"))
		report_set_cut(v, "asked", report_str(m, "asked"), 32);
	return v;
}

static void
verb_asked(struct report *r, const struct js *m, struct js *v, bool mutating)
{
	const char *asked = report_str(m, "asked");
	bool person = strcmp(asked, "operator") == 0;
	struct js *action;

	action = report_action(r, "%s (%s)%s%s", report_str(v, "verb"),
	    report_str(v, "id"), person ? "" : ", by the ", person ? "" : asked);
	if (action)
		report_set_cut(action, "verb", report_str(v, "id"), 32);
	if (mutating)
		report_event(r, "", "%s (%s) asked for by the %s", report_str(v, "verb"),
		    report_str(v, "id"), asked);
}

static void
verb_stage(struct report *r, const struct js *m, struct js *v)
{
	struct js *stages = js_get_array(v, "stages"), *s;
	const char *stage = report_str(m, "stage");
	char age[40];

	if (js_has(m, "host_run"))
		report_set_cut(v, "host_run", js_str(m, "host_run"), 80);
	if (!stages)
		js_set(v, "stages", stages = js_array());
	if (js_len(stages) < 40) {
		s = js_new();
		js_set_int(s, "seq", r->seq);
		report_set_cut(s, "stage", stage, 48);
		js_set_int(s, "ms", r->ms);
		if (js_has(m, "ms"))
			js_set_int(s, "host_ms", report_num(m, "ms", 0));
		js_add(stages, s);
	}
	report_event(r, "", "%s (%s): %s%s%s%s%s", report_str(v, "verb"),
	    report_str(v, "id"), stage, js_has(m, "ms") ? ", " : "",
	    js_has(m, "ms") ? report_ms(report_num(m, "ms", 0), age, sizeof age) : "",
	    js_has(m, "ms") ? " at the host" : "",
	    js_has(m, "host_run") ? ", as a run of its own" : "");
}

static void
verb_ended(struct report *r, const struct js *m, struct js *v, bool mutating)
{
	const char *result = report_str(m, "result"), *why = report_str(m, "why");
	const char *words = result[0] ? result : why;
	char fold[64], age[40], end[64] = "";

	js_set_int(v, "end_seq", r->seq);
	js_set_int(v, "end_ms", r->ms);
	if (js_has(m, "exit")) {
		js_set_int(v, "exit", report_num(m, "exit", -1));
		snprintf(end, sizeof end, " with exit %lld",
		    (long long)report_num(m, "exit", -1));
	}
	if (js_has(m, "ms"))
		js_set_int(v, "took_ms", report_num(m, "ms", 0));
	if (words[0])
		report_set_cut(v, "result", words, REPORT_WORD_MAX);
	if (js_has(m, "learnt"))
		js_set_bool(v, "learnt", true);
	snprintf(fold, sizeof fold, "verb %.40s", mutating ? "" : report_str(v, "verb"));
	report_event(r, mutating ? "" : fold, "%s (%s) %s%s%s%s%s%s%s",
	    report_str(v, "verb"), report_str(v, "id"), report_str(m, "state"), end,
	    js_has(m, "ms") ? ", " : "",
	    js_has(m, "ms") ? report_ms(report_num(m, "ms", 0), age, sizeof age) : "",
	    js_has(m, "learnt") ? ", asked of the host later" : "", words[0] ? ": " : "",
	    words);
	if (mutating && strcmp(report_str(m, "state"), "refused") != 0)
		report_mark_here(r, &r->acted);
}

static void
verb_confirmed(struct report *r, struct js *v)
{
	js_set_int(v, "confirmed_seq", r->seq);
	js_set_str(v, "confirmed_at", r->at);
	if (!r->decided.seq)
		report_mark_here(r, &r->decided);
	report_event(
	    r, "", "%s (%s) confirmed", report_str(v, "verb"), report_str(v, "id"));
}

static void
verb_sent(struct report *r, const struct js *m, struct js *v, bool mutating)
{
	js_set_int(v, "sent_seq", r->seq);
	js_set_int(v, "sent_ms", r->ms);
	report_set_cut(v, "run", js_str(m, "run"), 32);
	if (!mutating)
		return;
	r->proof = NULL;
	r->healthy = (struct report_mark){0};
	if (!r->sent.seq)
		report_mark_here(r, &r->sent);
	report_event(r, "", "%s (%s) sent to the PVE host, run %s", report_str(v, "verb"),
	    report_str(v, "id"), report_str(m, "run"));
}

void
report_on_verb(struct report *r, const struct js *m)
{
	const char *state = report_str(m, "state");
	struct js *v = verb_item(r, m);
	bool mutating = is_mutating(report_str(m, "verb"));

	if (!v)
		return;
	if (strcmp(state, "stage") != 0)
		report_set_cut(v, "state", state, 32);
	if (strcmp(state, "asked") == 0) {
		verb_asked(r, m, v, mutating);
	} else if (strcmp(state, "confirmed") == 0) {
		verb_confirmed(r, v);
	} else if (strcmp(state, "sent") == 0) {
		verb_sent(r, m, v, mutating);
	} else if (strcmp(state, "stage") == 0) {
		verb_stage(r, m, v);
	} else if (strcmp(state, "waiting") == 0) {
		report_event(r, "", "%s (%s) is past its deadline and goes on",
		    report_str(v, "verb"), report_str(v, "id"));
	} else {
		verb_ended(r, m, v, mutating);
	}
}

/* ---- verdicts -------------------------------------------------------------------------
 */

/* True: it says the same as the one before, maybe with more evidence. */
static bool
verdict_is_same(const struct js *old, const struct js *m)
{
	return old && js_is(old, "word", report_str(m, "word")) &&
	    js_is(old, "advice", report_str(m, "advice"));
}

static void
verdict_keep(struct js *v, const struct js *m)
{
	static const char *const words[] = {"why", "todo", "host_word", "id"};
	struct js *in = js_get_array(m, "evidence"), *out = js_array();
	struct js *not = js_get_array(m, "not"), *kept = js_array();

	report_set_cut(v, "word", report_str(m, "word"), 32);
	report_set_cut(v, "advice", report_str(m, "advice"), 32);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		report_set_cut(v, words[i], js_str(m, words[i]), 500);
	js_set_bool(v, "partial", js_bool(m, "partial", false));
	js_set_bool(v, "climbing", js_bool(m, "climbing", false));
	for (size_t i = 0, len; i < js_len(in) && i < 12; i++) {
		const char *line = js_at_str(in, i, &len);

		if (line && len <= 400)
			js_add_str(out, line);
	}
	js_set(v, "evidence", out);
	for (size_t i = 0; i < js_len(not ) && i < 8; i++)
		if (js_at(not, i))
			js_add(kept, js_ref(js_at(not, i)));
	js_set(v, "not", kept);
}

void
report_on_verdict(struct report *r, const struct js *m)
{
	if (!r->sign.seq)
		report_mark_here(r, &r->sign);
	if (verdict_is_same(r->verdict, m)) {
		/* a capture and the climb that completes it are one verdict */
		if (js_is(r->verdict, "id", report_str(m, "id")) &&
		    js_bool(r->verdict, "partial", false)) {
			verdict_keep(r->verdict, m);
			js_set_int(r->verdict, "whole_seq", r->seq);
		}
		return;
	}
	report_event(r, "", "verdict: %s, advice %s: %s", report_str(m, "word"),
	    report_str(m, "advice"), report_str(m, "why"));
	r->verdict = report_item(r, "verdicts");
	if (r->verdict)
		verdict_keep(r->verdict, m);
}

/* ---- proofs ---------------------------------------------------------------------------
 */

static struct js *
copy_rows(const struct js *from, size_t max)
{
	struct js *to = js_array();

	for (size_t i = 0; i < js_len(from) && i < max; i++)
		if (js_at(from, i))
			js_add(to, js_ref(js_at(from, i)));
	return to;
}

/* The verb that it is the proof of: the last mutating one that was sent. */
static const char *
proof_verb_id(struct report *r, const char *verb)
{
	struct js *verbs = js_get_array(r->facts, "verbs");

	for (size_t i = js_len(verbs); i-- > 0;)
		if (js_is(js_at(verbs, i), "verb", verb) &&
		    js_has(js_at(verbs, i), "sent_seq"))
			return js_str(js_at(verbs, i), "id");
	return NULL;
}

void
report_on_proof(struct report *r, const struct js *m)
{
	const char *verb = report_str(m, "verb"), *end = js_str(m, "end");
	char was[32] = "", age[40];

	if (r->proof && !js_is(r->proof, "verb", verb))
		r->proof = NULL;
	if (!r->proof) {
		if (!(r->proof = report_item(r, "proofs")))
			return;
		report_set_cut(r->proof, "verb", verb, 32);
		js_set_str(r->proof, "id", proof_verb_id(r, verb));
	}
	snprintf(was, sizeof was, "%s", report_str(r->proof, "end"));
	js_set(r->proof, "rungs", copy_rows(js_get_array(m, "rungs"), 12));
	js_set(r->proof, "table", copy_rows(js_get_array(m, "table"), 24));
	report_set_cut(r->proof, "text", report_str(m, "text"), 500);
	js_set_int(r->proof, "end_seq", r->seq);
	js_del(r->proof, "end");
	report_set_cut(r->proof, "end", end, 32);
	js_set_int(r->proof, "took_ms", report_num(m, "ms", -1));
	if (end && strcmp(was, end) != 0)
		report_event(r, "", "proof after %s: %s after %s: %s", verb, end,
		    report_ms(report_num(m, "ms", 0), age, sizeof age),
		    report_str(m, "text"));
	else if (!end && was[0])
		report_event(r, "", "the devvm is lost again after %s: %s", verb,
		    report_str(m, "text"));
	if (end && strcmp(end, "healthy") == 0 && strcmp(was, end) != 0)
		report_mark_here(r, &r->healthy);
	else if (!end)
		r->healthy = (struct report_mark){0};
}
