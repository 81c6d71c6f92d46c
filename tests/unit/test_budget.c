/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Budgets, repetition, the recap and notices: all pure. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/agent/budget.h"
#include "engine/agent/notices.h"
#include "engine/agent/recap.h"
#include "engine/api/repeat.h"

static struct js *
parse(const char *text)
{
	struct err err;
	struct js *f = js_parse(text, strlen(text), &err);

	cr_assert_not_null(f, "%s", err.words);
	return f;
}

/* --- budget --- */

static const struct agent_outcome nothing_known = {
    .ok = true, .in_tokens = -1, .out_tokens = -1, .cache_tokens = -1, .cost_usd = -1};

Test(budget, ends_a_turn_at_its_tool_calls_and_says_so_once)
{
	struct budget b;

	budget_init(&b, &(struct budget_limits){.turn_calls = 3});
	cr_assert(budget_begin(&b));
	cr_assert(!budget_call(&b) && !budget_call(&b));
	cr_assert(budget_call(&b));
	cr_assert_str_eq(b.spent, "calls");
	cr_assert(strstr(b.why, "turn_tool_calls"));
	cr_assert(!budget_call(&b), "it is told once");
	cr_assert(budget_begin(&b), "the next turn begins anew");
	cr_assert_null(b.spent);
}

Test(budget, counts_tokens_and_what_the_cache_served_a_tenth)
{
	struct budget b;

	budget_init(&b, &(struct budget_limits){.turn_tokens = 1000});
	budget_begin(&b);
	cr_assert(!budget_usage(
	    &b, &(struct agent_usage){.in = 500, .out = 300, .cache_read = 1990}));
	cr_assert_eq(b.turn_tokens, 999);
	cr_assert(budget_usage(
	    &b, &(struct agent_usage){.in = 500, .out = 301, .cache_read = 1990}));
	cr_assert_str_eq(b.spent, "tokens");
}

Test(budget, ends_an_incident_at_its_cost_and_begins_no_turn_then)
{
	struct budget b;
	struct agent_outcome o = nothing_known;

	budget_init(&b, &(struct budget_limits){.incident_usd = 1});
	budget_begin(&b);
	o.cost_usd = 0.6;
	budget_end(&b, &o);
	cr_assert(budget_begin(&b));
	cr_assert(budget_usage(&b, &(struct agent_usage){.cost_usd = 0.4}));
	cr_assert_str_eq(b.spent, "cost");
	o.cost_usd = 0.5;
	budget_end(&b, &o);
	cr_assert(!budget_begin(&b));
	cr_assert(strstr(b.why, "incident_cost_usd"), "%s", b.why);
	budget_incident(&b);
	cr_assert(budget_begin(&b), "another incident has its own");
}

Test(budget, has_no_limit_where_it_is_0_and_does_not_count_the_unknown)
{
	struct budget b;
	static const struct agent_usage unknown = {-1, -1, -1, -1, -1, -1};

	budget_init(&b, &(struct budget_limits){0});
	budget_begin(&b);
	for (int i = 0; i < 10000; i++)
		cr_assert(!budget_call(&b));
	cr_assert(!budget_usage(&b, &unknown));
	budget_end(&b, &nothing_known);
	cr_assert_eq(budget_sums(&b).in, 0);
	cr_assert_eq(budget_sums(&b).turns, 1);
}

Test(budget, goes_on_with_what_an_earlier_engine_recorded)
{
	struct budget b, c;
	struct agent_outcome o = nothing_known;
	struct js *f = js_new();

	budget_init(&b, &(struct budget_limits){.incident_usd = 5, .turn_calls = 9});
	budget_begin(&b);
	budget_usage(
	    &b, &(struct agent_usage){.in = 7, .out = 5, .cost_usd = 2, .calls = 1});
	o.in_tokens = 8;
	budget_end(&b, &o);
	budget_tell(&b, f);
	budget_init(&c, &b.limits);
	budget_found(&c, f);
	cr_assert_eq(c.past.in, 8);
	cr_assert_eq(c.past.out, 5);
	cr_assert_eq(c.past.calls, 1);
	cr_assert_eq(c.past.turns, 1);
	cr_assert_float_eq(c.past.cost_usd, 2, 1e-9);
	cr_assert_eq(js_int(f, "turn_calls_max", 0), 9);
	cr_assert(!js_has(f, "turn_tokens_max") && !js_has(f, "spent"));
	js_free(f);
}

/* --- repeat --- */

static int
call(struct repeat *r, const char *what, const char *out, int exit)
{
	struct repeat_call c;

	repeat_call(&c, "Bash", what, strlen(what));
	repeat_output(&c, 1, out, strlen(out));
	return repeat_end(r, &c, exit != 0, exit);
}

