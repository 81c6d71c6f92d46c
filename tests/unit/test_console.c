/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "console/action/action.h"
#include "console/term/input.h"
#include "console/action/keymap.h"
#include "console/view/layout.h"
#include "console/draw/lines.h"
#include "console/term/pace.h"
#include "console/view/view_confirm.h"
#include "console/draw/words.h"
#include "pictures.h"
#include "wire/verbs.h"

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* --- canvas --- */

Test(canvas, draws_no_control_character_whoever_hands_it_over, .init = init)
{
	struct canvas c;

	canvas_init(&c, 12, 1);
	canvas_text(&c, canvas_rect(&c), 0, 0, 0, "a\x1b[2J\xc2\x9b\xe2\x80\xae\n");
	cr_assert_str_eq(printed(&c), "a?[2J???\n");
	canvas_fini(&c);
}

Test(canvas, a_wide_character_never_sticks_out, .init = init)
{
	struct canvas c;

	canvas_init(&c, 5, 1);
	canvas_text(&c, canvas_rect(&c), 0, 0, 0, "漢漢漢");
	cr_assert_str_eq(printed(&c), "漢漢…\n");
	canvas_text(&c, canvas_rect(&c), 0, 1, 0, "x");
	cr_assert_str_eq(printed(&c), " x漢…\n");
	canvas_fini(&c);
}

Test(canvas, text_stays_in_its_rectangle, .init = init)
{
	struct canvas c;

	canvas_init(&c, 8, 3);
	canvas_text(&c, (struct rect){1, 2, 1, 3}, 0, 0, 0, "abcdef");
	canvas_text(&c, (struct rect){1, 2, 1, 3}, 1, 0, 0, "outside");
	cr_assert_str_eq(printed(&c), "\n  ab…\n\n");
	canvas_fini(&c);
}

/* --- lines --- */

static const char *
joined(struct lines *l)
{
	static char text[8192];
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < l->count; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, "%.*s\n",
		    (int)l->line[i].len, l->line[i].text ? l->line[i].text : "");
	lines_fini(l);
	return text;
}

static const char *
wrapped(int width, const char *text)
{
	struct lines l;

	lines_init(&l, width);
	lines_str(&l, 0, text);
	return joined(&l);
}

Test(lines, break_at_blanks_and_lose_no_word, .init = init)
{
	cr_assert_str_eq(wrapped(10, "press the reset button of VM 102 now"),
	    "press the\nreset\nbutton of\nVM 102 now\n");
	cr_assert_str_eq(wrapped(5, "abcde fg"), "abcde\nfg\n");
	cr_assert_str_eq(wrapped(4, "abcdefghij"), "abcd\nefgh\nij\n");
}

/* --- keys --- */

struct keys {
	struct input in[64];
	char paste[256];
	size_t count;
};

static void
on_key(const struct input *in, void *arg)
{
	struct keys *k = arg;

	if (in->kind == INPUT_PASTE)
		snprintf(
		    k->paste, sizeof k->paste, "%.*s", (int)in->paste_len, in->paste);
	if (k->count < 64)
		k->in[k->count++] = *in;
}

static struct keys
keys_of(const char *bytes, size_t len)
{
	struct keys k = {0};
	struct input_reader r;

	input_init(&r, on_key, &k);
	input_feed(&r, bytes, len, 0);
	input_timeout(&r, 10000);
	input_fini(&r);
	return k;
}

#define KEYS(literal) keys_of(literal, sizeof(literal) - 1)

static void
expect_f(const char *bytes, int n)
{
	struct keys k = keys_of(bytes, strlen(bytes));

	cr_assert_eq(k.count, 1, "%zu keys from F%d", k.count, n);
	cr_assert_eq(k.in[0].kind, INPUT_F);
	cr_assert_eq(k.in[0].n, n);
}

