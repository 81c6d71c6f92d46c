/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "console/action.h"
#include "console/browse.h"
#include "console/browse_int.h"
#include "console/text_find.h"
#include "pictures.h"
#include "wire/messages.h"

static struct screen s;
static struct action_context a;
static struct canvas c;

static int
on_send(void *arg, struct js *request, struct err *err)
{
	js_free(request);
	return 0;
}

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	a = (struct action_context){.screen = &s, .send = on_send};
	tell(&s, facts_quiet);
	canvas_init(&c, 80, 24);
}

static void
fini(void)
{
	canvas_fini(&c);
	screen_fini(&s);
}

static void
say(const char *fmt, ...)
{
	static char text[70000];
	const char *facts[] = {text, NULL};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	tell(&s, facts);
}

static void
draw(int cols, int rows)
{
	canvas_fini(&c);
	canvas_init(&c, cols, rows);
	layout_draw(&s, &c);
}

static void
key(enum input_kind kind, int n)
{
	struct input in = {.kind = kind, .n = n};

	if (kind == INPUT_CHAR)
		snprintf(in.text, sizeof in.text, "%c", n);
	browse_key(&a, &in);
}

static void
keys(const char *text)
{
	for (; *text; text++)
		key(*text == '\r'	  ? INPUT_ENTER
			: *text == '\x1b' ? INPUT_ESC
					  : INPUT_CHAR,
		    *text);
	while (browse_work(&s))
		continue;
}

/* A run with lines "PREFIX 0" to "PREFIX n-1". */
static void
run(int id, const char *prefix, int from, int lines, bool ends)
{
	static int64_t off[64];
	char data[2048];

	if (from == 0) {
		off[id] = 0;
		say("{\"t\":\"tool\",\"seq\":0,\"id\":\"r%d\",\"asked\":\"agent\",\"host\":"
		    "\"devvm\",\"what\":\"cat %s\",\"by\":\"agent\"}",
		    id, prefix);
	}
	for (int i = from; i < from + lines; i++) {
		int n = snprintf(data, sizeof data, "%s %d", prefix, i);

		say("{\"t\":\"output\",\"seq\":0,\"id\":\"r%d\",\"stream\":\"out\",\"off\":%" PRId64
		    ",\"data\":\"%s\\n\"}",
		    id, off[id], data);
		off[id] += n + 1;
	}
	if (ends)
		say("{\"t\":\"tool_end\",\"seq\":0,\"id\":\"r%d\",\"exit\":0,\"ms\":1200,\"out\":%" PRId64
		    ",\"err\":0}",
		    id, off[id]);
}

/* The text of the row that the cursor stands on. */
static const char *
here(void)
{
	static char text[512];
	struct scroll_source src;
	struct scroll *w = browse_pane(&s, &src);
	const struct lines *l;

	cr_assert(w->held);
	cr_assert(scroll_settle(&src, &w->cur));
	l = src.lines(src.arg, w->cur.pos);
	cr_assert_lt(w->cur.line, l->count);
	snprintf(text, sizeof text, "%.*s", (int)l->line[w->cur.line].len,
	    l->line[w->cur.line].len ? l->line[w->cur.line].text : "");
	return text;
}

static const char *
copied(char what[64])
{
	static char text[70000];
	struct buf out;

	buf_init(&out, sizeof text - 1);
	text[0] = what[0] = '\0';
	if (browse_text(&s, &out, what, 64) == 0)
		snprintf(text, sizeof text, "%s", buf_str(&out));
	buf_fini(&out);
	return text;
}

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
	cr_assert_not_null(strstr(printed(&c), "not found"));
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

/* Cells with that role. */
static int
cells_with(uint32_t look)
{
	int n = 0;

	for (int i = 0; i < c.rows * c.cols; i++)
		n += STYLE_GET_ROLE(c.cells[i].style) == STYLE_GET_ROLE(look);
	return n;
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
	int64_t worst = 0, off = 0;
	int slices = 0;

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
		clock_t began = clock();
		int64_t took;

		key(INPUT_CHAR, *p);
		took = (int64_t)(clock() - began) * 1000 / CLOCKS_PER_SEC;
		worst = took > worst ? took : worst;
	}
	while (browse_work(&s))
		slices++;
	cr_assert_eq(s.browse.find.state, BROWSE_FIND_NOTHING);
	cr_assert_leq(worst, 20, "%d ms", (int)worst);
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

