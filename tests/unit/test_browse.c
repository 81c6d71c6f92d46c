/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Browse mode: cursor, search, copy, modes. */
#include <time.h>

#include "browse_rig.h"
#include "console/browse/text_find.h"

/* --- text_find --- */

static size_t
find(const char *what, const char *in)
{
	struct text_find f;
	size_t end;

	text_find_init(&f, what, strlen(what));
	return text_find_next(&f, in, strlen(in), 0, &end);
}

Test(text_find, looks_for_any_case_unless_a_capital_was_typed, .init = init, .fini = fini)
{
	cr_assert_eq(find("disk", "the DISK is full"), 4);
	cr_assert_eq(find("Disk", "the DISK is Disk"), 12);
	cr_assert_eq(find("диск", "на ДИСКе"), 5);
	cr_assert_eq(find("", "x"), SIZE_MAX);
	cr_assert_eq(find("aab", "aaab"), 1);
	cr_assert_eq(find(".*", "a.b .*"), 4, "no patterns");
}

/* --- the cursor --- */

Test(browse, is_entered_and_left_and_the_pane_follows_again_only_at_its_end, .init = init,
    .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	cr_assert(s.browse.on);
	keys("q");
	cr_assert_not(s.browse.on);
	cr_assert_not(s.tools.scroll.away, "it followed before");
	key(INPUT_BACKTAB, 0);
	keys("kk");
	cr_assert_str_eq(here(), "line 98");
	keys("q");
	cr_assert(s.tools.scroll.away);
}

Test(browse, the_cursor_keeps_its_line_when_more_comes, .init = init, .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kkkk");
	cr_assert_str_eq(here(), "line 96");
	run(1, "line", 100, 300, false);
	draw(80, 24);
	cr_assert_str_eq(here(), "line 96");
	draw(40, 15);
	cr_assert_str_eq(here(), "line 96");
	key(INPUT_HOME, 0);
	cr_assert_not_null(strstr(here(), "cat line"));
	keys("jjj");
	cr_assert_str_eq(here(), "line 2");
	keys("G");
	draw(80, 24);
	cr_assert(strstr(here(), "running") || !here()[0]);
}

Test(browse, the_cursor_stays_on_its_words_when_the_screen_is_turned, .init = init,
    .fini = fini)
{
	say("{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"x\",\"state\":\"started\",\"by\":\"a\"}");
	say("{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"%s\"}",
	    "one two three four five six seven eight nine ten eleven twelve thirteen "
	    "fourteen fifteen sixteen seventeen eighteen nineteen twenty twenty-one "
	    "twenty-two twenty-three twenty-four twenty-five twenty-six");
	draw(40, 24);
	key(INPUT_CTRL, 'T');
	keys("kk");
	cr_assert_not_null(strstr(here(), "nineteen"), "%s", here());
	draw(30, 24);
	draw(80, 24);
	cr_assert_not_null(strstr(here(), "nineteen"), "%s", here());
	draw(40, 24);
	cr_assert_not_null(strstr(here(), "nineteen"), "%s", here());
}

Test(browse, dropped_lines_leave_the_cursor_on_what_there_is, .init = init, .fini = fini)
{
	run(1, "first run with quite some text in each of its lines", 0, 50, true);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	key(INPUT_HOME, 0);
	for (int id = 2; id < 60; id++)
		run(id, "x", 0, 1, true);
	for (int i = 0; i < 200; i++)
		say("{\"t\":\"tool\",\"seq\":0,\"id\":\"q%d\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\",\"by\":\"agent\"}",
		    i);
	draw(80, 24);
	cr_assert(here()[0]);
	keys("jk\x1b");
}

/* --- search --- */

Test(browse, finds_the_nearest_above_first_then_goes_around, .init = init, .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/line 1");
	cr_assert_str_eq(here(), "line 19");
	cr_assert_eq(s.browse.find.index, 1);
	cr_assert_eq(s.browse.find.total, 11);
	keys("2");
	cr_assert_str_eq(here(), "line 12");
	cr_assert_eq(s.browse.find.total, 1);
	key(INPUT_BACKSPACE, 0);
	keys("");
	cr_assert_str_eq(here(), "line 19");
	keys("\rnn");
	cr_assert_str_eq(here(), "line 17");
	cr_assert_eq(s.browse.find.index, 3);
	keys("NNN");
	cr_assert_str_eq(here(), "line 1", "around");
	cr_assert_eq(s.browse.find.index, 11);
	keys("n");
	cr_assert_str_eq(here(), "line 19");
	cr_assert_eq(s.browse.find.index, 1);
}