Test(input, every_usual_spelling_of_an_f_key_is_known, .init = init)
{
	expect_f("\x1bOP", 1);
	expect_f("\x1b[11~", 1); /* putty */
	expect_f("\x1b[[A", 1);	 /* Linux */
	expect_f("\x1b[P", 1);
	expect_f("\x1b[15~", 5);
	expect_f("\x1b[[E", 5);
	expect_f("\x1bOt", 5); /* vt100 */
	expect_f("\x1b[18~", 7);
	expect_f("\x1bOv", 7);
	expect_f("\x1b[21~", 10);
	expect_f("\x1b[24~", 12);
	expect_f("\x1b[18;2~", 7); /* with a shift */
}

Test(input, an_escape_alone_is_one_after_a_while, .init = init)
{
	struct keys k = KEYS("\x1b");

	cr_assert_eq(k.count, 1);
	cr_assert_eq(k.in[0].kind, INPUT_ESC);
	k = KEYS("\x1b"
		 "7");
	cr_assert_eq(k.in[0].kind, INPUT_ALT);
	cr_assert_eq(keymap_key(&k.in[0]), ACTION_VERB_CYCLE);
}

Test(input, an_answer_of_the_terminal_is_no_key, .init = init)
{
	cr_assert_eq(KEYS("\x1b[?64;1;2;4;6;17;18;21;22c").count, 0);
	cr_assert_eq(KEYS("\x1bP>|iTerm2 3.6.4\x1b\\").count, 0);
	cr_assert_eq(KEYS("\x1b]52;c;QUFBQUFB\x07").count, 0);
	cr_assert_eq(KEYS("\x1b[24;80R").count, 0);
	cr_assert_eq(KEYS("\xff\xfe").count, 0);
}

Test(input, a_paste_is_text_and_never_a_key, .init = init)
{
	struct keys k = KEYS("\x1b[200~rm -rf\r\x1b[18~x\x03\x1b[201~y");

	cr_assert_eq(k.count, 2);
	cr_assert_eq(k.in[0].kind, INPUT_PASTE);
	cr_assert_str_eq(k.paste, "rm -rf\n[18~x");
	cr_assert_eq(k.in[1].kind, INPUT_CHAR);
}

Test(input, a_character_of_several_bytes_is_one_key, .init = init)
{
	struct keys k = KEYS("\xc3\xa9\xe4\xb8\x96");

	cr_assert_eq(k.count, 2);
	cr_assert_str_eq(k.in[0].text, "é");
	cr_assert_str_eq(k.in[1].text, "世");
}

Test(keymap, each_verb_has_its_key_its_twin_and_its_command, .init = init)
{
	for (int v = 0; v < VERBS; v++) {
		struct input in = {.kind = INPUT_F, .n = verb_rows[v].fkey};
		char slash[32];
		const char *args;

		cr_assert_eq(keymap_verb(keymap_key(&in)), v);
		cr_assert_eq(
		    keymap_verb(keymap_digit((char)('0' + verb_rows[v].fkey))), v);
		snprintf(slash, sizeof slash, "/%s", verb_rows[v].name);
		cr_assert_eq(keymap_verb(keymap_slash(slash, &args)), v);
	}
	cr_assert_eq(keymap_digit('0'), ACTION_DETACH);
}

Test(keymap, only_a_whole_slash_command_counts, .init = init)
{
	const char *args;

	cr_assert_eq(keymap_slash("/cyc", &args), ACTION_NONE);
	cr_assert_eq(keymap_slash("/cycles", &args), ACTION_NONE);
	cr_assert_eq(keymap_slash("/note  it works", &args), ACTION_NOTE);
	cr_assert_str_eq(args, "it works");
}

/* --- the confirm box --- */

static enum confirm_answer
type(struct confirm *k, const char *text, int64_t now)
{
	enum confirm_answer a = CONFIRM_OPEN;

	for (; *text && a == CONFIRM_OPEN; text++) {
		struct input in = {.kind = *text == '\r' ? INPUT_ENTER : INPUT_CHAR};

		in.text[0] = *text;
		a = confirm_key(k, &in, now);
	}
	return a;
}

