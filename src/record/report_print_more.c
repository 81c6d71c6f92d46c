/* SPDX-License-Identifier: GPL-3.0-or-later */
/* report_print_more.c: verdicts, proofs, the agent, clocks, what is open, and how to
 * check all of it. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "record/report_int.h"

/* ---- VM 102 --------------------------------------------------------------------------
 */

static void
print_verdict(const struct js *v, FILE *to)
{
	struct js *lines = js_get_array(v, "evidence"), *not = js_get_array(v, "not");
	struct md_block b;

	fputs("### ", to);
	md_para(to, "%.8s verdict %s, advice %s (#%lld)",
	    strlen(report_str(v, "at")) == 24 ? report_str(v, "at") + 11 : "",
	    report_str(v, "word"), report_str(v, "advice"),
	    (long long)js_int(v, "seq", 0));
	md_para(to, "Why: %s.", report_str(v, "why"));
	if (js_bool(v, "climbing", false))
		md_para(to, "An interim word, while the devvm was still being climbed.");
	if (js_has(v, "todo"))
		md_para(to, "First, or instead: %s.", report_str(v, "todo"));
	if (js_len(lines)) {
		md_block_open(&b);
		for (size_t i = 0, len; i < js_len(lines); i++)
			md_block_line(&b, 2, "%s", js_at_str(lines, i, &len));
		md_block_close(&b, to, "");
	}
	for (size_t i = 0; i < js_len(not ); i++)
		md_item(to, "not %s: %s", report_str(js_at(not, i), "verb"),
		    report_str(js_at(not, i), "why"));
	if (js_len(not ))
		putc('\n', to);
}

static void
print_proof(const struct js *p, FILE *to)
{
	struct js *rungs = js_get_array(p, "rungs"), *table = js_get_array(p, "table");
	char age[40];

	fputs("### ", to);
	md_para(to, "After %s%s%s%s: %s", report_str(p, "verb"),
	    js_has(p, "id") ? " (" : "", report_str(p, "id"), js_has(p, "id") ? ")" : "",
	    js_has(p, "end") ? report_str(p, "end") : "unfinished");
	md_para(to, "%s. This was known %s after the verb was sent (#%lld to #%lld).",
	    report_str(p, "text"), report_ms(js_int(p, "took_ms", 0), age, sizeof age),
	    (long long)js_int(p, "seq", 0), (long long)js_int(p, "end_seq", 0));
	fputs("| what | before | after | as it should be |\n|---|---|---|---|\n", to);
	for (size_t i = 0; i < js_len(table); i++) {
		const struct js *t = js_at(table, i);

		md_cell(to, 40, "%s", report_str(t, "what"));
		md_cell(to, 80, "%s", report_str(t, "before"));
		md_cell(to, 80, "%s", report_str(t, "after"));
		md_cell(to, 8, "%s",
		    !js_has(t, "ok")		  ? ""
			: js_bool(t, "ok", false) ? "yes"
						  : "NO");
		fputs("|\n", to);
	}
	fputs(
	    "\n| ssh to the devvm | reached | after the verb was sent |\n|---|---|---|\n",
	    to);
	for (size_t i = 0; i < js_len(rungs); i++) {
		const struct js *g = js_at(rungs, i);

		md_cell(to, 20, "%s", report_str(g, "rung"));
		md_cell(to, 8, "%s", js_bool(g, "ok", false) ? "yes" : "NO");
		md_cell(to, 40, "%s",
		    js_has(g, "ms") ? report_ms(js_int(g, "ms", 0), age, sizeof age)
				    : "");
		fputs("|\n", to);
	}
	putc('\n', to);
}

void
report_print_vm(const struct js *facts, FILE *to)
{
	struct js *vs = js_get_array(facts, "verdicts"),
		  *ps = js_get_array(facts, "proofs");

	fputs("## What was wrong\n\n", to);
	if (!js_len(vs))
		md_para(to, "No verdict is in this journal.");
	for (size_t i = 0; i < js_len(vs); i++)
		print_verdict(js_at(vs, i), to);
	fputs("## Proof of recovery\n\n", to);
	if (!js_len(ps))
		md_para(to, "None: no mutating verb was proved.");
	for (size_t i = 0; i < js_len(ps); i++)
		print_proof(js_at(ps, i), to);
}

/* ---- the agent ---- */

static void
print_turn(const struct js *t, FILE *to)
{
	const char *prompt = report_str(t, "prompt"), *answer = report_str(t, "answer");
	char age[40];

	fputs("### ", to);
	md_para(to, "Turn %lld, by %s (#%lld)", (long long)js_int(t, "turn", 0),
	    report_str(t, "by"), (long long)js_int(t, "seq", 0));
	md_para(to, "%s%s:", js_has(t, "runbook") ? "Runbook " : "Asked",
	    report_str(t, "runbook"));
	md_quote(to, prompt, strlen(prompt), "> ");
	if (answer[0]) {
		md_para(to,
		    "Its last words (#%lld)%s:", (long long)js_int(t, "answer_seq", 0),
		    js_bool(t, "answer_cut", false) ? ", cut" : "");
		md_quote(to, answer, strlen(answer), "> ");
	}
	if (js_has(t, "stop"))
		md_para(to,
		    "Ended: %s, by %s, after %s; %lld answers of a model, %lld tool calls, "
		    "%lld tokens in, %lld out, %.4f USD%s.",
		    report_str(t, "stop"), report_str(t, "driver"),
		    report_ms(js_int(t, "ms", 0), age, sizeof age),
		    (long long)js_int(t, "calls", 0), (long long)js_int(t, "tools", 0),
		    (long long)js_int(t, "in", 0), (long long)js_int(t, "out", 0),
		    js_dbl(t, "cost_usd", 0),
		    js_bool(t, "cancelled", false) ? "; cancelled" : "");
	else
		md_para(to, "Its end is not in this journal.");
}