Test(repeat, counts_the_same_call_with_the_same_result_in_a_row)
{
	struct repeat r;

	repeat_begin(&r);
	cr_assert_eq(call(&r, "ls", "a", 0), 1);
	cr_assert_eq(call(&r, "ls", "a", 0), 2);
	cr_assert_eq(call(&r, "ls", "a", 0), 3);
	cr_assert_eq(call(&r, "ls", "b", 0), 1, "another output");
	cr_assert_eq(call(&r, "ls", "b", 1), 1, "another exit");
	cr_assert_eq(call(&r, "ls", "b", 1), 2);
	cr_assert_eq(call(&r, "id", "b", 1), 1, "another command");
	repeat_begin(&r);
	cr_assert_eq(call(&r, "id", "b", 1), 1, "another turn");
}

Test(repeat, does_not_care_how_output_is_cut_but_which_stream_it_is)
{
	struct repeat r;
	struct repeat_call a, b;

	repeat_begin(&r);
	repeat_call(&a, "Bash", "x", 1);
	repeat_output(&a, 1, "hello", 5);
	repeat_call(&b, "Bash", "x", 1);
	repeat_output(&b, 1, "he", 2);
	repeat_output(&b, 1, "llo", 3);
	cr_assert_eq(repeat_end(&r, &a, false, 0), 1);
	cr_assert_eq(repeat_end(&r, &b, false, 0), 2);
	repeat_call(&b, "Bash", "x", 1);
	repeat_output(&b, 2, "hello", 5);
	cr_assert_eq(repeat_end(&r, &b, false, 0), 1);
}

/* --- recap --- */

static void
see(struct recap *r, const char *text)
{
	struct js *f = parse(text);

	recap_see(r, f);
	js_free(f);
}

Test(recap, keeps_the_last_text_of_a_turn_and_forgets_another_incident)
{
	struct recap *r = recap_new();
	char *text;

	see(r,
	    "{\"t\":\"prompt\",\"turn\":1,\"state\":\"started\",\"by\":\"ana\",\"text\":"
	    "\"look\"}");
	see(r, "{\"t\":\"text\",\"turn\":1,\"text\":\"looking\"}");
	see(r, "{\"t\":\"text\",\"turn\":1,\"text\":\"hm\",\"thinking\":true}");
	see(r, "{\"t\":\"text\",\"turn\":1,\"text\":\"found it\"}");
	recap_notice(r, "ana pressed F7");
	see(r,
	    "{\"t\":\"prompt\",\"turn\":2,\"state\":\"started\",\"by\":\"bo\",\"text\":"
	    "\"now\"}");
	text = recap_text(r, 0);
	cr_assert_str_eq(
	    text, "ana: look\nagent: found it\nbreakglass: ana pressed F7\n");
	free(text);
	cr_assert_null(recap_text(r, recap_mark(r)));
	see(r, "{\"t\":\"incident\",\"state\":\"opened\"}");
	recap_notice(r, "alone");
	cr_assert_null(recap_text(r, 0), "a notice alone is no recap");
	recap_free(r);
}

Test(recap, is_bounded_and_the_newest_stay)
{
	struct recap *r = recap_new();
	struct buf big;
	char *text;

	buf_init(&big, 200000);
	for (int i = 0; i < 40; i++) {
		buf_clear(&big);
		cr_assert_eq(
		    buf_printf(&big,
			"{\"t\":\"prompt\",\"turn\":%d,\"state\":\"started\",\"by\":"
			"\"ana\",\"text\":\"n%d ",
			i, i),
		    0);
		for (int k = 0; k < 3000; k++)
			cr_assert_eq(buf_add_str(&big, "\xc3\xa4\xc3\xb6 "), 0);
		cr_assert_eq(buf_add_str(&big, "\"}"), 0);
		see(r, buf_str(&big));
	}
	see(r, "{\"t\":\"prompt\",\"turn\":99,\"state\":\"started\",\"text\":\"last\"}");
	text = recap_text(r, 0);
	cr_assert_leq(strlen(text), RECAP_MAX);
	cr_assert(strstr(text, "n39") && !strstr(text, "n1 "));
	cr_assert(strstr(text, "left out"));
	free(text);
	recap_free(r);
	buf_fini(&big);
}

/* --- notices --- */

static const char *
notice(struct notices *n, bool in_turn, const char *text)
{
	static char out[NOTICE_MAX];
	struct js *f = parse(text);
	bool said = notices_see(n, f, in_turn, out);

	js_free(f);
	return said ? out : "";
}

