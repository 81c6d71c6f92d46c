/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Help, tour and choices: what somebody is told who does not know. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/view/help_text.h"
#include "console/linear/linear_choices.h"
#include "console/linear/linear_state.h"
#include "console/view/tour.h"
#include "pictures.h"
#include "wire/verbs.h"

/* clang-format off */
#define HUNG \
	"{\"t\":\"verdict\",\"seq\":0,\"word\":\"hung\",\"advice\":\"cycle\"," \
	"\"checked\":100000," \
	"\"why\":\"QEMU's main loop does not answer: nothing but a new QEMU helps\"," \
	"\"not\":[{\"verb\":\"reset\",\"why\":\"it goes to the QEMU that hangs\"}]}"
#define LINK(host, state) \
	"{\"t\":\"state\",\"seq\":0,\"what\":\"link\",\"host\":\"" host "\",\"state\":\"" state \
	"\",\"since\":90000,\"why\":\"no answer in 5 s\"}"
/* clang-format on */

static struct screen s;
static struct action_context a;

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
}

static void
fini(void)
{
	screen_fini(&s);
}

static bool
press(enum input_kind kind, const char *text)
{
	struct input in = {.kind = kind};

	snprintf(in.text, sizeof in.text, "%s", text);
	return view_help_key(&s, &in);
}

TestSuite(help, .init = init, .fini = fini);

Test(help, shows_the_keys_of_what_has_the_focus_first)
{
	action_line(&a, "/help");
	cr_assert(strstr(drawn(&s, 80, 24), "In the chat"));
	action_line(&a, "/help");
	cr_assert(s.page == PAGE_NONE, "the key that opened it closes it");
	s.focus = FOCUS_TOOLS;
	action_line(&a, "/help");
	cr_assert(strstr(drawn(&s, 80, 24), "In the tool pane"));
	s.page = PAGE_NONE;
	action_line(&a, "/verdict");
	action_run(&a, ACTION_HELP, "");
	cr_assert(strstr(drawn(&s, 80, 24), "On a page"));
	s.page = PAGE_NONE;
	s.browse.on = true;
	action_run(&a, ACTION_HELP, "");
	cr_assert(s.help.where == HELP_BROWSE);
	s.browse.on = false;
	cr_assert(strstr(drawn(&s, 80, 24), "letters are keys"));
}

Test(help, its_pages_turn_by_arrows_and_digits)
{
	action_line(&a, "/help");
	cr_assert(press(INPUT_RIGHT, ""));
	cr_assert_eq(s.help.page, HELP_VERBS);
	cr_assert(press(INPUT_LEFT, "") && press(INPUT_LEFT, ""));
	cr_assert_eq(s.help.page, HELP_COLD);
	cr_assert(press(INPUT_CHAR, "3"));
	cr_assert_eq(s.help.page, HELP_ALL);
	cr_assert(!press(INPUT_CHAR, "5") && !press(INPUT_CHAR, "q"));
	s.page = PAGE_VERDICT;
	cr_assert(!press(INPUT_CHAR, "1"), "another page has other keys");
}

Test(help, pages)
{
	action_line(&a, "/help");
	expect_all_sizes(&s, "help-here");
	press(INPUT_CHAR, "2");
	expect_all_sizes(&s, "help-verbs");
	press(INPUT_CHAR, "3");
	expect_all_sizes(&s, "help-all");
	s.page = PAGE_NONE;
	action_line(&a, "/cold");
	expect_all_sizes(&s, "cold");
}

Test(help, the_whole_recovery_is_on_its_first_page_without_scrolling)
{
	action_line(&a, "/help");
	for (int cols = 40; cols < 220; cols += 20) {
		const char *text = drawn(&s, cols, 15);

		cr_assert(
		    strstr(text, cols < 60 ? "Esc 7, type cycle" : "F7, type cycle"),
		    "%s", text);
	}
}

Test(help, every_key_and_every_verb_is_in_it_at_any_width)
{
	for (int width = 16; width < 200; width += 23) {
		struct lines l;
		size_t at = 0;
		char *text = calloc(1, 256 * 1024);

		lines_init(&l, width);
		for (int page = 0; page < HELP_PAGES; page++)
			help_text(&l, (enum help_page)page, HELP_CHAT, false);
		for (size_t i = 0; i < l.count; i++) {
			cr_assert_leq(l.line[i].cols, width);
			at += (size_t)sprintf(text + at, "%.*s\n", (int)l.line[i].len,
			    l.line[i].text ? l.line[i].text : "");
		}
		for (size_t i = 0; i < keymap_count && width >= 39; i++) {
			const struct keymap_row *k = &keymap_rows[i];

			cr_assert(!k->slash || strstr(text, k->slash), "%s", k->slash);
			cr_assert(!k->keys || strstr(text, k->keys), "%s", k->keys);
		}
		for (int v = 0; v < VERBS; v++)
			cr_assert(strstr(text, verb_rows[v].name));
		lines_fini(&l);
		free(text);
	}
}