static void
print_runs(const struct js *facts, FILE *to)
{
	struct js *runs = js_get_array(facts, "runs");
	size_t shown = 0;

	for (size_t i = 0; i < js_len(runs); i++) {
		const struct js *x = js_at(runs, i);

		if (js_is(x, "asked", "operator") || js_is(x, "asked", "engine"))
			continue;
		if (!shown++)
			fputs(
			    "### What it ran\n\n| run | host | command | exit | out, err |"
			    " records |\n|---|---|---|---|---|---|\n",
			    to);
		md_cell(to, 16, "%s", report_str(x, "id"));
		md_cell(to, 12, "%s", report_str(x, "host"));
		if (js_has(x, "stdin"))
			md_cell(to, 200, "%.100s, with standard input, %lld B: %s",
			    report_str(x, "what"), (long long)js_int(x, "in", 0),
			    report_str(x, "input"));
		else
			md_cell(to, 120, "%s", report_str(x, "what"));
		if (js_has(x, "exit"))
			fprintf(to, "| %lld ", (long long)js_int(x, "exit", 0));
		else
			md_cell(to, 40, "%s",
			    js_has(x, "signal")	      ? report_str(x, "signal")
				: js_has(x, "failed") ? "lost"
						      : "none here");
		fprintf(to, "| %lld, %lld B | #%lld, #%lld |\n",
		    (long long)js_int(x, "out", 0), (long long)js_int(x, "err", 0),
		    (long long)js_int(x, "seq", 0), (long long)js_int(x, "end_seq", 0));
	}
	if (shown)
		putc('\n', to);
	if (js_has(facts, "runs_more"))
		md_para(to, "And %lld more runs of anybody, in the journal.",
		    (long long)js_int(facts, "runs_more", 0));
}

void
report_print_agent(const struct js *facts, FILE *to)
{
	struct js *turns = js_get_array(facts, "turns"),
		  *asks = js_get_array(facts, "asks");

	fputs("## The agent\n\n", to);
	if (!js_len(turns) && !js_len(asks))
		md_para(to, "It was not asked.");
	for (size_t i = 0; i < js_len(turns); i++)
		print_turn(js_at(turns, i), to);
	print_runs(facts, to);
	for (size_t i = 0; i < js_len(asks); i++) {
		const struct js *q = js_at(asks, i);

		md_item(to, "Question %s (#%lld): %s Answer: %s.", report_str(q, "id"),
		    (long long)js_int(q, "seq", 0), report_str(q, "text"),
		    !js_has(q, "yes")		   ? "none"
			: js_bool(q, "yes", false) ? "yes"
						   : "no");
	}
	if (js_len(asks))
		putc('\n', to);
}

/* ---- clocks ---- */

static void
print_host_runs(const struct js *facts, const struct js *pve, FILE *to)
{
	struct js *verbs = js_get_array(facts, "verbs");
	char at[CLOCK_AT_LEN], until[CLOCK_AT_LEN];

	for (size_t i = 0; i < js_len(verbs); i++) {
		const char *id = report_str(js_at(verbs, i), "host_run");
		char iso[32];
		int64_t ms;

		if (strlen(id) < 16 || strlen(id) > 80)
			continue;
		snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s.000Z", id,
		    id + 4, id + 6, id + 9, id + 11, id + 13);
		ms = clock_from(iso);
		if (ms < 0)
			continue;
		ms -= js_int(pve, "skew_ms", 0);
		md_item(to,
		    "%s (%s) is run %s at the PVE host: begun %.8s by its clock, in whole "
		    "seconds; by the times here %.12s to %.12s%s.",
		    report_str(js_at(verbs, i), "verb"),
		    report_str(js_at(verbs, i), "id"), id, iso + 11,
		    clock_at(ms, at) + 11, clock_at(ms + 1000, until) + 11,
		    pve ? "" : ", if both clocks agree");
	}
}

