/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_runs.c: what was run where, and how it ended. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/report_int.h"

static int
run_slot(const struct report *r, const char *id)
{
	for (int i = 0; i < REPORT_OPEN_MAX; i++)
		if (id ? r->open[i].run && strcmp(r->open[i].id, id) == 0
		       : !r->open[i].run)
			return i;
	return -1;
}

static void
run_forget(struct report *r, int slot)
{
	js_free(r->open[slot].run);
	js_free(r->open[slot].event);
	r->open[slot].run = r->open[slot].event = NULL;
}

static const char *const hosts[] = {"devvm", "pve", "local"};
static const char *const askers[] = {"operator", "agent", "runbook", "engine"};

static const char *
one_of(const char *word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return words[i];
	return "other";
}

/* What is counted of all runs, kept or not. */
static void
run_count(struct report *r, const char *host, const char *asked)
{
	struct js *counts = js_get(r->facts, "run_counts");
	char key[64];

	if (!counts) {
		counts = js_new();
		js_set(r->facts, "run_counts", counts);
	}
	snprintf(key, sizeof key, "%s_%s", one_of(host, hosts, ARRAY_LEN(hosts)),
	    one_of(asked, askers, ARRAY_LEN(askers)));
	report_count(counts, key, 1);
}

void
report_on_tool(struct report *r, const struct js *m)
{
	const char *id = report_str(m, "id"), *host = report_str(m, "host");
	const char *asked = report_str(m, "asked"), *what = report_str(m, "what");
	bool local = strcmp(host, "local") == 0;
	int slot = run_slot(r, NULL);
	struct js *run, *event = NULL;
	char fold[64];

	run_count(r, host, asked);
	run = local ? NULL : report_item(r, "runs");
	if (!run || slot < 0)
		return;
	report_set_cut(run, "id", id, sizeof r->open[0].id - 1);
	report_set_cut(run, "host", host, 32);
	report_set_cut(run, "asked", asked, 32);
	report_set_cut(run, "what", what, REPORT_WORD_MAX);
	if (js_has(m, "verb"))
		report_set_cut(run, "verb", js_str(m, "verb"), 32);
	if (js_has(m, "turn"))
		js_set_int(run, "turn", report_num(m, "turn", 0));
	if (js_bool(m, "stdin", false))
		js_set_bool(run, "stdin", true);
	if (js_has(m, "what_bytes"))
		report_unknown(
		    r, r->seq, "of the command of run %s only the beginning", id);
	snprintf(fold, sizeof fold, "run %.20s %.20s", host, asked);
	if (!js_has(m, "verb"))
		event = report_event(
		    r, fold, "%s %s for the %s: %.200s", id, host, asked, what);
	snprintf(r->open[slot].id, sizeof r->open[slot].id, "%s", id);
	r->open[slot].run = js_ref(run);
	r->open[slot].event = event ? js_ref(event) : NULL;
}

/* A script there is what ran: its beginning stands with the command. */
void
report_on_input(struct report *r, const struct js *m)
{
	int slot = run_slot(r, report_str(m, "id"));

	if (slot >= 0 && report_num(m, "off", -1) == 0 && js_has(m, "data"))
		report_set_cut(
		    r->open[slot].run, "input", report_str(m, "data"), REPORT_WORD_MAX);
}

static const char *
run_end_words(const struct js *m, char *out, size_t size)
{
	if (js_has(m, "failed"))
		snprintf(out, size, "never ended here: %.150s", report_str(m, "failed"));
	else if (js_has(m, "signal"))
		snprintf(out, size, "ended by signal %.20s", report_str(m, "signal"));
	else
		snprintf(out, size, "exit %lld", (long long)report_num(m, "exit", -1));
	return out;
}

void
report_on_tool_end(struct report *r, const struct js *m)
{
	static const char *const numbers[] = {
	    "exit", "ms", "out", "err", "cut", "in", "in_cut"};
	static const char *const words[] = {"signal", "failed"};
	int slot = run_slot(r, report_str(m, "id"));
	char end[200], age[40];
	struct js *run;

	if (slot < 0)
		return;
	run = r->open[slot].run;
	js_set_int(run, "end_seq", r->seq);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (js_has(m, numbers[i]))
			js_set_int(run, numbers[i], report_num(m, numbers[i], -1));
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (js_has(m, words[i]))
			report_set_cut(
			    run, words[i], js_str(m, words[i]), REPORT_WORD_MAX);
	report_event_set(r->open[slot].event,
	    "%s %s for the %s: %.160s; %s after %s, %lld B out, %lld B err (#%lld)",
	    report_str(run, "id"), report_str(run, "host"), report_str(run, "asked"),
	    report_str(run, "what"), run_end_words(m, end, sizeof end),
	    report_ms(report_num(m, "ms", 0), age, sizeof age),
	    (long long)report_num(m, "out", 0), (long long)report_num(m, "err", 0),
	    (long long)r->seq);
	if (js_has(m, "failed"))
		report_unknown(r, r->seq, "run %s on %s (%.100s) was lost: %.150s",
		    report_str(run, "id"), report_str(run, "host"),
		    report_str(run, "what"), report_str(m, "failed"));
	if (report_num(m, "cut", 0) > 0)
		report_unknown(r, r->seq,
		    "%lld bytes of the output of run %s (%.100s) are not in this journal",
		    (long long)report_num(m, "cut", 0), report_str(run, "id"),
		    report_str(run, "what"));
	if (report_num(m, "in_cut", 0) > 0)
		report_unknown(r, r->seq,
		    "%lld bytes of the standard input of run %s (%.100s) are not in this "
		    "journal",
		    (long long)report_num(m, "in_cut", 0), report_str(run, "id"),
		    report_str(run, "what"));
	run_forget(r, slot);
}

void
report_runs_over(struct report *r)
{
	for (int i = 0; i < REPORT_OPEN_MAX; i++) {
		const struct js *run = r->open[i].run;

		if (!run)
			continue;
		report_unknown(r, js_int(run, "seq", 0),
		    "run %s on %s (%.100s) has no end in this journal",
		    report_str(run, "id"), report_str(run, "host"),
		    report_str(run, "what"));
		report_event_set(r->open[i].event,
		    "%s %s for the %s: %.200s; no end here", report_str(run, "id"),
		    report_str(run, "host"), report_str(run, "asked"),
		    report_str(run, "what"));
		run_forget(r, i);
	}
}
