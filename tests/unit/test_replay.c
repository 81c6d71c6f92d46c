/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The player over canned journals: time, places, text, and what journals have. */
#include "replay_rig.h"

/* --- time --- */

Test(replay, records_come_at_the_pace_at_which_they_happened, .init = init, .fini = fini)
{
	note(1000, "one");
	note(500, "two");
	play();
	cr_assert_eq(player_advance(player, 7000), 500, "half a second, then a look");
	cr_assert_str_eq(last_text, "");
	player_advance(player, 7999);
	cr_assert_str_eq(last_text, "");
	player_advance(player, 8000);
	cr_assert_str_eq(last_text, "one");
	player_advance(player, 8499);
	cr_assert_str_eq(last_text, "one");
	player_advance(player, 8500);
	cr_assert_str_eq(last_text, "two");
	cr_assert_eq(view().wall, WALL_0 + 1500);
	cr_assert_eq(player_mono(player), 501500);
	cr_assert(view().end);
}

Test(replay, a_pause_is_cut_to_two_seconds_and_counted_whole, .init = init, .fini = fini)
{
	note(3600000, "an hour later");
	play();
	player_advance(player, 0);
	player_advance(player, 1000);
	cr_assert_eq(view().pause, 3600000);
	cr_assert_eq(view().when, 1800000, "the clock runs through it");
	cr_assert_eq(player_mono(player), 500000 + 1800000);
	player_advance(player, 2000);
	cr_assert_str_eq(last_text, "an hour later");
	cr_assert_eq(view().total, 3600000);
	cr_assert_eq(view().length, 2000);
}

Test(replay, speed_doubles_up_to_all_at_once_and_comes_back, .init = init, .fini = fini)
{
	for (int i = 0; i < 100; i++)
		note(1000, "x");
	play();
	player_advance(player, 0);
	player_faster(player, 3);
	cr_assert_eq(view().speed, 8);
	player_advance(player, 1000);
	cr_assert_eq(view().when, 8000);
	player_faster(player, 9);
	cr_assert_eq(view().speed, 0);
	cr_assert_eq(player_advance(player, 1001), 500, "all told; it waits for more");
	cr_assert_eq(view().record, 101);
	player_faster(player, -1);
	cr_assert_eq(view().speed, 64);
	player_faster(player, -20);
	cr_assert_eq(view().speed, 1);
}

Test(replay, while_it_is_paused_no_time_passes, .init = init, .fini = fini)
{
	note(1000, "one");
	play();
	player_advance(player, 0);
	player_pause(player, true);
	cr_assert_eq(player_advance(player, 600), -1);
	cr_assert_eq(player_advance(player, 60000), -1);
	player_pause(player, false);
	player_advance(player, 60500);
	cr_assert_eq(view().when, 500);
}

/* --- places --- */

/* Runs, states and notes: what a night has, again and again. */
static void
long_night(int rounds)
{
	for (int i = 0; i < rounds; i++) {
		record("state", 100,
		    "\"what\":\"vm\",\"status\":\"%s\",\"qmp\":\"alive\",\"checked\":%" PRId64,
		    i % 3 ? "running" : "stopped", mono);
		record("state", 10,
		    "\"what\":\"link\",\"host\":\"pve\",\"state\":\"up\",\"ms\":%d,\"since\":500000",
		    i % 40);
		record("tool", 20,
		    "\"id\":\"r%d\",\"host\":\"devvm\",\"asked\":\"agent\",\"what\":\"df %d\"",
		    i, i);
		for (int k = 0; k < 4; k++)
			record("output", 30,
			    "\"id\":\"r%d\",\"stream\":\"out\",\"off\":%d,\"len\":8,\"data\":\"line %d.\\n\"",
			    i, k * 8, k);
		record("tool_end", 10,
		    "\"id\":\"r%d\",\"exit\":0,\"ms\":150,\"out\":32,\"err\":0", i);
		record("note", 900, "\"text\":\"note %d\"", i);
	}
}

Test(replay, a_place_looks_the_same_however_it_was_reached, .init = init, .fini = fini)
{
	static const size_t places[] = {7900, 20, 5003, 4998, 8999, 1, 3600, 6001, 3000};
	char *whole[ARRAY_LEN(places)];
	struct err err = {0};

	record("state", 0, "\"what\":\"autonomy\",\"level\":\"observe\"");
	long_night(1000);
	play();
	cr_assert_eq(player_read(player, &err), 0);
	while (player_step(player, &err) > 0)
		for (size_t i = 0; i < ARRAY_LEN(places); i++)
			if (view().record == places[i])
				whole[i] = mem_dup(looked(80, 40));
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		player_to_record(player, places[i]);
		cr_assert_eq(view().record, places[i]);
		cr_assert_str_eq(
		    looked(80, 40), whole[i], "record %zu:\n%s", places[i], whole[i]);
		free(whole[i]);
	}
	cr_assert(cleared >= 6 && told < 4000, "%d times anew, %d told", cleared, told);
}

