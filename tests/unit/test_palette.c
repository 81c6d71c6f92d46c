/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include "base/mem.h"
#include "console/prompt/complete.h"
#include "console/prompt/palette.h"
#include "scratch.h"
#include "typist.h"

static const char *const facts_more[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"runbooks\",\"runbooks\":["
    "{\"name\":\"triage\",\"title\":\"Triage\",\"description\":\"what is wrong, in one look\"},"
    "{\"name\":\"disk\",\"title\":\"Disk\",\"description\":\"what fills it\"},"
    "{\"name\":\"disk-errors\",\"title\":\"Disk\",\"description\":\"what its device says\"}]}",
    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"by\":\"agent\",\"host\":\"devvm\",\"what\":\"uptime\"}",
    "{\"t\":\"tool_end\",\"seq\":2,\"id\":\"r1\",\"exit\":0,\"ms\":20}",
    "{\"t\":\"tool\",\"seq\":3,\"id\":\"r2\",\"asked\":\"agent\",\"by\":\"agent\",\"host\":\"devvm\",\"what\":\"tail -f /var/log/syslog\"}",
    NULL};

static const char *const facts_watching[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"here\",\"operators\":[{\"name\":\"anna\"},{\"name\":\"ben\",\"driving\":true}]}",
    NULL};

static void
start(void)
{
	typist_start(false, NULL);
	tell(&typist_screen, facts_quiet);
}

static struct palette *
palette(void)
{
	return &typist_screen.palette;
}

static struct complete list;

static const struct complete *
listed(const char *line)
{
	complete_list(&list, &typist_screen, line, strlen(line));
	return &list;
}

static const struct complete_row *
row_of(const char *word)
{
	listed("/");
	for (int i = 0; i < list.count; i++)
		if (strcmp(list.row[i].word, word) == 0)
			return &list.row[i];
	cr_assert_fail("%s is not listed", word);
	return NULL;
}

/* --- what is listed --- */

Test(complete, every_command_is_listed_once, .init = start)
{
	int commands = 0;

	for (size_t i = 0; i < keymap_count; i++)
		if (keymap_rows[i].slash) {
			char word[64];

			snprintf(word, sizeof word, "/%s", keymap_rows[i].slash);
			row_of(word);
			commands++;
		}
	cr_assert_eq(listed("/")->count, commands);
	cr_assert_eq(listed("")->count, 0);
	cr_assert_eq(listed("x/")->count, 0);
	cr_assert_eq(listed("/\n")->count, 0);
}

Test(complete, what_begins_with_it_comes_first_then_what_has_it_inside, .init = start)
{
	listed("/st");
	cr_assert_str_eq(list.row[0].word, "/status");
	cr_assert_str_eq(list.row[1].word, "/start");
	cr_assert_str_eq(list.row[2].word, "/stop");
	cr_assert_eq(list.begin, 3);
	listed("/ore"); /* inside of a word alone */
	cr_assert_eq(list.begin, 0);
	cr_assert_str_eq(list.row[0].word, "/forensics");
	listed("/fingerprint"); /* by what it does */
	cr_assert_str_eq(list.row[0].word, "/accept");
	cr_assert_eq(listed("/shutdown")->count, 0);
}

Test(complete, says_in_two_words_what_does_nothing_now, .init = start)
{
	cr_assert_str_eq(row_of("/start")->why, "it runs");
	cr_assert_str_eq(row_of("/cycle")->why, "");
	cr_assert_str_eq(row_of("/answer")->why, "nothing asked");
	cr_assert_str_eq(row_of("/autonomous")->why, "it is so");
	cr_assert_str_eq(row_of("/accept")->why, "no new key");
	cr_assert_str_eq(row_of("/end")->why, "nothing runs");
	tell(&typist_screen, facts_more);
	cr_assert_str_eq(row_of("/end")->why, "");
	typist_screen.read_only = true;
	cr_assert_str_eq(row_of("/cycle")->why, "read-only");
	cr_assert_str_eq(row_of("/status")->why, "");
	typist_screen.read_only = false;
	typist_screen.link_up = false;
	cr_assert_str_eq(row_of("/cycle")->why, "no engine");
}