/* --- pictures --- */

static void
night(void)
{
	static const char *const facts[] = {
	    "{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"the devvm is slow\",\"state\":\"started\",\"by\":\"anna\"}",
	    "{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"I look at the **disk** first, then at the services that write to it:\\n\\n- `df` and `df -i`\\n- who holds deleted files on the disk\\n\\n```\\ndf -h /\\nlsof +L1\\n```\\n\"}",
	    "{\"t\":\"tool\",\"seq\":3,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"df -h /\",\"by\":\"agent\"}",
	    "{\"t\":\"output\",\"seq\":4,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"Filesystem      Size  Used Avail Use% Mounted on\\n/dev/sda1        64G   61G  3.0G  96% /\\n\"}",
	    "{\"t\":\"output\",\"seq\":5,\"id\":\"r1\",\"stream\":\"err\",\"off\":0,\"data\":\"df: /mnt/old: Stale file handle on a disk that went away some time ago\\n\"}",
	    "{\"t\":\"tool_end\",\"seq\":6,\"id\":\"r1\",\"exit\":1,\"ms\":1210,\"out\":86,\"err\":71}",
	    NULL};

	tell(&s, facts);
}

static void
pictures(const char *name)
{
	static const int sizes[][2] = {{40, 15}, {80, 24}, {200, 50}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		expect_picture(&s, sizes[i][0], sizes[i][1], name);
}

Test(browse, looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("kk");
	pictures("browse-tools");
	key(INPUT_TAB, 0);
	pictures("browse-chat");
	expect_picture(&s, 20, 6, "browse-chat");
}

Test(browse, a_search_looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/disk");
	pictures("search-typed");
	expect_picture(&s, 20, 6, "search-typed");
	keys("\r");
	pictures("search-kept");
	keys("/nowhere");
	pictures("search-none");
}

Test(browse, a_selection_looks_like_this, .init = init, .fini = fini)
{
	night();
	s.focus = FOCUS_TOOLS;
	draw(80, 24);
	key(INPUT_CTRL, 'T');
	keys("/filesystem\rmj");
	draw(80, 24);
	pictures("select-tools");
}

Test(browse, help_can_be_searched, .init = init, .fini = fini)
{
	static const int sizes[][2] = {{80, 24}, {40, 15}, {200, 50}, {20, 6}};

	draw(80, 24);
	action_run(&a, ACTION_HELP, "");
	s.help.page = HELP_ALL;
	draw(80, 24);
	keys("/autonomous");
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		draw(sizes[i][0], sizes[i][1]);
		cr_assert_gt(
		    cells_with(LOOK_MATCH_HERE), 0, "%d: %s", sizes[i][0], printed(&c));
		cr_assert_not_null(strstr(here(), "autonomous"));
	}
}

/* --- text from outside --- */

/* The bytes of a line's "hex", without NULs; false: it has none. */
static bool
hostile_bytes(const char *line, char *out, size_t size)
{
	const char *hex = strstr(line, "\"hex\": \"");
	size_t at = 0;
	unsigned byte;

	if (!hex)
		return false;
	for (hex += 8; at + 1 < size && sscanf(hex, "%2x", &byte) == 1 && hex[0] != '"';
	     hex += 2)
		if (byte != 0)
			out[at++] = (char)byte;
	out[at] = '\0';
	return at > 0;
}

static void
expect_clean(const char *text, size_t len)
{
	while (len > 0) {
		uint32_t cp;
		size_t n = text_decode(text, len, &cp);

		cr_assert(cp == '\n' || scrub_is_plain(cp), "U+%04X", (unsigned)cp);
		text += n;
		len -= n;
	}
}

