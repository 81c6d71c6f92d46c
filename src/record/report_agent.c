/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_agent.c: what the agent was asked, what it answered, what it had to ask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "record/report_int.h"

static struct js *
turn_of(struct report *r, const struct js *m)
{
	int64_t n = report_num(m, "turn", -1);
	struct js *list = js_get_array(r->facts, "turns");

	for (size_t i = js_len(list); i-- > 0;)
		if (js_int(js_at(list, i), "turn", -2) == n)
			return js_at(list, i);
	return NULL;
}

/* More of a text that comes in parts, as long as there is room. */
static void
text_more(struct js *obj, const char *key, const char *more, size_t max)
{
	const char *was = report_str(obj, key);
	char *all = mem_printf("%s%s", was, more);

	if (strlen(was) < max)
		report_set_cut(obj, key, all, max);
	free(all);
}

void
report_on_prompt(struct report *r, const struct js *m)
{
	struct js *t = turn_of(r, m), *action;
	bool first = report_num(m, "part", 1) <= 1;

	if (!r->sign.seq)
		report_mark_here(r, &r->sign);
	if (!t) {
		if (!(t = report_item(r, "turns")))
			return;
		js_set_int(t, "turn", report_num(m, "turn", 0));
		report_set_cut(t, "runbook", js_str(m, "runbook"), 64);
		action = report_action(r, "%s %s",
		    js_has(m, "runbook") ? "ran the runbook" : "asked the agent:",
		    js_has(m, "runbook") ? report_str(m, "runbook")
					 : report_str(m, "text"));
		if (action)
			js_set_int(action, "turn", report_num(m, "turn", 0));
	}
	/* queued and then started is one prompt, told twice */
	if (js_has(t, "state") && !js_is(t, "state", report_str(m, "state"))) {
		report_set_cut(t, "state", report_str(m, "state"), 16);
		if (first)
			report_event(r, "", "turn %lld begins",
			    (long long)report_num(m, "turn", 0));
		return;
	}
	report_set_cut(t, "state", report_str(m, "state"), 16);
	text_more(t, "prompt", report_str(m, "text"), 4096);
	if (first)
		report_event(r, "", "turn %lld%s: %s",
		    (long long)report_num(m, "turn", 0),
		    js_is(m, "state", "queued") ? " (queued)" : "",
		    report_str(m, "text"));
}

/* The last block of a turn is its answer. */
void
report_on_text(struct report *r, const struct js *m)
{
	struct js *t = turn_of(r, m);

	if (!t || js_bool(m, "thinking", false))
		return;
	if (report_num(m, "part", 1) <= 1) {
		report_count(t, "blocks", 1);
		js_set_str(t, "answer", "");
		js_set_int(t, "answer_seq", r->seq);
	}
	text_more(t, "answer", report_str(m, "text"), REPORT_ANSWER_MAX);
	if (js_bool(m, "cut", false))
		js_set_bool(t, "answer_cut", true);
}

void
report_on_session(struct report *r, const struct js *m)
{
	static const char *const keys[] = {"driver", "model", "endpoint", "version"};
	struct js *list = report_list(r, "sessions"), *s;

	for (size_t i = 0; i < js_len(list); i++) {
		bool same = true;

		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			same &= strcmp(report_str(js_at(list, i), keys[k]),
				    report_str(m, keys[k])) == 0;
		if (same)
			return;
	}
	if (!(s = report_item(r, "sessions")))
		return;
	for (size_t k = 0; k < ARRAY_LEN(keys); k++)
		report_set_cut(s, keys[k], js_str(m, keys[k]), 100);
	report_event(r, "session", "agent: %s%s%s", report_str(m, "driver"),
	    js_has(m, "model") ? ", model " : "", report_str(m, "model"));
}

void
report_on_result(struct report *r, const struct js *m)
{
	static const char *const numbers[] = {
	    "in", "out", "cache", "ms", "calls", "tools"};
	static const char *const words[] = {"stop", "driver", "endpoint"};
	struct js *t = turn_of(r, m);
	char age[40];

	if (!t)
		return;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (js_has(m, numbers[i]))
			js_set_int(t, numbers[i], report_num(m, numbers[i], 0));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		report_set_cut(t, words[i], js_str(m, words[i]), 64);
	if (js_has(m, "cost_usd"))
		js_set_dbl(t, "cost_usd", js_dbl(m, "cost_usd", 0));
	report_event(r, "", "turn %lld ended: %s, by %s, %s",
	    (long long)report_num(m, "turn", 0), report_str(m, "stop"),
	    report_str(m, "driver"), report_ms(report_num(m, "ms", 0), age, sizeof age));
}

void
report_on_cancelled(struct report *r, const struct js *m)
{
	struct js *t = turn_of(r, m);

	if (t)
		js_set_bool(t, "cancelled", true);
	report_event(r, "", "turn %lld cancelled: %s",
	    (long long)report_num(m, "turn", 0), report_str(m, "text"));
	report_action(r, "cancelled turn %lld", (long long)report_num(m, "turn", 0));
}

void
report_on_done(struct report *r, const struct js *m)
{
	struct js *t = turn_of(r, m);

	if (t) {
		js_set_bool(t, "ok", js_bool(m, "ok", false));
		js_set_int(t, "done_seq", r->seq);
	}
	if (!js_bool(m, "ok", true))
		report_event(
		    r, "", "turn %lld failed", (long long)report_num(m, "turn", 0));
}

void
report_on_ask(struct report *r, const struct js *m)
{
	static const char *const words[] = {"id", "kind", "host", "asked", "verb"};
	struct js *q = report_item(r, "asks");

	report_event(
	    r, "", "question %s: %s", report_str(m, "id"), report_str(m, "text"));
	if (!q)
		return;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		report_set_cut(q, words[i], js_str(m, words[i]), 64);
	report_set_cut(q, "text", report_str(m, "text"), REPORT_WORD_MAX);
	report_set_cut(q, "command", js_str(m, "command"), REPORT_WORD_MAX);
	if (js_bool(m, "stdin", false))
		js_set_bool(q, "stdin", true);
	report_set_cut(q, "input", js_str(m, "input"), REPORT_WORD_MAX);
}

void
report_on_answered(struct report *r, const struct js *m)
{
	struct js *q = report_find(r, "asks", "id", report_str(m, "id"));
	bool yes = js_bool(m, "yes", false);

	report_event(r, "", "question %s: %s: %s", report_str(m, "id"),
	    yes ? "yes" : "no", report_str(m, "why"));
	if (!q)
		return;
	js_set_bool(q, "yes", yes);
	report_set_cut(q, "answered_by", r->by, 64);
	js_set_int(q, "answered_seq", r->seq);
	report_set_cut(q, "why", report_str(m, "why"), REPORT_WORD_MAX);
	if (yes && js_is(q, "kind", "repair") && !r->decided.seq)
		report_mark_here(r, &r->decided);
	if (strcmp(r->by, "engine") != 0)
		report_action(r, "said %s to question %s (%.120s)", yes ? "yes" : "no",
		    report_str(m, "id"),
		    js_has(q, "command") ? report_str(q, "command")
					 : report_str(q, "text"));
}
