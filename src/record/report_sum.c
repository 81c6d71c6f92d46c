/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_sum.c: when all was read: how long it took, and what nobody knows. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "record/report_int.h"

/* ---- how long ------------------------------------------------------------------------
 */

/* A row; a mark that is missing is no length, and says which. */
static void
duration(struct report *r, const char *what, const struct report_mark *from,
    const char *from_words, const struct report_mark *to, const char *to_words)
{
	struct js *row = js_new();

	js_set_str(row, "what", what);
	js_set_str(row, "from", from_words);
	js_set_str(row, "to", to_words);
	if (from->seq)
		js_set_int(row, "from_seq", from->seq);
	if (to->seq)
		js_set_int(row, "to_seq", to->seq);
	if (from->seq && to->seq && to->seq >= from->seq)
		js_set_int(row, "ms", to->ms - from->ms);
	else if (from->seq && to->seq)
		js_set_bool(row, "before", true);
	js_add(report_list(r, "durations"), row);
}

/* From what an operator says, a wall clock, to a record: the engine's wall clock. */
static void
duration_began(struct report *r, const char *what, const struct report_mark *to,
    const char *to_words)
{
	struct js *row = js_new();

	js_set_str(row, "what", what);
	js_set_str(row, "from", "the time given by --began");
	js_set_str(row, "to", to_words);
	if (to->seq) {
		js_set_int(row, "to_seq", to->seq);
		js_set_int(row, "ms", to->wall_ms - r->began_ms);
	}
	js_add(report_list(r, "durations"), row);
}

static void
sum_durations(struct report *r)
{
	static const char sign[] = "first verdict or prompt",
			  decided[] = "first confirmed mutating verb or accepted repair",
			  healthy[] = "the proof says healthy";
	const struct report_mark *end = r->healthy.seq ? &r->healthy : &r->closed;
	const char *end_words = r->healthy.seq ? healthy : "the incident is closed";

	if (r->began_ms >= 0)
		duration_began(r, "detect", &r->sign, sign);
	else
		duration(r, "detect", &r->first, "first record", &r->sign, sign);
	duration(r, "diagnose", &r->sign, sign, &r->decided, decided);
	duration(
	    r, "act", &r->sent, "first mutating verb sent", &r->acted, "last one ended");
	duration(
	    r, "recover", &r->acted, "last mutating verb ended", &r->healthy, healthy);
	if (r->began_ms >= 0)
		duration_began(r, "total", end, end_words);
	else
		duration(r, "total", &r->first, "first record", end, end_words);
}

/* ---- what nobody knows ----------------------------------------------------------------
 */

static bool
verb_is_open(const struct js *v)
{
	return js_bool(v, "mutating", false) && js_has(v, "confirmed_seq") &&
	    !js_is(v, "state", "finished") && !js_is(v, "state", "refused");
}

static void
unknown_verbs(struct report *r)
{
	struct js *verbs = js_get_array(r->facts, "verbs");

	for (size_t i = 0; i < js_len(verbs); i++) {
		struct js *v = js_at(verbs, i);

		if (verb_is_open(v))
			report_unknown(r, js_int(v, "seq", 0),
			    "how %s (%s), confirmed by %s, ended: %s%s",
			    report_str(v, "verb"), report_str(v, "id"),
			    report_str(v, "by"),
			    js_is(v, "state", "unknown") ? "its end was not seen"
							 : "no end in this journal",
			    js_has(v, "host_run")
				? "; the PVE host keeps it under its name"
				: "");
		else if (js_bool(v, "learnt", false))
			report_unknown(r, js_int(v, "end_seq", 0),
			    "%s (%s): its end was not seen but asked of the host later",
			    report_str(v, "verb"), report_str(v, "id"));
	}
}

static void
unknown_asks(struct report *r)
{
	struct js *asks = js_get_array(r->facts, "asks");

	for (size_t i = 0; i < js_len(asks); i++) {
		const struct js *q = js_at(asks, i);

		if (!js_has(q, "yes") || js_is(q, "answered_by", "engine"))
			report_unknown(r, js_int(q, "seq", 0),
			    "question %s was answered by nobody: %s", report_str(q, "id"),
			    report_str(q, "text"));
	}
}

static void
unknown_people(struct report *r)
{
	struct js *people = js_get_array(r->facts, "people");

	for (size_t i = 0; i < js_len(people); i++) {
		struct js *p = js_at(people, i);
		const char *proof = report_str(p, "proof");

		js_del(p, "current");
		if (!proof[0] || strstr(proof, "unproven") ||
		    strstr(proof, "not in this"))
			report_unknown(r, js_int(p, "seq", 0), "who %s was: proof %s",
			    report_str(p, "name"), proof[0] ? proof : "missing");
	}
}

static void
unknown_hosts(struct report *r)
{
	struct js *hosts = js_get_array(r->facts, "hosts");
	char age[40];

	for (size_t i = 0; i < js_len(hosts); i++) {
		struct js *h = js_at(hosts, i);
		int64_t since = js_int(h, "away_since", -1);

		if (since >= 0) {
			report_count(h, "away_ms", r->ms - since);
			js_set_bool(h, "away_still", true);
			js_del(h, "away_since");
		}
		if (js_has(h, "away"))
			report_unknown(r, js_int(h, "away_seq", 0),
			    "what happened on %s while its link was away, %s%s in all%s",
			    report_str(h, "host"),
			    js_int(h, "away", 0) == 1 ? "" : "several times, ",
			    report_ms(js_int(h, "away_ms", 0), age, sizeof age),
			    js_bool(h, "away_still", false) ? ", and so it was at the end"
							    : "");
	}
}