Test(confirm, only_the_word_and_enter_are_a_yes, .init = init)
{
	struct confirm k;

	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "cycle\r", 1000), CONFIRM_YES);
	cr_assert_not(k.open);
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "cyclx\r", 1000), CONFIRM_NO, "another word");
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "cyclxx", 1000), CONFIRM_OPEN, "a slip");
	cr_assert_eq(confirm_key(&k, &(struct input){.kind = INPUT_BACKSPACE}, 1000),
	    CONFIRM_OPEN);
	cr_assert_eq(confirm_key(&k, &(struct input){.kind = INPUT_BACKSPACE}, 1000),
	    CONFIRM_OPEN);
	cr_assert_eq(type(&k, "e\r", 1000), CONFIRM_YES, "taken back");
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "Cycle\r", 1000), CONFIRM_YES, "a phone's capital");
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "x", 1000), CONFIRM_NO, "the box was not meant");
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "cyc\r", 1000), CONFIRM_NO);
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(type(&k, "\r", 1000), CONFIRM_NO);
	confirm_open_verb(&k, VERB_CYCLE, 0);
	cr_assert_eq(
	    confirm_key(&k, &(struct input){.kind = INPUT_F, .n = 7}, 1000), CONFIRM_NO);
	confirm_open_verb(&k, VERB_START, 0);
	cr_assert_eq(type(&k, "y", 1000), CONFIRM_YES);
}

Test(confirm, is_deaf_while_the_hand_still_types_something_else, .init = init)
{
	struct confirm k;

	confirm_open_verb(&k, VERB_START, 1000);
	cr_assert_eq(type(&k, "yyyy", 1200), CONFIRM_OPEN);
	cr_assert_eq(type(&k, "y", 1301), CONFIRM_YES);
}

/* --- what a wish becomes --- */

struct sent {
	char last[256];
	int count;
};

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct sent *s = arg;
	struct buf b;

	buf_init(&b, sizeof s->last - 1);
	cr_assert(js_print(request, &b) == 0);
	snprintf(s->last, sizeof s->last, "%s", buf_str(&b));
	s->count++;
	buf_fini(&b);
	js_free(request);
	return 0;
}

Test(action, a_mutating_verb_only_opens_its_box, .init = init)
{
	struct screen s;
	struct sent sent = {0};
	struct action_context a = {.screen = &s, .send = on_send, .arg = &sent};

	screen_init(&s);
	action_line(&a, "/cycle");
	cr_assert_eq(sent.count, 0);
	cr_assert(s.confirm.open);
	s.now = 1000;
	for (const char *p = "cycle\r"; *p; p++) {
		struct input in = {
		    .kind = *p == '\r' ? INPUT_ENTER : INPUT_CHAR, .text = {*p}};

		action_confirm_key(&a, &in);
	}
	cr_assert_str_eq(
	    sent.last, "{\"t\":\"verb\",\"verb\":\"cycle\",\"confirm\":\"cycle\"}");
	action_line(&a, "/status");
	cr_assert_str_eq(sent.last, "{\"t\":\"verb\",\"verb\":\"status\"}");
	screen_fini(&s);
}

Test(action, an_unknown_command_goes_nowhere, .init = init)
{
	struct screen s;
	struct sent sent = {0};
	struct action_context a = {.screen = &s, .send = on_send, .arg = &sent};

	screen_init(&s);
	action_line(&a, "/cylce now");
	action_line(&a, "   ");
	cr_assert_eq(sent.count, 0);
	action_line(&a, "look at it");
	cr_assert_str_eq(sent.last, "{\"t\":\"prompt\",\"text\":\"look at it\"}");
	s.read_only = true;
	action_line(&a, "again");
	cr_assert_eq(sent.count, 1);
	screen_fini(&s);
}