Test(browse, esc_in_a_search_returns_to_where_it_began, .init = init, .fini = fini)
{
	struct scroll_pos top;

	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kkk");
	draw(80, 24);
	top = s.tools.scroll.top;
	keys("/line 3");
	draw(80, 24);
	cr_assert_str_eq(here(), "line 39");
	keys("\x1b");
	draw(80, 24);
	cr_assert_str_eq(here(), "line 97");
	cr_assert_eq(s.tools.scroll.top.part, top.part);
	cr_assert(s.browse.on);
	keys("/line 4\r/\r");
	cr_assert_str_eq(
	    here(), "line 48", "an empty search repeats the last: %s", here());
}

Test(browse, what_is_not_there_is_said_and_asked_for, .init = init, .fini = fini)
{
	run(1, "line", 0, 10, true);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/nowhere");
	draw(80, 24);
	cr_assert_not_null(strstr(printed(&c), "not in the tools"));
	cr_assert_str_empty(s.browse.find.missing);
	keys("\r");
	cr_assert_str_eq(s.browse.find.missing, "nowhere");
}

Test(browse, a_match_in_a_folded_run_unfolds_it, .init = init, .fini = fini)
{
	run(1, "needle", 0, 20, true);
	run(2, "hay", 0, 20, true);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	view_tools_fold_all(&s.tools);
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/needle 7\r");
	cr_assert_str_eq(here(), "needle 7");
	draw(80, 24);
	cr_assert_str_eq(here(), "needle 7");
	cr_assert_null(strstr(printed(&c), "hay 7"), "the other stays folded");
}

Test(browse, a_match_in_a_command_that_was_cut_opens_it, .init = init, .fini = fini)
{
	say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"%s\"}",
	    "find / -xdev -type f -size +100M -printf '%p\\\\n' 2>/dev/null | sort | head -n 20 | needle");
	run(2, "hay", 0, 20, true);
	s.focus = FOCUS_TOOLS;
	draw(40, 24);
	cr_assert_null(strstr(printed(&c), "needle"));
	key(INPUT_CTRL, 'T');
	keys("/needle\r");
	draw(40, 24);
	cr_assert_not_null(strstr(printed(&c), "needle"), "%s", printed(&c));
	cr_assert_not_null(strstr(here(), "needle"), "%s", here());
}

Test(browse, a_match_over_two_rows_is_shown_in_both, .init = init, .fini = fini)
{
	say("{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"x\",\"state\":\"started\",\"by\":\"a\"}");
	say("{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"%s\"}",
	    "the quick brown fox jumps over the lazy dog and the cat");
	draw(20, 24);
	key(INPUT_CTRL, 'T');
	keys("/BROWN fox");
	cr_assert_eq(s.browse.find.state, BROWSE_FIND_NOTHING);
	keys("\x1b/brown fox jumps\r");
	draw(20, 24);
	cr_assert_eq(s.browse.find.total, 1);
	cr_assert_eq(cells_with(LOOK_MATCH_HERE), 14, "%d: %s",
	    cells_with(LOOK_MATCH_HERE), printed(&c));
}

Test(browse, a_match_over_the_pieces_of_a_long_line_is_found, .init = init, .fini = fini)
{
	char line[2048 + 64];

	memset(line, 'x', sizeof line);
	memcpy(line + 2044, "needle", 6);
	line[2048 + 60] = '\0';
	say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\",\"by\":\"agent\"}");
	say("{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"%s\\n\"}",
	    line);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/needle\r");
	draw(80, 24);
	cr_assert_eq(s.browse.find.total, 1);
	cr_assert_eq(cells_with(LOOK_MATCH_HERE) + cells_with(LOOK_MATCH), 6);
}