Test(replay, ten_seconds_back_and_on_are_of_the_replay, .init = init, .fini = fini)
{
	long_night(100);
	play();
	player_advance(player, 0);
	player_seek(player, 10000);
	cr_assert_eq(view().when, 10000);
	player_seek(player, 10000);
	player_seek(player, -5000);
	cr_assert_eq(view().when, 15000);
	player_seek(player, -100000);
	cr_assert_eq(view().when, 0);
	player_seek(player, 10000000);
	cr_assert(view().end);
	player_to_start(player);
	cr_assert_eq(view().record, 1);
	player_to_end(player);
	cr_assert_eq(view().record, (size_t)seq);
}

Test(replay, a_run_that_began_long_before_the_place_is_shown, .init = init, .fini = fini)
{
	record("tool", 0,
	    "\"id\":\"r1\",\"host\":\"devvm\",\"asked\":\"agent\",\"what\":\"make world\"");
	for (int i = 0; i < 5000; i++)
		record("output", 10,
		    "\"id\":\"r1\",\"stream\":\"out\",\"off\":%d,\"len\":10,\"data\":\"line %04d\\n\"",
		    i * 10, i);
	play();
	player_to_record(player, 4902);
	cr_assert_not_null(strstr(looked(80, 24), "line 4899"));
	cr_assert_eq(s.model.tools.count, 1);
	cr_assert_str_eq(s.model.tools.runs[0]->what, "make world");
	cr_assert_not_null(tail_line(s.model.tools.runs[0], 0));
	cr_assert_eq(tail_line(s.model.tools.runs[0], 0)->kind, TAIL_GAP);
}

Test(replay, n_and_p_go_from_action_to_action, .init = init, .fini = fini)
{
	static const size_t actions[] = {2, 4, 6, 8};

	a_cycle();
	play();
	player_pause(player, true);
	player_advance(player, 0);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		player_to_action(player, 1);
		cr_assert_eq(
		    view().record, actions[i], "%zu, not %zu", view().record, actions[i]);
		cr_assert_not_null(player_said(player));
	}
	player_to_action(player, 1);
	cr_assert_str_eq(player_said(player), "There is no later action.");
	for (size_t i = ARRAY_LEN(actions) - 1; i-- > 0;) {
		player_to_action(player, -1);
		cr_assert_eq(view().record, actions[i]);
	}
	cr_assert_eq(jumped, 7);
}

Test(
    replay, any_order_of_wishes_ends_somewhere_in_the_journal, .init = init, .fini = fini)
{
	unsigned dice = 1;
	int64_t now = 0;

	long_night(700);
	a_cycle();
	line("garbage");
	play();
	for (int i = 0; i < 400; i++) {
		dice = dice * 1103515245 + 12345;
		if (dice >> 16 & 1)
			player_seek(player, (int64_t)(dice >> 18) - 8000);
		else if (dice >> 17 & 1)
			player_to_action(player, dice >> 18 & 1 ? 1 : -1);
		else if (dice >> 18 & 1)
			player_faster(player, dice >> 19 & 1 ? 1 : -1);
		else if (dice >> 19 & 1)
			player_find(player, "line 3", dice >> 20 & 1 ? 1 : -1);
		else if (dice >> 20 & 1)
			player_to_start(player);
		else if (dice >> 21 & 1)
			player_to_end(player);
		else
			player_pause(player, dice >> 22 & 1);
		player_advance(player, now += dice >> 24);
		cr_assert(view().record <= view().records);
		cr_assert(view().when <= view().total && view().when >= 0);
		cr_assert(view().played <= view().length && view().played >= 0);
		looked(80, 24);
	}
}

/* --- looking for text --- */

static size_t
finds(const char *text, int dir)
{
	jumped = 0;
	player_find(player, text, dir);
	for (int i = 0; view().searching && i < 1000; i++)
		player_advance(player, 0);
	return player_said(player) && jumped ? view().record : 0;
}

Test(replay, text_is_found_in_the_whole_journal_both_ways, .init = init, .fini = fini)
{
	note(10, "the Disk is full");
	long_night(300);
	note(10, "caf\\u00e9 \\\"quoted\\\" seq");
	record("verdict", 10,
	    "\"word\":\"hung\",\"why\":\"x\",\"evidence\":[\"one\",\"QMP silent\"],\"not\":[{\"verb\":\"reset\",\"why\":\"it hangs\"}]");
	play();
	player_advance(player, 0);
	cr_assert_eq(finds("QMP SILENT", 1), (size_t)seq);
	cr_assert_eq(finds("disk IS", -1), 2);
	cr_assert_eq(finds("café \"quo", 1), (size_t)seq - 1);
	cr_assert_eq(finds("it hangs", 1), (size_t)seq);
	cr_assert_eq(finds("mono_ms", -1), 0, "that is the format, no text");
	cr_assert_eq(finds("line 3", -1), (size_t)seq - 4, "the nearest one before");
	cr_assert_eq(finds("", -1), (size_t)seq - 4 - 9, "and the one before that");
	cr_assert_eq(finds("no such thing", -1), 0);
	cr_assert(view().paused, "what was found stays");
}