Test(notices, tell_what_operators_did_and_not_what_the_agent_did)
{
	struct notices n;

	notices_init(&n);
	cr_assert_str_eq(
	    notice(&n, false,
		"{\"t\":\"verb\",\"at\":\"2026-11-26T03:12:04.123Z\",\"verb\":\"cycle\","
		"\"asked\":\"operator\",\"by\":\"ana\",\"state\":\"confirmed\"}"),
	    "03:12:04 UTC: operator ana pressed F7 cycle");
	cr_assert_str_eq(
	    notice(&n, false,
		"{\"t\":\"verb\",\"at\":\"2026-11-26T03:12:34.123Z\",\"verb\":\"cycle\","
		"\"asked\":\"operator\",\"by\":\"ana\",\"state\":\"finished\",\"exit\":0,"
		"\"result\":\"VM 102 runs\"}"),
	    "03:12:34 UTC: operator ana's cycle has finished, exit 0: VM 102 runs");
	cr_assert_str_eq(notice(&n, true,
			     "{\"t\":\"verb\",\"verb\":\"cycle\",\"asked\":\"agent\","
			     "\"by\":\"agent\",\"state\":\"finished\",\"exit\":0}"),
	    "");
	cr_assert_str_eq(notice(&n, true,
			     "{\"t\":\"state\",\"what\":\"autonomy\",\"by\":\"engine\","
			     "\"level\":\"observe\"}"),
	    "");
	cr_assert(strstr(notice(&n, true,
			     "{\"t\":\"state\",\"what\":\"autonomy\",\"by\":\"bo\","
			     "\"level\":\"observe\"}"),
	    "operator bo set your autonomy to observe"));
}

Test(notices, tell_the_end_of_a_verb_that_was_learnt_later_whoever_asked_for_it)
{
	struct notices n;

	notices_init(&n);
	cr_assert(strstr(notice(&n, false,
			     "{\"t\":\"verb\",\"verb\":\"cycle\",\"asked\":\"agent\","
			     "\"by\":\"engine\",\"state\":\"finished\",\"exit\":0,"
			     "\"learnt\":\"the host's status\"}"),
	    "somebody's cycle has finished, exit 0"));
	cr_assert(strstr(notice(&n, false,
			     "{\"t\":\"verb\",\"verb\":\"reset\",\"asked\":\"agent\","
			     "\"by\":\"engine\",\"state\":\"refused\",\"why\":\"it never "
			     "began\",\"learnt\":\"the host's status\"}"),
	    "somebody's reset never ran: it never began"));
}

Test(notices, tell_a_shell_and_its_end)
{
	struct notices n;

	notices_init(&n);
	cr_assert(strstr(notice(&n, false,
			     "{\"t\":\"tool\",\"id\":\"r7\",\"asked\":\"operator\","
			     "\"by\":\"bo\",\"what\":\"(interactive shell)\"}"),
	    "operator bo opened a shell"));
	cr_assert_str_eq(notice(&n, false, "{\"t\":\"tool_end\",\"id\":\"r8\"}"), "");
	cr_assert(strstr(notice(&n, false, "{\"t\":\"tool_end\",\"id\":\"r7\"}"),
	    "operator bo left the shell"));
	cr_assert_str_eq(notice(&n, false, "{\"t\":\"tool_end\",\"id\":\"r7\"}"), "");
}

Test(notices, tell_a_lost_link_in_a_turn_and_a_proof_once)
{
	struct notices n;

	notices_init(&n);
	cr_assert_str_eq(notice(&n, false,
			     "{\"t\":\"state\",\"what\":\"link\",\"host\":\"devvm\","
			     "\"state\":\"up\"}"),
	    "");
	cr_assert(strstr(notice(&n, true,
			     "{\"t\":\"state\",\"what\":\"link\",\"host\":\"devvm\","
			     "\"state\":\"silent\",\"why\":\"no word\\nfor 5 s\"}"),
	    "the connection to devvm is lost: no word for 5 s"));
	cr_assert_str_eq(notice(&n, true,
			     "{\"t\":\"state\",\"what\":\"link\",\"host\":\"devvm\","
			     "\"state\":\"connecting\"}"),
	    "");
	cr_assert(strstr(notice(&n, true,
			     "{\"t\":\"state\",\"what\":\"link\",\"host\":\"devvm\","
			     "\"state\":\"up\"}"),
	    "is back"));
	cr_assert(strstr(notice(&n, false,
			     "{\"t\":\"state\",\"what\":\"proof\",\"verb\":\"cycle\","
			     "\"end\":\"healthy\",\"pid\":9}"),
	    "proved healthy"));
	cr_assert_str_eq(notice(&n, false,
			     "{\"t\":\"state\",\"what\":\"proof\",\"verb\":\"cycle\","
			     "\"end\":\"healthy\",\"pid\":9}"),
	    "");
}