Test(browse, styles_are_as_before_when_the_search_is_over, .init = init, .fini = fini)
{
	struct canvas before;

	say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\",\"by\":\"agent\"}");
	say("{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"a \\u001b[31mred\\u001b[0m word\\n\"}");
	s.focus = FOCUS_TOOLS;
	canvas_init(&before, 80, 24);
	layout_draw(&s, &before);
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/red word");
	draw(80, 24);
	cr_assert_gt(cells_with(LOOK_MATCH_HERE), 0);
	keys("\x1bq");
	draw(80, 24);
	cr_assert_arr_eq(c.cells, before.cells, 80 * 24 * sizeof c.cells[0]);
	canvas_fini(&before);
}

Test(browse, a_search_over_all_that_can_be_kept_never_holds_a_key_up, .init = init,
    .fini = fini)
{
	char data[32000];
	int64_t off = 0;

	say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\",\"by\":\"agent\"}");
	for (int i = 0; i < 66; i++) {
		size_t at = 0;

		while (at + 120 < sizeof data)
			at += (size_t)snprintf(data + at, sizeof data - at,
			    "some line of a log with words, number %d, and nothing else\\n",
			    i);
		say("{\"t\":\"output\",\"seq\":0,\"id\":\"r1\",\"stream\":\"out\",\"off\":%" PRId64
		    ",\"data\":\"%s\"}",
		    off, data);
		off += (int64_t)(at - at / 60);
	}
	s.focus = FOCUS_TOOLS;
	draw(200, 50);
	key(INPUT_CTRL, 'T');
	for (const char *p = "/nothing such"; *p; p++) {
		key(INPUT_CHAR, *p);
		/* the key asks; what it asks for is looked for when no key waits */
		cr_assert_neq(s.browse.find.state, BROWSE_FIND_NOTHING, "at %s", p);
	}
	cr_assert_eq(s.browse.find.state, BROWSE_FIND_LOOKING);
	while (browse_work(&s))
		;
	cr_assert_eq(s.browse.find.state, BROWSE_FIND_NOTHING);
}

/* --- copy --- */

Test(browse, a_selection_is_whole_lines_without_our_signs, .init = init, .fini = fini)
{
	char what[64];

	say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r7\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\",\"by\":\"agent\"}");
	say("{\"t\":\"output\",\"seq\":0,\"id\":\"r7\",\"stream\":\"out\",\"off\":0,\"data\":\"one\\nthis line is longer than thirty columns, so it is wrapped\\n\"}");
	say("{\"t\":\"output\",\"seq\":0,\"id\":\"r7\",\"stream\":\"err\",\"off\":0,\"data\":\"df: stale\\n\"}");
	s.focus = FOCUS_TOOLS;
	draw(30, 24);
	key(INPUT_CTRL, 'T');
	keys("/one\rmjj");
	draw(30, 24);
	cr_assert_eq(s.browse.marked, 2);
	cr_assert_str_eq(copied(what),
	    "one\nthis line is longer than thirty columns, so it is wrapped");
	cr_assert_str_eq(what, "2 lines of tools");
	keys("j");
	cr_assert_str_eq(copied(what),
	    "one\nthis line is longer than thirty columns, so it is wrapped\ndf: stale");
	keys("m");
	cr_assert_str_eq(copied(what),
	    "one\nthis line is longer than thirty columns, so it is wrapped\ndf: stale");
	cr_assert_str_eq(what, "run r7");
}

Test(browse, a_message_is_copied_as_it_reads, .init = init, .fini = fini)
{
	char what[64];

	say("{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"x\",\"state\":\"started\",\"by\":\"a\"}");
	say("{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"%s\"}",
	    "the quick brown fox jumps over the lazy dog\\n\\nand **the** cat");
	draw(20, 24);
	key(INPUT_CTRL, 'T');
	cr_assert_str_eq(
	    copied(what), "the quick brown fox jumps over the lazy dog\n\nand the cat");
}

/* --- modes --- */