/* What a verb should have changed and did not, or broke. */
static void
unknown_proof(struct report *r, const struct js *p)
{
	struct js *table = js_get_array(p, "table");

	for (size_t i = 0; i < js_len(table); i++) {
		const struct js *t = js_at(table, i);

		if (js_has(t, "ok") && !js_bool(t, "ok", true))
			report_unknown(r, js_int(p, "end_seq", 0),
			    "why %s after %s is not as it should be: %s, it was %s",
			    report_str(t, "what"), report_str(p, "verb"),
			    report_str(t, "after"), report_str(t, "before"));
	}
}

static void
unknown_rest(struct report *r)
{
	struct js *open = js_get_array(r->facts, "unfinished"), *left;

	for (size_t i = 0; i < js_len(open); i++)
		if (!js_bool(js_at(open, i), "settled", false))
			report_unknown(r, js_int(js_at(open, i), "seq", 0),
			    "not settled: %s", report_str(js_at(open, i), "text"));
	left = js_get_array(r->facts, "left");
	for (size_t i = 0; i < js_len(left); i++)
		report_unknown(r, 0, "run %s on %s may still be alive (%s): %.150s",
		    report_str(js_at(left, i), "id"), report_str(js_at(left, i), "host"),
		    report_str(js_at(left, i), "state"),
		    report_str(js_at(left, i), "what"));
	if (r->proof)
		unknown_proof(r, r->proof);
	if (r->unread)
		report_unknown(r, 0, "%lld lines of the journal are no records",
		    (long long)r->unread);
	if (r->sent.seq && !r->healthy.seq && !r->proof)
		report_unknown(
		    r, r->sent.seq, "whether the devvm came back: no proof here");
	else if (r->proof && !r->healthy.seq && !js_is(r->proof, "end", "stopped"))
		report_unknown(r, js_int(r->proof, "end_seq", 0),
		    "whether the devvm came back: the proof ended %s",
		    js_has(r->proof, "end") ? report_str(r->proof, "end") : "unfinished");
}

/* ---- all of it ------------------------------------------------------------------------
 */

/* How a prompt's turn ended. */
static void
came_of_turn(struct report *r, struct js *a)
{
	struct js *turns = js_get_array(r->facts, "turns");

	for (size_t i = 0; i < js_len(turns); i++) {
		const struct js *t = js_at(turns, i);

		if (js_int(t, "turn", -1) != js_int(a, "turn", -2))
			continue;
		report_set_cut(a, "came",
		    js_has(t, "stop") ? report_str(t, "stop") : "no end in this journal",
		    64);
		if (js_has(t, "done_seq"))
			js_set_int(a, "came_seq", js_int(t, "done_seq", 0));
	}
}

/* What came of each action that asked for something. */
static void
sum_actions(struct report *r)
{
	struct js *actions = js_get_array(r->facts, "actions");
	char text[300];

	for (size_t i = 0; i < js_len(actions); i++) {
		struct js *a = js_at(actions, i);
		const char *id = js_str(a, "verb");
		const struct js *v = id ? report_find(r, "verbs", "id", id) : NULL;

		if (js_has(a, "turn"))
			came_of_turn(r, a);
		if (!v)
			continue;
		snprintf(text, sizeof text, "%s", report_str(v, "state"));
		if (js_has(v, "exit"))
			snprintf(text, sizeof text, "%s, exit %lld",
			    report_str(v, "state"), (long long)js_int(v, "exit", 0));
		else if (js_has(v, "result"))
			snprintf(text, sizeof text, "%s: %.200s", report_str(v, "state"),
			    report_str(v, "result"));
		text_only_utf8(text);
		js_set_str(a, "came", text);
		if (js_has(v, "end_seq"))
			js_set_int(a, "came_seq", js_int(v, "end_seq", 0));
	}
}

static const char *
outcome(const struct report *r)
{
	if (r->proof && js_has(r->proof, "end"))
		return report_str(r->proof, "end");
	if (r->sent.seq)
		return "not proved";
	return r->verdict ? report_str(r->verdict, "word") : "nothing was done to VM 102";
}

void
report_sum(struct report *r)
{
	struct js *records = js_new();
	char at[CLOCK_AT_LEN];

	js_set_int(records, "read", r->records);
	js_set_int(records, "unread", r->unread);
	js_set_int(records, "missing", r->missing);
	js_set_int(records, "first_seq", r->first_seq);
	js_set_int(records, "last_seq", r->last_seq);
	js_set(r->facts, "records", records);
	if (r->at[0]) { /* else no record has a time */
		js_set_str(r->facts, "opened", clock_at(r->first_wall_ms, at));
		js_set_str(r->facts, "last", r->at);
		js_set_int(r->facts, "length_ms", r->ms);
	}
	if (r->began_ms >= 0)
		js_set_str(r->facts, "began", clock_at(r->began_ms, at));
	js_set_str(r->facts, "outcome", outcome(r));
	if (r->proof)
		report_set_cut(
		    r->facts, "outcome_why", report_str(r->proof, "text"), 300);
	sum_durations(r);
	sum_actions(r);
	unknown_verbs(r);
	unknown_rest(r);
	unknown_asks(r);
	unknown_hosts(r);
	unknown_people(r);
}