/* --- what journals have --- */

Test(replay, a_new_engine_of_the_same_boot_goes_on_with_the_clock, .init = init,
    .fini = fini)
{
	record("tool", 10,
	    "\"id\":\"r1\",\"host\":\"devvm\",\"asked\":\"agent\",\"what\":\"x\"");
	record("incident", 30000,
	    "\"state\":\"continued\",\"id\":\"" ID "\",\"pid\":2,\"boot\":\"b1\"");
	record("incident", 1000,
	    "\"state\":\"continued\",\"id\":\"" ID "\",\"pid\":3,\"boot\":\"b1\"");
	play();
	player_to_end(player);
	cr_assert_eq(view().when, 31010);
	cr_assert_eq(player_mono(player), 531010);
	cr_assert_eq(forgot, 0);
	cr_assert(s.model.tools.runs[0]->ended, "its engine is gone");
	cr_assert(!view().live || s.model.incident.open);
}

Test(replay, after_a_reboot_the_wall_clock_leads_on, .init = init, .fini = fini)
{
	record("state", 10, "\"what\":\"vm\",\"status\":\"running\",\"checked\":500000");
	record("incident", 10,
	    "\"state\":\"continued\",\"id\":\"" ID "\",\"pid\":2,\"boot\":\"b1\"");
	mono = 90000000; /* it began anew, and has got further than before */
	wall += 600000;
	record("incident", 0,
	    "\"state\":\"continued\",\"id\":\"" ID "\",\"pid\":3,\"boot\":\"b2\"");
	note(1000, "after it");
	play();
	player_to_record(player, 3);
	cr_assert(s.model.vm.known);
	player_to_record(player, 4);
	cr_assert_eq(forgot, 1);
	cr_assert(!s.model.vm.known, "the VM was not asked since");
	cr_assert_eq(view().when, 600020);
	player_to_end(player);
	cr_assert_eq(player_mono(player), 90001000);
	cr_assert_eq(view().wall, WALL_0 + 601020);
	cr_assert_eq(view().length, 20 + 2000 + 1000);
}

Test(replay, an_old_journal_whose_clock_goes_back_is_of_two_boots, .init = init,
    .fini = fini)
{
	note(10000, "before");
	mono = 1000;
	wall += 50000;
	note(0, "after");
	play();
	player_to_end(player);
	cr_assert_eq(view().when, 60000);
	cr_assert_eq(player_mono(player), 1000);
}

Test(replay, what_cannot_be_read_is_counted_and_passed_over, .init = init, .fini = fini)
{
	note(100, "before");
	line("this is no JSON");
	line(
	    "{\"t\":\"note\",\"seq\":90,\"at\":\"2026-01-31T03:12:09.000Z\",\"mono_ms\":508000,\"text\":\"\xff\xfe\"}");
	line("%s", "");
	line("{\"seq\":91}");
	line("[1,2]");
	record("future_kind", 100, "\"what\":{\"deep\":[1,2,{}]}");
	note(100, "after");
	fprintf(file, "{\"t\":\"note\",\"seq\":99,\"text\":\"to");
	fflush(file);
	play();
	player_to_end(player);
	cr_assert_str_eq(last_text, "after");
	cr_assert_eq(view().bad, 5, "%zu", view().bad);
	cr_assert_eq(view().records, 9);
	cr_assert(view().torn > 0);
	player_to_start(player);
	cr_assert_eq(view().record, 1);
}

Test(replay, an_empty_file_and_one_of_garbage_are_shown_as_such, .init = init,
    .fini = fini)
{
	cr_assert_eq(ftruncate(fileno(file), 0), 0);
	play();
	cr_assert_eq(player_advance(player, 0), 500);
	player_to_end(player);
	player_to_start(player);
	player_seek(player, 1000);
	player_to_action(player, 1);
	cr_assert_eq(finds("x", 1), 0);
	cr_assert_eq(view().records, 0);
	cr_assert_not_null(strstr(looked(80, 24), "REPLAY"));
}

Test(replay, at_the_end_of_a_live_incident_it_waits_for_more, .init = init, .fini = fini)
{
	note(10, "so far");
	play();
	player_to_end(player);
	cr_assert_eq(player_advance(player, 0), 500);
	cr_assert(view().live);
	note(60000, "what came");
	player_advance(player, 600);
	cr_assert_str_eq(last_text, "what came", "at once, not after a cut pause");
	record("incident", 10, "\"state\":\"closed\",\"reason\":\"done\"");
	player_advance(player, 1200);
	cr_assert(view().end && !view().live);
	cr_assert_eq(player_advance(player, 1800), -1, "nothing to wait for");
}

Test(replay, no_incident_or_no_file_says_so, .init = init, .fini = fini)
{
	static const struct player_calls calls = {on_fact, on_clear, on_jumped, NULL};
	struct err err = {0};

	screen_init(&s);
	cr_assert_null(player_open("/nonexistent/x.jsonl", &calls, &err));
	cr_assert_not_null(strstr(err.words, "/nonexistent/x.jsonl"));
}