Test(pace, a_burst_is_paid_back_before_the_next_frame)
{
	struct pace p;

	pace_start(&p, 0);
	pace_refill(&p, 80 * 24, 0);
	cr_assert_eq(pace_wait(&p, 100), 0);
	p.painted = 100;
	cr_assert_eq(pace_wait(&p, 104), PACE_FRAME_MS - 4);
	pace_spend(&p, 1800 + 3600);
	cr_assert_geq(pace_wait(&p, 200), 1000);
	pace_refill(&p, 80 * 24, 1200);
	cr_assert_eq(pace_wait(&p, 1200), 0);
}

Test(lines, what_does_not_fit_is_cut_with_a_sign, .init = init)
{
	struct lines l;

	lines_init(&l, 8);
	lines_str(&l, 0, "ab");
	lines_cut(&l, 0, "cdefgh");
	lines_break(&l);
	lines_cut(&l, 0, "漢漢漢漢漢");
	cr_assert_str_eq(joined(&l), "abcdefgh\n漢漢漢…\n");
}

Test(words, ages_go_in_coarse_steps, .init = init)
{
	char out[32];

	cr_assert_str_eq(words_age(19999, out, sizeof out), "now");
	cr_assert_str_eq(words_age(59999, out, sizeof out), "40 s ago");
	cr_assert_str_eq(words_age(60000, out, sizeof out), "1 min ago");
	cr_assert_str_eq(words_span(200000, out, sizeof out), "3 min 20 s");
	cr_assert_str_eq(words_bytes(4301, out, sizeof out), "4.2 KiB");
}

/* --- whole pictures --- */

static const char *const facts_busy[] = {
    "{\"t\":\"prompt\",\"seq\":1,\"turn\":1,\"text\":\"the devvm hangs\",\"state\":\"started\",\"by\":\"anna\"}",
    "{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":\"I look at **both** ends:\\n\\n- ssh\\n- QMP\\n\"}",
    "{\"t\":\"tool\",\"seq\":3,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"df -h /\",\"by\":\"agent\"}",
    "{\"t\":\"output\",\"seq\":4,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,\"data\":\"/dev/sda1 64G \\u001b[31m96%\\u001b[0m /\\n\"}",
    "{\"t\":\"output\",\"seq\":5,\"id\":\"r1\",\"stream\":\"err\",\"off\":0,\"data\":\"df: stale\\u001b]0;x\\u0007\\n\"}",
    "{\"t\":\"tool_end\",\"seq\":6,\"id\":\"r1\",\"exit\":1,\"ms\":1210,\"out\":29,\"err\":16}",
    "{\"t\":\"verb\",\"seq\":7,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"confirmed\",\"by\":\"anna\",\"at\":\"2026-11-26T03:12:07.000Z\"}",
    "{\"t\":\"verb\",\"seq\":8,\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"stage\",\"stage\":\"stopping\",\"text\":\"clean stop\",\"at\":\"2026-11-26T03:12:08.000Z\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"slot\",\"holder\":\"anna\",\"verb\":\"cycle\",\"since\":88000}",
    NULL};

static const char *const facts_trouble[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"stopped\",\"qmp\":\"none\",\"checked\":20000,\"staged\":[{\"key\":\"memory\",\"from\":\"8192\",\"to\":\"16384\"}]}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"pve\",\"state\":\"up\",\"ms\":12,\"key\":\"changed\",\"fingerprint\":\"SHA256:abc\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"devvm\",\"state\":\"silent\",\"since\":0}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"unavailable\",\"why\":\"no claude was found\",\"todo\":\"The keys work without it\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"unfinished\",\"verb\":\"cycle\",\"by\":\"anna\",\"at\":\"2026-11-26T03:12:07.000Z\",\"key\":\"start\"}",
    "{\"t\":\"error\",\"seq\":1,\"where\":\"devvm\",\"text\":\"no banner within 10 s\",\"todo\":\"press F3\"}",
    NULL};

Test(layout, the_first_screen_says_what_to_do, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	expect_pictures(&s, "first");
	screen_fini(&s);
}

Test(layout, a_turn_and_a_verb_at_work, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_busy);
	expect_pictures(&s, "busy");
	s.focus = FOCUS_TOOLS;
	expect_all_sizes(&s, "busy-tools");
	screen_fini(&s);
}