void
report_print_clocks(const struct js *facts, FILE *to)
{
	struct js *hosts = js_get_array(facts, "hosts");
	const struct js *jumps = js_get_array(facts, "jumps"), *pve = NULL;
	const struct js *boots = js_get_array(facts, "boots");
	char a[40], b[40];
	size_t n = 0;

	fputs("## Clocks\n\n", to);
	for (size_t i = 0; i < js_len(hosts); i++) {
		const struct js *h = js_at(hosts, i);
		int64_t skew = js_int(h, "skew_ms", 0);

		if (!js_has(h, "error_ms"))
			continue;
		if (js_is(h, "host", "pve"))
			pve = h;
		n++;
		report_ms(skew < 0 ? -skew : skew, a, sizeof a);
		md_item(to,
		    "%s: %s %s the engine's clock, give or take %s (%zu on record). A time in "
		    "its logs, %s %s, is the time here.",
		    report_str(h, "host"), a, skew < 0 ? "behind" : "ahead of",
		    report_ms(js_int(h, "error_ms", 0), b, sizeof b),
		    js_len(js_get_array(h, "clocks")), skew < 0 ? "plus" : "minus", a);
	}
	if (!n)
		md_item(to,
		    "The hosts' clocks were not measured: their times are not comparable.");
	print_host_runs(facts, pve, to);
	for (size_t i = 0; i < js_len(jumps); i++)
		md_item(to, "The engine's wall clock jumped by %s (#%lld).",
		    report_ms(js_int(js_at(jumps, i), "jump_ms", 0), a, sizeof a),
		    (long long)js_int(js_at(jumps, i), "seq", 0));
	for (size_t i = 0; i < js_len(boots); i++)
		md_item(to, "The engine's machine booted before #%lld.",
		    (long long)js_int(js_at(boots, i), "seq", 0));
	putc('\n', to);
}

/* ---- the end ---- */

static void
print_unknown(const struct js *facts, FILE *to)
{
	struct js *list = js_get_array(facts, "unknown");

	fputs("## What this report does not know\n\n", to);
	for (size_t i = 0; i < js_len(list); i++) {
		const struct js *u = js_at(list, i);

		if (js_int(u, "seq", 0) > 0)
			md_item(to, "%s (#%lld)", report_str(u, "text"),
			    (long long)js_int(u, "seq", 0));
		else
			md_item(to, "%s", report_str(u, "text"));
	}
	if (js_has(facts, "unknown_more"))
		md_item(to, "%lld more of this kind.",
		    (long long)js_int(facts, "unknown_more", 0));
	md_item(to, "What began before the first record, and why: only people know.");
	md_item(to,
	    "What a script did that was run on a host: its command and output are here, "
	    "its inner commands are not.");
	putc('\n', to);
}

static void
print_left(const struct js *facts, FILE *to)
{
	struct js *left = js_get_array(facts, "left"),
		  *verbs = js_get_array(facts, "verbs");
	struct js *files = js_get_array(js_get(facts, "file"), "beside");

	fputs("## What is left\n\n", to);
	for (size_t i = 0; i < js_len(left); i++)
		md_item(to, "On %s: run %s, %s: %s", report_str(js_at(left, i), "host"),
		    report_str(js_at(left, i), "id"), report_str(js_at(left, i), "state"),
		    report_str(js_at(left, i), "what"));
	for (size_t i = 0; i < js_len(verbs); i++)
		if (js_has(js_at(verbs, i), "host_run"))
			md_item(to,
			    "On the PVE host: evidence of %s (%s), "
			    "/var/lib/breakglass/runs/%s.log",
			    report_str(js_at(verbs, i), "verb"),
			    report_str(js_at(verbs, i), "id"),
			    report_str(js_at(verbs, i), "host_run"));
	for (size_t i = 0; i < js_len(files); i++)
		md_item(to, "Beside the journal: %s, %lld bytes",
		    report_str(js_at(files, i), "name"),
		    (long long)js_int(js_at(files, i), "bytes", 0));
	md_item(to,
	    "The SSH key was used in an emergency: rotate it (contrib/bootstrap rotate, "
	    "docs/bootstrap.md), and the API key if an agent answered.");
	putc('\n', to);
}

void
report_print_end(const struct js *facts, FILE *to)
{
	const struct js *file = js_get(facts, "file"),
			*records = js_get(facts, "records");
	const char *id = report_str(facts, "incident");
	struct md_block b;

	print_unknown(facts, to);
	print_left(facts, to);
	fputs("## Verify this journal\n\n", to);
	md_block_open(&b);
	md_block_line(&b, 0, "breakglass journal verify %s", id);
	md_block_line(&b, 0, "breakglass journal verify %s --host", id);
	md_block_line(&b, 0, "sha256sum %s", report_str(file, "name"));
	md_block_close(&b, to, "");
	fputs("| | |\n|---|---|\n| file ", to);
	md_cell(to, 120, "%s, %lld bytes", report_str(file, "name"),
	    (long long)js_int(file, "bytes", 0));
	fputs("|\n| last record ", to);
	md_cell(to, 40, "#%lld", (long long)js_int(records, "last_seq", 0));
	fputs("|\n| its h ", to);
	md_cell(to, 80, "%s",
	    js_has(file, "h") ? report_str(file, "h") : "none: no chain here");
	fputs("|\n| SHA-256 of the file ", to);
	md_cell(to, 80, "%s", report_str(file, "sha256"));
	fputs("|\n| checked ", to);
	md_cell(to, 200, "%s", report_str(file, "check"));
	fputs("|\n", to);
}
