/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which driver answers, when it is another one, and what is told of that. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "choice_rig.h"

Test(choice, takes_claude_when_its_endpoint_answers)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	finish(CHOICE_CLI, "end", false);
	cr_assert(rig.ok && rig.dones == 1);
	cr_assert_str_eq(rig.why, "");
	cr_assert_eq(eps.probes[0], 1);
	cr_assert_str_eq(prompt("again"), "cli");
	cr_assert_eq(eps.probes[0], 1, "what is known to be well is not asked again");
	end();
}

Test(choice, passes_a_dead_first_endpoint_over_and_comes_back_by_itself)
{
	begin("auto", true, true);
	eps.answers[0] = false;
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_str_eq(rig.driver, "api");
	cr_assert(strstr(rig.why, "vendor: connection refused"), "%s", rig.why);
	cr_assert(strstr(buf_str(&rig.troubles), "the API driver takes this prompt"));
	cr_assert(rig.back[0] != '\0');
	finish(CHOICE_API, "end", false);
	eps.answers[0] = true;
	cr_assert_str_eq(prompt("again"), "cli");
	cr_assert_str_eq(rig.why, "");
	cr_assert_str_eq(rig.driver, "cli");
	end();
}

Test(choice, waits_no_longer_than_the_probe_for_one_that_hangs)
{
	uint64_t began;

	begin("auto", true, true);
	eps.hangs[0] = true;
	began = uv_hrtime();
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_lt((uv_hrtime() - began) / 1000000, 1000);
	cr_assert(strstr(rig.why, "no answer in time"), "%s", rig.why);
	end();
}

Test(choice, gives_it_to_the_runbooks_when_all_are_dead)
{
	begin("auto", true, true);
	eps.answers[0] = eps.answers[1] = false;
	cr_assert_str_eq(prompt("hello"), "runbook");
	cr_assert(strstr(rig.why, "vendor: connection refused") &&
		strstr(rig.why, "lan: connection refused"),
	    "%s", rig.why);
	cr_assert(strstr(buf_str(&rig.troubles), "no model answers"));
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert(rig.ok);
	cr_assert_str_eq(rig.driver, "runbook", "and it stays so until the next prompt");
	end();
}

Test(choice, moves_a_prompt_on_when_nothing_ran_and_counts_blocks_on)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	choice_events()->text(
	    0, "half", 4, false, true, choice_arg(rig.choice, CHOICE_CLI));
	finish(CHOICE_CLI, "api_error", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 1);
	cr_assert_str_eq(rig.drivers[CHOICE_API].text, "hello");
	cr_assert_eq(rig.dones, 0);
	choice_events()->text(
	    0, "whole", 5, false, false, choice_arg(rig.choice, CHOICE_API));
	cr_assert_eq(rig.block, 1);
	finish(CHOICE_API, "unreachable", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_RUNBOOK].prompts, 1);
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert(rig.dones == 1 && rig.ok);
	end();
}

Test(choice, leaves_a_turn_where_it_is_once_a_tool_ran)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	choice_events()->tool("t1", "Bash", "id", 2, choice_arg(rig.choice, CHOICE_CLI));
	finish(CHOICE_CLI, "unreachable", false);
	cr_assert(rig.dones == 1 && !rig.ok);
	cr_assert_str_eq(rig.stop, "unreachable");
	end();
}

Test(choice, does_not_move_a_refusal_or_a_cancel)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	finish(CHOICE_CLI, "refusal", true);
	cr_assert_eq(rig.dones, 1);
	cr_assert_str_eq(prompt("hello"), "cli");
	rig.agent->ops->cancel(rig.agent);
	cr_assert_eq(rig.drivers[CHOICE_CLI].cancels, 1);
	finish(CHOICE_CLI, "unreachable", true);
	cr_assert_eq(rig.dones, 2);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 0);
	end();
}

static bool
is_done(void)
{
	return rig.dones > 0;
}

Test(choice, ends_a_prompt_that_is_cancelled_while_it_looks)
{
	struct err err;

	begin("auto", true, true);
	eps.hangs[0] = eps.hangs[1] = true;
	cr_assert_eq(
	    rig.agent->ops->prompt(rig.agent,
		&(struct agent_prompt){.text = "x", .len = 1, .by = "ana"}, &err),
	    0);
	uv_run(&rig.loop, UV_RUN_NOWAIT);
	rig.agent->ops->cancel(rig.agent);
	cr_assert_eq(rig.dones, 0, "nothing is called back from inside");
	run_until(is_done);
	cr_assert(rig.cancelled);
	cr_assert_eq(rig.drivers[CHOICE_CLI].prompts, 0);
	end();
}

Test(choice, does_not_wait_for_claudes_retries_when_the_endpoint_is_dead)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	eps.answers[0] = false;
	choice_events()->state(
	    AGENT_WAITING, "retry 1", NULL, choice_arg(rig.choice, CHOICE_CLI));
	while (rig.drivers[CHOICE_CLI].cancels == 0)
		uv_run(&rig.loop, UV_RUN_ONCE);
	finish(CHOICE_CLI, "aborted_streaming", true);
	run_until(given);
	cr_assert_eq(rig.drivers[CHOICE_API].prompts, 1);
	cr_assert_eq(rig.dones, 0);
	end();
}

static bool
back_is_told(void)
{
	return strstr(rig.back, "answers again") != NULL;
}

Test(choice, says_while_it_is_away_that_the_first_choice_answers_again)
{
	begin("auto", true, true);
	eps.answers[0] = false;
	choice_consoles(rig.choice, 1);
	cr_assert_str_eq(prompt("hello"), "api");
	finish(CHOICE_API, "end", false);
	eps.answers[0] = true;
	run_until(back_is_told);
	cr_assert_str_eq(prompt("again"), "cli");
	finish(CHOICE_CLI, "end", false);
	end();
}