Test(layout, a_folded_run_is_one_line, .init = init)
{
	struct screen s;
	struct canvas c;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_busy);
	s.tools.fold = TOOLS_FOLD_ENDED;
	canvas_init(&c, 80, 24);
	layout_draw(&s, &c);
	cr_assert_not_null(strstr(printed(&c), "✗ devvm df -h /"));
	cr_assert_null(strstr(printed(&c), "/dev/sda1"));
	cr_assert_not_null(strstr(printed(&c), "exit 1          1.2 s      45 B    r1"));
	s.focus = FOCUS_TOOLS;
	browse_look_for(&s, "sda1");
	while (browse_work(&s))
		continue;
	layout_draw(&s, &c);
	cr_assert_not_null(strstr(printed(&c), "/dev/sda1"));
	canvas_fini(&c);
	screen_fini(&s);
}

Test(layout, trouble_is_above_everything, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_trouble);
	expect_pictures(&s, "trouble");
	screen_fini(&s);
}

Test(layout, the_box_tells_what_will_happen_and_survives_a_resize, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_trouble);
	confirm_open_verb(&s.confirm, VERB_CYCLE, 0);
	snprintf(s.confirm.typed, sizeof s.confirm.typed, "cyc");
	expect_pictures(&s, "confirm");
	screen_fini(&s);
}

Test(layout, reset_is_warned_of_where_it_is_the_wrong_tool, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_trouble);
	confirm_open_verb(&s.confirm, VERB_RESET, 0);
	expect_all_sizes(&s, "reset");
	screen_fini(&s);
}

Test(layout, every_size_can_be_drawn, .init = init)
{
	struct screen s;

	screen_init(&s);
	tell(&s, facts_quiet);
	tell(&s, facts_busy);
	for (int round = 0; round < 3; round++) {
		s.page = round == 1 ? PAGE_HELP : PAGE_NONE;
		if (round == 2)
			confirm_open_verb(&s.confirm, VERB_RESET, 0);
		for (int rows = 1; rows < 32; rows++)
			for (int cols = 1; cols < 130; cols += 3) {
				struct canvas c;

				canvas_init(&c, cols, rows);
				layout_draw(&s, &c);
				canvas_fini(&c);
			}
	}
	screen_fini(&s);
}

Test(layout, a_pane_that_was_scrolled_stays_while_more_comes, .init = init)
{
	struct screen s;
	struct canvas c;
	char before[4096];
	char note[80];

	screen_init(&s);
	tell(&s, facts_quiet);
	canvas_init(&c, 80, 24);
	for (int i = 1; i <= 60; i++) {
		const char *facts[] = {note, NULL};

		snprintf(note, sizeof note,
		    "{\"t\":\"note\",\"seq\":%d,\"text\":\"line %d\"}", i, i);
		tell(&s, facts);
	}
	layout_draw(&s, &c);
	cr_assert_not_null(strstr(printed(&c), "line 60"));
	layout_scroll(&s, -layout_page(&s));
	layout_draw(&s, &c);
	snprintf(before, sizeof before, "%.600s", strstr(printed(&c), "note"));
	cr_assert_gt(s.chat.scroll.below, 0);
	for (int i = 61; i <= 70; i++) {
		const char *facts[] = {note, NULL};

		snprintf(note, sizeof note,
		    "{\"t\":\"note\",\"seq\":%d,\"text\":\"line %d\"}", i, i);
		tell(&s, facts);
	}
	layout_draw(&s, &c);
	cr_assert_null(strstr(printed(&c), "line 70"));
	cr_assert_eq(strncmp(before, strstr(printed(&c), "note"), 100), 0);
	layout_scroll(&s, 1000);
	layout_draw(&s, &c);
	cr_assert_not_null(strstr(printed(&c), "line 70"));
	cr_assert_not(s.chat.scroll.away);
	canvas_fini(&c);
	screen_fini(&s);
}