Test(browse, the_hostile_corpus_is_searched_and_copied_clean, .init = init, .fini = fini)
{
	FILE *f = fopen(FIXTURES_DIR "/hostile-terminal.jsonl", "r");
	static char line[65536], bytes[32768];
	char what[64];
	int n = 0;

	cr_assert_not_null(f);
	while (fgets(line, sizeof line, f)) {
		struct js *m;
		char id[16];

		if (!hostile_bytes(line, bytes, sizeof bytes))
			continue;
		snprintf(id, sizeof id, "h%d", ++n);
		say("{\"t\":\"tool\",\"seq\":0,\"id\":\"%s\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"w\"}",
		    id);
		m = message_new("output");
		js_set_str(m, "id", id);
		js_set_str(m, "stream", n % 2 ? "out" : "err");
		js_set_int(m, "off", 0);
		js_set_str(m, "data", bytes);
		model_apply(&s.model, m, 100000);
		js_free(m);
		if (n == 1) {
			s.focus = FOCUS_TOOLS;
			draw(40, 15);
			key(INPUT_CTRL, 'T');
		}
		keys("G/e\rkkm");
		draw(n % 2 ? 40 : 80, 15);
		expect_clean(printed(&c), strlen(printed(&c)));
		copied(what);
		expect_clean(copied(what), strlen(copied(what)));
		keys("m");
		expect_clean(copied(what), strlen(copied(what)));
	}
	cr_assert_gt(n, 20);
	fclose(f);
}

/* --- everything at once, on a model that grows and drops --- */

static unsigned long seed = 1;

static unsigned
any(unsigned below)
{
	seed = seed * 6364136223846793005ul + 1442695040888963407ul;
	return (unsigned)(seed >> 33) % below;
}

static void
any_fact(int round)
{
	static int id;

	switch (any(8)) {
	case 0:
		id = 1 + (int)any(60);
		run(id,
		    any(2) ? "line"
			   : "a longer line, so that it is wrapped when the "
			     "screen is narrow, as on a phone",
		    0, (int)any(20), any(2));
		break;
	case 1:
		say("{\"t\":\"prompt\",\"seq\":0,\"turn\":%d,\"text\":\"line %d\",\"state\":\"started\",\"by\":\"a\"}",
		    round, round);
		break;
	case 2:
	case 3:
		say("{\"t\":\"text\",\"seq\":0,\"turn\":%d,\"block\":0,\"text\":\"# line\\n\\nsome words %d\\n\\n```\\ncode line\\n```\\n\"}",
		    round, round);
		break;
	default:
		break;
	}
}

static void
any_key(void)
{
	static const char chars[] = "jjkkkbGg /nNnNmmmfFzeEoly\r\x1b?q ";
	static const enum input_kind kinds[] = {INPUT_UP, INPUT_DOWN, INPUT_PGUP,
	    INPUT_PGDN, INPUT_HOME, INPUT_END, INPUT_TAB, INPUT_BACKTAB, INPUT_BACKSPACE,
	    INPUT_ENTER};

	if (any(3) == 0)
		key(kinds[any(sizeof kinds / sizeof kinds[0])], 0);
	else if (any(40) == 0)
		key(INPUT_CTRL, 'T');
	else
		keys((char[]){chars[any(sizeof chars - 1)], '\0'});
}

static void
check(int round)
{
	struct scroll_source src;
	struct scroll *w;
	struct scroll_pos nearest = {0, 0};
	char what[64];

	if (!s.browse.on)
		return;
	w = browse_pane(&s, &src);
	if (!src.fix(src.arg, &nearest)) /* there is nothing at all */
		return;
	cr_assert(w->held, "round %d", round);
	cr_assert(scroll_settle(&src, &w->cur));
	cr_assert_lt(w->cur.line, src.height(src.arg, w->cur.pos), "round %d", round);
	copied(what);
}

Test(browse, any_keys_on_a_model_that_grows_and_drops, .init = init, .fini = fini)
{
	int rounds = getenv("BG_LONG") ? 30000 : 3000;

	for (int i = 0; i < rounds; i++) {
		static const int sizes[][2] = {
		    {80, 24}, {40, 15}, {200, 50}, {20, 6}, {3, 4}};
		const int *size = sizes[i / 50 % 5];

		any_fact(i);
		any_key();
		draw(size[0], size[1]);
		check(i);
		if (i % 700 == 699)
			screen_reset(&s);
	}
}