Test(choice, chosen_by_hand_is_one_driver_and_no_other)
{
	struct err err;

	begin("auto", true, true);
	eps.answers[0] = eps.answers[1] = false;
	cr_assert_eq(choice_by_hand(rig.choice, "cli", NULL, "ana", &err), 0);
	cr_assert_str_eq(prompt("hello"), "cli");
	cr_assert(strstr(rig.why, "ana chose cli"), "%s", rig.why);
	cr_assert_eq(eps.probes[0], 0);
	finish(CHOICE_CLI, "unreachable", true);
	cr_assert(rig.dones == 1 && !rig.ok);
	cr_assert_eq(choice_by_hand(rig.choice, "runbook", NULL, "ana", &err), 0);
	cr_assert_str_eq(rig.driver, "runbook");
	cr_assert_str_eq(prompt("hello"), "runbook");
	finish(CHOICE_RUNBOOK, "end", true);
	cr_assert_eq(choice_by_hand(rig.choice, "cli", "lan", "ana", &err), -1);
	cr_assert_eq(choice_by_hand(rig.choice, "gpt", NULL, "ana", &err), -1);
	cr_assert_eq(choice_by_hand(rig.choice, "auto", NULL, "ana", &err), 0);
	cr_assert_str_eq(rig.why, "");
	end();
}

Test(choice, refuses_by_hand_what_could_not_take_a_prompt)
{
	struct err err;

	begin("auto", false, true);
	cr_assert_eq(choice_by_hand(rig.choice, "cli", NULL, "ana", &err), -1);
	cr_assert(strstr(err.words, "it is not there"), "%s", err.words);
	cr_assert_str_eq(prompt("hello"), "api");
	end();
}

Test(choice, takes_the_next_when_a_driver_becomes_unavailable_or_refuses)
{
	begin("auto", true, true);
	rig.drivers[CHOICE_CLI].unready = true;
	choice_events()->state(AGENT_UNAVAILABLE, "claude cannot be run", "install it",
	    choice_arg(rig.choice, CHOICE_CLI));
	cr_assert_str_eq(prompt("hello"), "api");
	finish(CHOICE_API, "end", false);
	rig.drivers[CHOICE_API].refuses = true;
	cr_assert_str_eq(prompt("hello"), "runbook");
	finish(CHOICE_RUNBOOK, "end", true);
	end();
}

Test(choice, says_why_there_is_no_model_at_all)
{
	begin("auto", false, false);
	eps.usable[0] = eps.usable[1] = false;
	cr_assert_str_eq(prompt("hello"), "runbook");
	cr_assert(strstr(rig.why, "vendor: no key"), "%s", rig.why);
	finish(CHOICE_RUNBOOK, "end", true);
	end();
}

static void
see(const char *text)
{
	struct err err;
	struct js *f = js_parse(text, strlen(text), &err);

	cr_assert_not_null(f);
	recap_see(rig.recap, f);
	js_free(f);
}

Test(choice, tells_a_new_driver_what_was_said_and_the_old_one_nothing_twice)
{
	begin("auto", true, true);
	see("{\"t\":\"prompt\",\"turn\":1,\"state\":\"started\",\"by\":\"ana\","
	    "\"text\":\"what is wrong\"}");
	cr_assert_str_eq(prompt("what is wrong"), "cli");
	cr_assert_null(rig.drivers[CHOICE_CLI].context);
	see("{\"t\":\"text\",\"turn\":1,\"text\":\"the disk is full\"}");
	finish(CHOICE_CLI, "end", false);
	see("{\"t\":\"prompt\",\"turn\":2,\"state\":\"started\",\"by\":\"ana\","
	    "\"text\":\"go on\"}");
	eps.well[0] = eps.answers[0] = false;
	cr_assert_str_eq(prompt("go on"), "api");
	cr_assert_not_null(rig.drivers[CHOICE_API].context);
	cr_assert(strstr(rig.drivers[CHOICE_API].context, "ana: what is wrong"));
	cr_assert(strstr(rig.drivers[CHOICE_API].context, "agent: the disk is full"));
	cr_assert_null(strstr(rig.drivers[CHOICE_API].context, "go on"));
	finish(CHOICE_API, "end", false);
	cr_assert_str_eq(prompt("and now"), "api");
	cr_assert_null(
	    rig.drivers[CHOICE_API].context, "%s", rig.drivers[CHOICE_API].context);
	end();
}

Test(choice, passes_notices_to_who_answers)
{
	begin("auto", true, true);
	cr_assert_str_eq(prompt("hello"), "cli");
	rig.agent->ops->notice(rig.agent, "F7 was pressed");
	cr_assert_str_eq(rig.drivers[CHOICE_CLI].notice, "F7 was pressed");
	end();
}

static void
on_seen_at_last(uv_timer_t *t)
{
	eps.looking = false;
	eps.usable[0] = true;
	eps.looked(eps.looked_arg);
	uv_close((uv_handle_t *)t, NULL);
}

Test(choice, waits_until_the_files_of_the_credentials_have_been_looked_at)
{
	uv_timer_t timer;

	begin("auto", false, true);
	eps.usable[0] = eps.usable[1] = false;
	eps.looking = true;
	uv_timer_init(&rig.loop, &timer);
	uv_timer_start(&timer, on_seen_at_last, 20, 0);
	cr_assert_str_eq(prompt("hello"), "api");
	cr_assert_not(eps.looking);
	finish(CHOICE_API, "end", false);
	end();
}
