/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The prompt: lines, searches, pastes, how it looks, and whatever is pressed. */
#include "base/mem.h"
#include "scratch.h"
#include "typist.h"

static void
emacs(void)
{
	typist_start(false, NULL);
}

static void
expect_line(const char *text, size_t cursor)
{
	cr_assert_str_eq(prompt_text(), text);
	cr_assert_eq(prompt_cursor(), cursor, "%zu", prompt_cursor());
}

/* --- what was meant for a box --- */

Test(prompt, the_rest_of_a_word_that_closed_a_box_is_no_text, .init = emacs)
{
	type("/start\r");
	cr_assert(typist_screen.confirm.open);
	typist_actions.opened = false; /* its caller has dropped what was typed ahead */
	typist_screen.confirm.opened_ms -= 1000;
	type("no, not now\r");
	cr_assert_not(typist_screen.confirm.open);
	expect_line("", 0);
	cr_assert_eq(typist_lines, 1, "the command alone");
	cr_assert_eq(typist_requests, 0);
	type("well");
	expect_line("well", 4);
}

/* --- several lines --- */

Test(prompt, alt_enter_and_a_backslash_make_a_new_line, .init = emacs)
{
	type("one" ALT_ENTER "two\\\rthree");
	expect_line("one\ntwo\nthree", 13);
	cr_assert_eq(typist_lines, 0);
	type("\r");
	cr_assert_str_eq(typist_sent[0], "one\ntwo\nthree");
	cr_assert_eq(typist_requests, 1);
}

Test(prompt, two_backslashes_are_one_that_is_meant, .init = emacs)
{
	type("c:\\dir\\\\\r");
	cr_assert_str_eq(typist_sent[0], "c:\\dir\\\\");
}

Test(prompt, a_pasted_text_sends_nothing_whatever_is_in_it, .init = emacs)
{
	typist_paste("look\r/cycle\rcycle\r");
	cr_assert_eq(typist_lines, 0);
	cr_assert_eq(typist_requests, 0);
	cr_assert_not(typist_screen.confirm.open);
	cr_assert_str_eq(prompt_text(), "look\n/cycle\ncycle\n");
	type("\r");
	cr_assert_eq(typist_requests, 1); /* one prompt */
	typist_paste("/cycle\ncycle\n");
	type("\r"); /* more than a command's line is no command */
	cr_assert_eq(typist_requests, 1);
	cr_assert_not(typist_screen.confirm.open);
}

Test(prompt, up_and_down_go_through_its_lines_first, .init = emacs)
{
	type("older\r");
	type("first" ALT_ENTER "x" ALT_ENTER "third");
	type(UP);
	expect_line("first\nx\nthird", 7); /* a short line's end */
	type(UP);
	expect_line("first\nx\nthird", 5); /* the column it came from */
	type(UP);
	cr_assert_str_eq(prompt_text(), "older");
	type(DOWN);
	cr_assert_str_eq(prompt_text(), "first\nx\nthird");
}

Test(prompt, a_column_is_one_of_cells, .init = emacs)
{
	type("漢字" ALT_ENTER "abcd" HOME);
	expect_line("漢字\nabcd", 7);
	type("\x1b[C\x1b[C\x1b[C" UP);
	expect_line("漢字\nabcd", 3); /* three cells in is within the second sign */
}

Test(prompt, home_end_and_kill_keep_to_their_line, .init = emacs)
{
	type("one" ALT_ENTER "two" ALT_ENTER "three" UP HOME);
	expect_line("one\ntwo\nthree", 4);
	type(HOME);
	expect_line("one\ntwo\nthree", 0);
	type(END);
	expect_line("one\ntwo\nthree", 3);
	type(END);
	expect_line("one\ntwo\nthree", 13);
	type(UP);
	type(CTRL('A'));
	type(CTRL('K'));
	expect_line("one\n\nthree", 4);
	type(CTRL('K'));
	expect_line("one\nthree", 4);
	type(CTRL('_')); /* undo */
	cr_assert_str_eq(prompt_text(), "one\n\nthree");
	type(CTRL('Y'));
	cr_assert_str_eq(prompt_text(), "one\n\ntwo\nthree");
}

Test(prompt, vi_makes_new_lines_with_the_same_keys)
{
	typist_start(true, NULL);
	type("one" ALT_ENTER "two\\\rthree\r");
	cr_assert_str_eq(typist_sent[0], "one\ntwo\nthree");
	type("abc\x1b");
	type("0x");
	cr_assert_str_eq(prompt_text(), "bc");
	type(UP);
	cr_assert_str_eq(prompt_text(), "one\ntwo\nthree");
}

Test(prompt, no_control_character_can_be_typed, .init = emacs)
{
	type(CTRL('V'));
	type("\x1b");
	type(CTRL('Q'));
	type(CTRL('A'));
	type("x");
	cr_assert_str_eq(prompt_text(), "x");
}