Test(complete, runs_hosts_runbooks_and_drivers_follow_their_commands, .init = start)
{
	tell(&typist_screen, facts_more);
	cr_assert_eq(listed("/runbook ")->count, 3);
	cr_assert_eq(listed("/offline di")->count, 2);
	cr_assert_eq(complete_common(&list), 4);
	cr_assert_eq(list.from, 9);
	listed("/end ");
	cr_assert_eq(list.count, 1); /* what has ended cannot be closed */
	cr_assert_str_eq(list.row[0].word, "r2");
	cr_assert_str_eq(listed("/accept p")->row[0].word, "pve");
	cr_assert_eq(listed("/agent ")->count, 4);
	cr_assert_eq(listed("/note ")->count, 0);
	cr_assert_eq(listed("/runbook disk ")->count, 0);
	cr_assert_str_eq(listed("/theme mo")->row[0].word, "mono");
}

static void
touch(const char *dir, const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fclose(f);
}

Test(complete, incidents_are_known_by_their_journals_the_newest_first, .init = start)
{
	char dir[64];

	snprintf(dir, sizeof dir, "%s/incidents", scratch());
	cr_assert_eq(mkdir(dir, 0700), 0);
	touch(dir, "20261126T031207Z-6166.jsonl");
	touch(dir, "20261127T093223Z-15d6.jsonl");
	touch(dir, "20261127T093223Z-15d6.png");
	touch(dir, "\x1b[2J.jsonl");
	typist_screen.earlier.sessions = scratch_dir;
	type("/replay ");
	listed("/replay ");
	cr_assert_eq(list.count, 2);
	cr_assert_str_eq(list.row[0].word, "20261127T093223Z-15d6");
	type("20261126\r");
	cr_assert_str_eq(typist_actions.replay, "20261126T031207Z-6166");
	typist_actions.replay[0] = '\0';
	type("/replay 2026112\r"); /* both begin so */
	cr_assert_str_empty(typist_actions.replay);
	type("/replay\r");
	cr_assert_str_eq(typist_actions.replay, "20261127T093223Z-15d6");
	cr_assert_eq(typist_requests, 0);
}

/* --- keys --- */

Test(palette, a_slash_on_an_empty_prompt_opens_it_and_esc_keeps_the_text, .init = start)
{
	type("/");
	cr_assert(palette()->open);
	cr_assert(palette()->later); /* the key is painted first */
	type("st");
	type("\x1b");
	cr_assert_not(palette()->open);
	cr_assert_str_eq(prompt_text(), "/st");
	type("a");
	cr_assert_not(palette()->open);
	type(CTRL('U'));
	type("a/");
	cr_assert_not(palette()->open);
	type(CTRL('U'));
	type("/");
	type("\x7f");
	cr_assert_not(palette()->open);
	typist_paste("/st");
	cr_assert_not(palette()->open);
}

Test(palette, a_command_that_is_typed_out_runs_as_it_always_did, .init = start)
{
	type("/status\r");
	cr_assert_eq(typist_requests, 1);
	type("/note it was the disk\r");
	cr_assert_eq(typist_requests, 2);
	cr_assert_str_eq(typist_sent[1], "/note it was the disk");
	cr_assert_not(palette()->open);
}

Test(palette, an_unfinished_word_chooses_and_the_next_enter_runs, .init = start)
{
	type("/foren\r");
	cr_assert_eq(typist_lines, 0);
	cr_assert_eq(palette()->chosen, 0);
	type("\r");
	cr_assert_str_eq(typist_sent[0], "/forensics");
	cr_assert_eq(typist_requests, 1);
	type("/shutdown\r"); /* nothing is like it: the answer says so */
	cr_assert_eq(typist_lines, 2);
	cr_assert_eq(typist_requests, 1);
}

Test(palette, arrows_choose_and_enter_runs_what_is_chosen, .init = start)
{
	type("/" DOWN DOWN "\r");
	cr_assert_str_eq(typist_sent[0], "/forensics");
	type("/st" UP UP UP);
	cr_assert_eq(palette()->chosen, listed("/st")->count - 3);
	type("\x1b");
	type(CTRL('U'));
	type("/cyc" DOWN "\r"); /* and a power verb asks first */
	cr_assert(typist_screen.confirm.open);
	cr_assert_eq(typist_requests, 1);
}