Test(help, the_cold_case_is_offered_where_both_hosts_are_silent)
{
	tell_one(&s, LINK("pve", "down"));
	cr_assert(!strstr(drawn(&s, 80, 24), "/cold"));
	tell_one(&s, LINK("devvm", "down"));
	cr_assert(strstr(drawn(&s, 80, 24), "/cold"));
	cr_assert(strstr(drawn(&s, 40, 15), "/cold"));
	expect_all_sizes(&s, "cold-banner");
}

Test(help, topics_of_the_command_line)
{
	char topics[128];
	struct lines l;

	help_topics(topics, sizeof topics);
	cr_assert_str_eq(topics, "browse, cold, keys, linear, replay, verbs");
	lines_init(&l, 78);
	cr_assert(!help_topic(&l, "nothing"));
	cr_assert(help_topic(&l, "cold"));
	lines_fini(&l);
}

/* --- the tour --- */

Test(help, the_tour_goes_when_there_is_something_to_read)
{
	cr_assert(tour_shows(&s));
	tell_one(
	    &s, "{\"t\":\"operator\",\"seq\":1,\"state\":\"attached\",\"by\":\"anna\"}");
	cr_assert(tour_shows(&s), "that somebody came is no content");
	tell_one(&s,
	    "{\"t\":\"prompt\",\"seq\":2,\"by\":\"anna\",\"text\":\"it hangs\",\"turn\":1}");
	cr_assert(!tour_shows(&s));
	action_line(&a, "/tour");
	cr_assert(strstr(drawn(&s, 80, 24), "This gets it back"));
}

Test(help, the_tour_names_the_key_that_the_terminal_has)
{
	cr_assert(strstr(drawn(&s, 80, 24), "F7 cycle cures"));
	cr_assert(strstr(drawn(&s, 40, 15), "Esc 7 cycle cures"));
	s.few_keys = true;
	cr_assert(strstr(drawn(&s, 80, 24), "Esc 7 cycle cures"));
}

Test(help, tour)
{
	s.few_keys = true;
	expect_all_sizes(&s, "tour-start");
	tell_one(&s, HUNG);
	action_line(&a, "/tour");
	expect_all_sizes(&s, "tour-hung");
}

/* --- line by line --- */

static const char *
offered(void)
{
	static char words[640];
	struct choices c;

	choices_make(&c, &s);
	choices_say(&c, words, sizeof words);
	return words;
}

Test(help, the_choices_are_what_makes_sense_now)
{
	struct choices c;

	cr_assert_str_eq(offered(),
	    "1 forensics (looks closer, and says what helps), 2 status, 3 cycle, 4 triage, "
	    "5 how it stands, 6 help");
	tell_one(&s, HUNG);
	cr_assert_str_eq(offered(),
	    "1 cycle (advised), 2 forensics, 3 status, 4 triage, 5 all of the verdict, "
	    "6 how it stands, 7 help");
	choices_make(&c, &s);
	cr_assert_str_eq(choices_pick(&c, "1"), "/cycle");
	cr_assert_null(choices_pick(&c, "8"));
	cr_assert_null(choices_pick(&c, "0"));
	cr_assert_null(choices_pick(&c, "11"));
	cr_assert_null(choices_pick(&c, ""));
	s.read_only = true;
	cr_assert_str_eq(
	    offered(), "1 status, 2 all of the verdict, 3 how it stands, 4 help");
}

Test(help, the_state_is_told_in_sentences)
{
	static const char *const want[STATE_PARTS] = {"VM 102 running, asked now.",
	    "Verdict: hung, it advises /cycle, of now. Why: QEMU's main loop does not "
	    "answer: nothing but a new QEMU helps",
	    "", "pve is up, 12 ms.", "devvm is up, 3 ms.", "The agent is ready, by cli.",
	    "",
	    "The agent's autonomy is autonomous. The incident is 2026-11-26-a. The journal is "
	    "written."};
	char text[STATE_MAX];

	tell_one(&s, HUNG);
	tell_one(&s,
	    "{\"t\":\"incident\",\"seq\":3,\"state\":\"opened\",\"id\":\"2026-11-26-a\"}");
	for (int part = 0; part < STATE_PARTS; part++) {
		state_say((enum state_part)part, &s, true, text, sizeof text);
		cr_assert_str_eq(text, want[part]);
	}
}