Test(prompt, a_search_ends_with_esc_and_keeps_what_it_found, .init = emacs)
{
	type("look at the disk\r");
	type(CTRL('R'));
	type("the d");
	cr_assert(prompt_is_searching());
	cr_assert_str_eq(prompt_label(), "(reverse-i-search)`the d': ");
	type("\x1b");
	cr_assert_not(prompt_is_searching());
	cr_assert_str_eq(prompt_text(), "look at the disk");
	cr_assert_eq(typist_lines, 1);
}

Test(prompt, a_paste_ends_a_search_and_goes_into_what_it_found, .init = emacs)
{
	type("look at the disk\r");
	type(CTRL('R'));
	type("disk");
	typist_paste("full ");
	cr_assert_not(prompt_is_searching());
	cr_assert_str_eq(prompt_text(), "look at the full disk");
	cr_assert_eq(typist_lines, 1);
}

Test(prompt, ctrl_c_keeps_what_is_typed, .init = emacs)
{
	type("half a sentence");
	type(CTRL('C'));
	cr_assert_str_eq(prompt_text(), "half a sentence");
	cr_assert_eq(typist_requests, 1); /* the cancel */
}

Test(prompt, takes_no_more_than_a_prompt_may_have, .init = emacs)
{
	static char big[64 * 1024 + 1];

	memset(big, 'x', sizeof big - 2);
	cr_assert(prompt_insert(big, sizeof big - 2));
	type("y" ALT_ENTER "z");
	cr_assert_eq(strlen(prompt_text()), sizeof big - 1);
	cr_assert_not(prompt_insert("more", 4));
	typist_screen.line = prompt_text();
	typist_expect_clean(80, 24);
	typist_expect_clean(20, 6);
}

Test(prompt, finds_what_another_incident_was_told)
{
	char *path = mem_printf("%s/history", scratch());

	typist_start(false, path);
	type("first thing" ALT_ENTER "and more\r");
	type("second thing\r");
	type("second thing\r"); /* the same again is one */
	type(" a secret\r");
	prompt_stop();
	typist_start(false, path);
	type(UP);
	cr_assert_str_eq(prompt_text(), "second thing");
	type(UP);
	cr_assert_str_eq(prompt_text(), "first thing\nand more");
	type(CTRL('N'));
	type(CTRL('N'));
	cr_assert_str_empty(prompt_text());
	type(CTRL('R'));
	type("more");
	cr_assert_str_eq(prompt_text(), "first thing\nand more");
	free(path);
}

/* One key, no question: not the agent's own, either. */
Test(typing, the_kill_key_passes_every_box)
{
	bool *open[] = {&typist_screen.gate.open, &typist_screen.confirm.open,
	    &typist_screen.ask.open, &typist_actions.opened};

	typist_start(false, NULL);
	for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
		*open[i] = true;
		type(CTRL('\\'));
		cr_expect_eq(typist_requests, (int)i + 1, "box %zu", i);
		*open[i] = false;
	}
	cr_assert_eq(typist_lines, 0);
	prompt_stop();
}

/* --- how it looks --- */

Test(view_prompt, wraps_what_is_longer_than_the_screen, .init = emacs)
{
	type("the devvm has been slow since the backup began, and now ssh takes half a "
	     "minute; somebody has seen the disk at 99 %, and there was a kernel "
	     "message about a task that was blocked for more than 120 seconds");
	typist_expect("prompt-long");
}

Test(view_prompt, shows_the_lines_around_the_cursor, .init = emacs)
{
	for (int i = 1; i <= 40; i++) {
		char line[32];

		snprintf(line, sizeof line, "line %d%s", i, i < 40 ? ALT_ENTER : "");
		type(line);
	}
	for (int i = 0; i < 20; i++)
		type(UP);
	typist_expect("prompt-lines");
	tell(&typist_screen, facts_quiet);
	expect_all_sizes(&typist_screen, "prompt-grown");
}

Test(view_prompt, wide_joined_and_tabbed_text_stands_where_it_should, .init = emacs)
{
	typist_paste("漢字かな交じり文の入力欄は折り返す、ここまで来たら次の行へ\n"
		     "e\xcc\x81te\xcc\x81\n\tone tab\na\tb");
	typist_expect("prompt-wide");
}

static void
expect_cursor(const char *text, size_t cursor, int cols, int row, int col)
{
	struct screen s = {.line = text, .cursor = cursor};
	struct canvas c;
	int rows = view_prompt_rows(&s, cols, 5);

	canvas_init(&c, cols, 20);
	view_prompt_draw(&s, &c, (struct rect){0, 0, rows, cols});
	cr_assert_eq(c.cursor_row, row, "%s: row %d", text, c.cursor_row);
	cr_assert_eq(c.cursor_col, col, "%s: col %d", text, c.cursor_col);
	canvas_fini(&c);
}

