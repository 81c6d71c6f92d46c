/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who looks at a replay: nothing of it is sent, and it is told from the real thing. */
#include "console/action/action.h"
#include "replay_rig.h"

/* --- nothing is sent --- */

static int sent;

static int
on_send(void *arg, struct js *request, struct err *err)
{
	sent++;
	js_free(request);
	return 0;
}

static void
on_play(void *arg, enum play wish, const char *text)
{
	if (wish == PLAY_FIND)
		snprintf(last_text, sizeof last_text, "%s", text);
}

Test(replay, no_action_sends_anything_or_opens_a_box, .init = init, .fini = fini)
{
	struct action_context a = {.screen = &s, .send = on_send, .play = on_play};

	a_cycle();
	play();
	player_to_end(player);
	for (int i = ACTION_NONE + 1; i < ACTIONS; i++) {
		action_run(&a, (enum action)i, "");
		action_run(&a, (enum action)i, "devvm");
		cr_assert(!s.confirm.open && !s.ask.open && !a.shell, "action %d", i);
	}
	action_line(&a, "cycle it");
	action_line(&a, "/cycle");
	action_line(&a, "");
	action_line(&a, "/note x");
	cr_assert_eq(sent, 0);
	cr_assert_not_null(strstr(s.replay.notice, "REPLAY"));
	action_line(&a, "/find  a disk");
	cr_assert_str_eq(last_text, "a disk");
}

/* --- pictures --- */

static void
expect_replay(const char *name)
{
	look();
	expect_picture(&s, 80, 24, name);
	expect_picture(&s, 40, 15, name);
	expect_picture(&s, 20, 6, name);
	expect_picture(&s, 200, 50, name);
}

Test(replay, is_told_from_the_real_thing_on_every_size, .init = init, .fini = fini)
{
	record("state", 5,
	    "\"what\":\"vm\",\"status\":\"running\",\"qmp\":\"hung\",\"checked\":500000");
	record("state", 5,
	    "\"what\":\"link\",\"host\":\"pve\",\"state\":\"up\",\"ms\":12,\"since\":0");
	a_cycle();
	play();
	player_advance(player, 0);
	player_to_action(player, 1);
	player_to_action(player, 1);
	expect_replay("replay");
	player_pause(player, true);
	player_to_action(player, 1);
	s.replay.notice_until = 1000;
	snprintf(s.replay.notice, sizeof s.replay.notice, "%s", player_said(player));
	expect_replay("replay-paused");
	s.replay.notice[0] = '\0';
	s.page = PAGE_HELP;
	look();
	expect_all_sizes(&s, "replay-help");
	expect_picture(&s, 80, 40, "replay-help");
}

Test(replay, the_end_a_pause_and_bad_records_are_told, .init = init, .fini = fini)
{
	note(600000, "ten minutes later");
	line("garbage");
	play();
	player_advance(player, 0);
	player_advance(player, 700);
	look();
	expect_all_sizes(&s, "replay-pause");
	player_to_end(player);
	look();
	expect_all_sizes(&s, "replay-live");
}