Test(browse, a_paste_is_no_key, .init = init, .fini = fini)
{
	struct input in = {.kind = INPUT_PASTE, .paste = "q/x\r", .paste_len = 4};

	run(1, "line", 0, 10, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	cr_assert(browse_key(&a, &in));
	cr_assert(s.browse.on);
	draw(80, 24);
	cr_assert_not_null(strstr(printed(&c), "nothing was taken"));
}

Test(browse, a_box_lies_over_it_and_it_is_there_again, .init = init, .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kkkk");
	key(INPUT_F, 7);
	cr_assert(s.confirm.open);
	s.now += 1000;
	action_confirm_key(&a, &(struct input){.kind = INPUT_ESC});
	cr_assert_not(s.confirm.open);
	cr_assert(s.browse.on);
	cr_assert_str_eq(here(), "line 96");
}

Test(browse, works_on_the_page_that_lies_over_the_panes, .init = init, .fini = fini)
{
	char what[64];

	run(1, "line", 0, 100, false);
	draw(80, 24);
	action_run(&a, ACTION_HELP, "");
	s.help.page = HELP_ALL;
	draw(80, 24);
	keys("/forensics");
	draw(80, 24);
	cr_assert(s.browse.on);
	cr_assert_gt(cells_with(LOOK_MATCH_HERE), 0);
	keys("\rm");
	cr_assert_not_null(strstr(copied(what), "orensics"));
	keys("q");
	cr_assert_not(s.browse.on);
	cr_assert_eq(s.page, PAGE_HELP);
}

Test(browse, one_key_of_the_cursor_changes_two_rows, .init = init, .fini = fini)
{
	struct canvas before;
	int changed = 0;

	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kk");
	canvas_init(&before, 80, 24);
	layout_draw(&s, &before);
	keys("k");
	draw(80, 24);
	for (int row = 0; row < 24; row++)
		changed += memcmp(canvas_cell(&c, row, 0), canvas_cell(&before, row, 0),
			       80 * sizeof c.cells[0]) != 0;
	cr_assert_eq(changed, 2);
	canvas_fini(&before);
}

Test(browse, works_in_a_replay_and_q_leaves_the_mode_first, .init = init, .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	s.replay.on = true;
	key(INPUT_CTRL, 'T');
	keys("kn/line 3\r");
	cr_assert_str_eq(here(), "line 39");
	keys("/nowhere\r");
	cr_assert_str_empty(s.browse.find.missing);
	cr_assert_not_null(strstr(s.browse.said, "whole journal"));
	keys("q");
	cr_assert_not(s.browse.on);
	cr_assert_not(a.quit);
	s.replay.on = false;
}

Test(browse, an_esc_leaves_it_and_an_f_keys_twin_brings_it_back, .init = init,
    .fini = fini)
{
	run(1, "line", 0, 100, false);
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kkmkk");
	draw(80, 24);
	key(INPUT_ESC, 0);
	cr_assert_not(s.browse.on);
	run(1, "line", 100, 40, false);
	draw(80, 24);
	browse_again(&s);
	cr_assert(s.browse.on);
	draw(80, 24);
	cr_assert_str_eq(here(), "line 96");
	cr_assert_eq(s.browse.marked, 3);
}

Test(browse, what_is_opened_has_the_cursor, .init = init, .fini = fini)
{
	run(1, "first", 0, 30, true);
	run(2, "second", 0, 30, true);
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/cat first\r");
	key(INPUT_ENTER, 0);
	cr_assert_eq(s.focus, FOCUS_TOOLS);
	draw(80, 24);
	cr_assert_not_null(strstr(here(), "first"), "%s", here());
	keys("j");
	cr_assert_str_eq(here(), "first 0");
}

Test(browse, older_records_in_front_leave_the_cursor_where_it_is, .init = init,
    .fini = fini)
{
	struct model older;
	struct item *top;
	struct js *fact;
	struct err err;
	static const char text[] = "{\"t\":\"note\",\"seq\":1,\"text\":\"old\"}";

	for (int i = 0; i < 30; i++)
		say("{\"t\":\"note\",\"seq\":%d,\"text\":\"note %d\"}", i + 10, i);
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("g");
	draw(80, 24);
	cr_assert_not_null(strstr(here(), "note 0"));
	model_init(&older);
	fact = js_parse(text, sizeof text - 1, &err);
	model_apply(&older, fact, 100000);
	js_free(fact);
	top = transcript_at(&s.model.chat, 0);
	model_prepend(&s.model, &older);
	view_chat_prepended(&s.chat, &s.model, top->serial);
	draw(80, 24);
	cr_assert_not_null(strstr(here(), "note 0"), "%s", here());
	keys("kk");
	cr_assert_not_null(strstr(here(), "old"), "%s", here());
	model_fini(&older);
}