Test(view_prompt, the_cursor_stands_on_its_character, .init = emacs)
{
	expect_cursor("", 0, 20, 0, 2);
	expect_cursor("abc", 1, 20, 0, 3);
	expect_cursor("漢字", 3, 20, 0, 4);
	expect_cursor("e\xcc\x81x", 3, 20, 0, 3);
	expect_cursor("a\tb", 2, 20, 0, 10);
	expect_cursor("a\nb", 2, 20, 1, 2);
	expect_cursor("a\n", 2, 20, 1, 2);
	expect_cursor("0123456789", 10, 12, 1, 2); /* a full row: on the next one */
	expect_cursor("0123456789", 9, 12, 0, 11);
	expect_cursor("012345678漢", 9, 12, 0, 11); /* in front of what went down */
	expect_cursor("012345678漢", 12, 12, 1, 4);
	expect_cursor("a\nb\nc\nd\ne\nf\ng", 13, 20, 4, 3);
	expect_cursor("a\nb\nc\nd\ne\nf\ng", 0, 20, 0, 2);
	expect_cursor("\x1b[2J", 4, 20, 0, 6);
}

Test(view_prompt, takes_a_third_of_the_screen_at_most)
{
	cr_assert_eq(view_prompt_max(6), 1);
	cr_assert_eq(view_prompt_max(15), 5);
	cr_assert_eq(view_prompt_max(24), 8);
	cr_assert_eq(view_prompt_max(50), 16);
}

Test(view_prompt, a_search_has_a_short_name_where_there_is_no_room, .init = emacs)
{
	type("look at the disk\r");
	type(CTRL('R'));
	type("the d");
	typist_expect("prompt-search");
}

static void
paste_sample(const char *bytes, size_t len)
{
	prompt_clear();
	input_feed(&typist_input, "\x1b[200~", 6, 0);
	input_feed(&typist_input, bytes, len, 0);
	input_feed(&typist_input, "\x1b[201~", 6, 0);
	input_feed(&typist_input, "\x1b[201~", 6, 0); /* one may have been eaten */
	typist_screen.line = prompt_text();
	typist_screen.cursor = prompt_cursor();
	cr_assert_eq(typist_lines, 0);
	typist_expect_clean(80, 24);
	typist_expect_clean(20, 6);
}

Test(view_prompt, the_hostile_corpus_is_shown_clean, .init = emacs)
{
	typist_corpus(paste_sample);
}

/* --- whatever is pressed --- */

static unsigned seed;

static unsigned
dice(unsigned sides)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % sides;
}

/* Keys of every kind, in any order: letters, what edits, what moves, what opens. */
static void
press_any(void)
{
	static const char *const keys[] = {"a", "b c", "/", "/st", "/runbook ", "漢", "é",
	    "e\xcc\x81", "\\", "\\\r", ALT_ENTER, "\x1b\n", UP, DOWN, HOME, END, "\x1b[C",
	    "\x1b[D", "\t", "\x1b[Z", "\x7f", "\x1b[3~", "\x01", "\x05", "\x0b", "\x15",
	    "\x17", "\x19", "\x1f", "\x12", "\x13", "\x07", "\x0e", "\x10", "\x02",
	    "\x06", "\x18", "\x1d", "\x1b",
	    "\x1b"
	    "b",
	    "\x1b"
	    "d",
	    "\x1b"
	    "y",
	    "\x1b"
	    "5",
	    "\x1b"
	    "c",
	    "\x1b"
	    "t",
	    "\x1b"
	    "p",
	    "\x1b"
	    "x",
	    "\x1b*", "\x1b?",
	    "\x1b"
	    "u",
	    "\x1b-", "\x1b#", "0", "$", "dw", "p", "u", "~", "c", "r", "f", "i", ".", "%",
	    "\x1b[200~x\ry\tz\x1b[201~", "\r",
	    "\x1b"
	    "5\r",
	    "\x18(", "\x18)",
	    "\x18"
	    "e",
	    "dd", "cw", "yy", "P", "n", "@", "\x1b.", "\x1b<", "\x1b>",
	    "\x1b"
	    "r",
	    "\x18\x15", "\x14", "\x16", "\x11"};
	unsigned n = dice(sizeof keys / sizeof keys[0]);

	type(keys[n]);
}

static void
expect_sane(void)
{
	const char *text = prompt_text();

	cr_assert(prompt_cursor() <= strlen(text));
	for (const char *p = text; *p; p++)
		cr_assert((unsigned char)*p >= 0x20 || *p == '\n' || *p == '\t', "%02x",
		    (unsigned char)*p);
}

/* What readline itself forgets of its undo lists is not ours (leak sanitizer's hook). */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libreadline";
}

static void
press_many(bool vi)
{
	int steps = getenv("BG_LONG") ? 40000 : 3000;

	seed = vi ? 77 : 7;
	typist_start(vi, NULL);
	for (int i = 0; i < steps; i++) {
		press_any();
		expect_sane();
		/* Its boxes and pages are for other tests. */
		typist_screen.confirm.open = typist_screen.ask.open = false;
		typist_screen.page = PAGE_NONE;
		typist_screen.browse.on = false;
		typist_actions.opened = typist_actions.quit = false;
		typist_lines = 0;
		if (i % 16 == 0) {
			typist_expect_clean(40, 15);
			typist_expect_clean(20, 6);
		}
		if (strlen(prompt_text()) > 2000)
			prompt_clear();
	}
}

Test(prompt, any_keys_in_any_order_leave_it_sane)
{
	press_many(false);
}

Test(prompt, any_keys_in_any_order_leave_it_sane_in_vi_mode)
{
	press_many(true);
}