Test(palette, what_needs_more_is_completed_instead_of_run, .init = start)
{
	type("/not" DOWN "\r");
	cr_assert_eq(typist_lines, 0);
	cr_assert_str_eq(prompt_text(), "/note ");
	type("words\r");
	cr_assert_str_eq(typist_sent[0], "/note words");
}

Test(palette, the_history_is_not_in_its_way, .init = start)
{
	type("/status\r");
	type("hello\r");
	type(UP UP);
	cr_assert_str_eq(prompt_text(), "/status");
	cr_assert_not(palette()->open);
	type(DOWN);
	cr_assert_str_eq(prompt_text(), "hello");
}

Test(palette, tab_goes_as_far_as_all_agree_then_from_one_to_the_next, .init = start)
{
	type("/s\t"); /* nothing more in common: the first */
	cr_assert_str_eq(prompt_text(), "/status");
	type("\t\t");
	cr_assert_str_eq(prompt_text(), "/stop");
	cr_assert_eq(listed("/s")->begin > 3, true);
	type("\x7f"); /* from here on it is typed text */
	type("o");
	cr_assert_not(palette()->picks);
	cr_assert_eq(typist_lines, 0);
}

Test(palette, tab_completes_the_only_one, .init = start)
{
	tell(&typist_screen, facts_more);
	type("/foren\t");
	cr_assert_str_eq(prompt_text(), "/forensics ");
	type(CTRL('U'));
	type("/runb\t");
	cr_assert_str_eq(prompt_text(), "/runbook ");
	type("d\t");
	cr_assert_str_eq(prompt_text(), "/runbook disk");
	type("\t");
	type("\t");
	cr_assert_str_eq(prompt_text(), "/runbook disk-errors");
	type("\x1b[Z"); /* back */
	cr_assert_str_eq(prompt_text(), "/runbook disk");
	type(CTRL('_')); /* each is one step to undo */
	cr_assert_str_eq(prompt_text(), "/runbook disk-errors");
	type("\r");
	cr_assert_str_eq(typist_sent[0], "/runbook disk-errors");
}

Test(palette, in_vi_mode_esc_closes_it_first)
{
	typist_start(true, NULL);
	type("/st");
	type("\x1b");
	cr_assert_not(palette()->open);
	type("a"); /* still text */
	cr_assert_str_eq(prompt_text(), "/sta");
	type("\x1b");
	type("0x");
	cr_assert_str_eq(prompt_text(), "sta");
}

Test(palette, a_screen_without_room_has_completion_and_no_list, .init = start)
{
	palette()->room = false;
	type("/st\t");
	cr_assert_str_eq(palette()->hint, "/status /start /stop");
	type(CTRL('U'));
	type("/foren\r"); /* as ever: there is none of that name */
	cr_assert_eq(typist_lines, 1);
}

/* --- how it looks --- */

Test(view_palette, has_every_command_with_its_keys, .init = start)
{
	type("/");
	typist_expect("palette-all");
	expect_all_sizes(&typist_screen, "palette-over");
}

Test(view_palette, marks_what_is_chosen_by_a_sign, .init = start)
{
	type("/c" DOWN);
	typist_expect("palette-chosen");
}

Test(view_palette, lists_what_may_follow, .init = start)
{
	tell(&typist_screen, facts_more);
	type("/runbook ");
	typist_expect("palette-runbooks");
}

Test(view_palette, one_who_watches_sees_what_he_may_not, .init = start)
{
	tell(&typist_screen, facts_watching);
	type("/");
	expect_all_sizes(&typist_screen, "palette-watching");
}

static void
type_sample(const char *bytes, size_t len)
{
	prompt_clear();
	type("/");
	input_feed(&typist_input, "\x1b[200~", 6, 0);
	input_feed(&typist_input, bytes, len, 0);
	input_feed(&typist_input, "\x1b[201~\x1b[201~", 12, 0);
	palette()->open = true;
	typist_screen.line = prompt_text();
	typist_screen.cursor = prompt_cursor();
	cr_assert_eq(typist_lines, 0);
	typist_expect_clean(80, 24);
	typist_expect_clean(40, 15);
}

Test(view_palette, the_hostile_corpus_is_shown_clean_in_its_filter, .init = start)
{
	typist_corpus(type_sample);
}
