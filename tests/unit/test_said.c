/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Line by line: what is said, that it is all of it, and what a line answers. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "console/action/run_text.h"
#include "console/linear/linear_int.h"
#include "pictures.h"

static struct linear n;
static struct js *asked;
static int sends;
static FILE *terminal;
static char *heard_text;
static size_t heard_len;

static int
on_send(void *arg, struct js *request, struct err *err)
{
	js_free(asked);
	asked = request;
	sends++;
	return 0;
}

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&n.screen);
	n.screen.linear = true;
	n.ctx = (struct action_context){
	    .screen = &n.screen, .send = on_send, .clip = &n.clip};
	clip_init(&n.clip, "print", NULL);
	tell(&n.screen, facts_quiet);
	terminal = stdout;
	stdout = open_memstream(&heard_text, &heard_len);
	said_news(&n.said, &n.screen);
}

static void
fini(void)
{
	fclose(stdout);
	stdout = terminal;
	free(heard_text);
	js_free(asked);
	clip_fini(&n.clip);
	screen_fini(&n.screen);
}

/* All that was said since the last call; lent until the next. */
static const char *
heard(void)
{
	static char *last;

	fflush(stdout);
	free(last);
	last = mem_printf("%s", heard_text);
	fclose(stdout);
	free(heard_text);
	stdout = open_memstream(&heard_text, &heard_len);
	return last;
}

static void
comes(const char *fact)
{
	tell_one(&n.screen, fact);
	n.screen.now = clock_mono_ms(); /* a line that comes has the clock's time */
	n.screen.model.skew = 95000 - n.screen.now;
	linear_news(&n);
}

static const char *
news(void)
{
	said_news(&n.said, &n.screen);
	return heard();
}

static void
expect_said(const char *all, const char *words)
{
	cr_assert_not_null(strstr(all, words), "not said: %s\nbut:\n%s", words, all);
}

static void
expect_unsaid(const char *all, const char *words)
{
	cr_assert_null(strstr(all, words), "said: %s\nin:\n%s", words, all);
}

TestSuite(said, .init = init, .fini = fini);

Test(said, a_line_of_any_length_is_said_to_its_end)
{
	char line[1901] = "", *fact;

	for (size_t i = 0; i < 1900; i++)
		line[i] = i % 7 == 6 || (i > 500 && i < 520) ? ' ' : (char)('a' + i % 26);
	comes(
	    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":\"devvm\",\"what\":\"df\"}");
	fact = mem_printf("{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\","
			  "\"off\":0,\"data\":\"%s\\n\"}",
	    line);
	comes(fact);
	free(fact);
	fact = mem_printf("[r1] %s\n", line);
	expect_said(news(), fact);
	free(fact);
}

Test(said, a_line_longer_than_a_piece_is_one_line)
{
	char line[10001] = "", *expected;

	for (size_t i = 0; i < 10000; i += 2) /* cut between the bytes of none */
		memcpy(line + i, i % 26 == 4 ? "  " : i % 26 == 8 ? "ab" : "ä", 2);
	line[9999] = line[9998] = 'z';
	heard();
	said_line("> ", line, 10000);
	expected = mem_printf("> %s\n", line);
	cr_assert_str_eq(heard(), expected);
	free(expected);
}

Test(said, stages_that_come_together_have_a_line_each)
{
	const char *all;

	comes(
	    "{\"t\":\"verb\",\"seq\":1,\"at\":\"2026-11-27T03:12:07.000Z\",\"id\":\"v1\","
	    "\"verb\":\"cycle\",\"state\":\"sent\"}");
	news();
	comes(
	    "{\"t\":\"verb\",\"seq\":2,\"at\":\"2026-11-27T03:12:08.000Z\",\"id\":\"v1\","
	    "\"verb\":\"cycle\",\"state\":\"stage\",\"stage\":\"stopping\"}");
	comes(
	    "{\"t\":\"verb\",\"seq\":3,\"at\":\"2026-11-27T03:12:09.000Z\",\"id\":\"v1\","
	    "\"verb\":\"cycle\",\"state\":\"stage\",\"stage\":\"starting\"}");
	all = news();
	expect_said(all, "  03:12:08  stopping\n  03:12:09  starting\n");
	expect_unsaid(all, "?");
}

Test(said, a_prompt_that_was_taken_back_is_said)
{
	comes(
	    "{\"t\":\"prompt\",\"seq\":1,\"turn\":2,\"by\":\"ben\",\"state\":\"queued\","
	    "\"text\":\"is cron alive?\"}");
	expect_said(news(), "ben> is cron alive?  (queued");
	comes("{\"t\":\"cancelled\",\"seq\":2,\"turn\":2,\"by\":\"anna\"}");
	expect_said(news(), "ben> is cron alive?  (taken back by anna, nobody saw it)\n");
	cr_assert_str_empty(news(), "once");
}

/* "|" for "│" makes another command of it; our own frames are no words. */
Test(said, frames_are_ours_and_commands_stay_as_they_are)
{
	const char *all;

	comes(
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q1\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"echo a │ sh\",\"ms\":110000}");
	linear_line(&n, "/answer");
	expect_said(heard(), "echo a │ sh\n");
	comes(
	    "{\"t\":\"text\",\"seq\":2,\"turn\":1,\"block\":0,\"text\":"
	    "\"| a | b |\\n|---|---|\\n| c | d |\\n\\n> quote\\n\\n```\\n───\\n```\\n\"}");
	all = news();
	expect_said(all, "a | b\nc | d\n| quote\n");
	expect_said(all, "\n───\n");
}

Test(said, a_question_that_is_over_closes_and_takes_no_line)
{
	const char *all;

	comes(
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q1\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"reboot\",\"ms\":110000}");
	linear_line(&n, "/answer");
	cr_assert(n.screen.ask.open);
	linear_offer(&n);
	expect_unsaid(heard(), "Choose:");
	comes(
	    "{\"t\":\"answered\",\"seq\":2,\"mono_ms\":94000,\"id\":\"q1\",\"yes\":false,"
	    "\"by\":\"ben\"}");
	linear_offer(&n);
	all = heard();
	expect_said(all, "That question is over");
	expect_said(all, "Choose: ");
	n.over_ms = n.screen.now = clock_mono_ms();
	linear_line(&n, "Y");
	expect_said(heard(), "Too late: the question was over. Nothing was sent.");
	cr_assert_eq(sends, 0);
	linear_line(&n, "look at the disk");
	cr_assert_eq(sends, 1);
	cr_assert(js_is(asked, "t", "prompt"));
}

Test(said, a_capital_answers_too)
{
	comes(
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q1\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"reboot\",\"ms\":110000}");
	linear_line(&n, "/answer");
	linear_line(&n, "Y");
	cr_assert_eq(sends, 1);
	cr_assert(js_is(asked, "t", "answer"));
	cr_assert(js_bool(asked, "yes", false));
	linear_line(&n, "/answer N");
	cr_assert_eq(sends, 2);
	cr_assert_not(js_bool(asked, "yes", true));
	linear_line(&n, "/answer Yo");
	cr_assert_eq(sends, 2);
}

/* --- /view --- */

static void
tell_run(int64_t cut)
{
	char *fact;

	comes("{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"agent\",\"host\":"
	      "\"devvm\",\"what\":\"df\"}");
	comes("{\"t\":\"output\",\"seq\":2,\"id\":\"r1\",\"stream\":\"out\",\"off\":0,"
	      "\"data\":\"first\\n\"}");
	fact =
	    mem_printf("{\"t\":\"tool_end\",\"seq\":3,\"id\":\"r1\",\"exit\":0,\"ms\":10,"
		       "\"out\":%lld,\"err\":0}",
		(long long)(6 + cut));
	comes(fact);
	free(fact);
	news();
}

static void
answer_fetch(const char *rest)
{
	char *text = mem_printf(
	    "{\"t\":%s,\"id\":\"r1\",\"req\":\"%s\"}", rest, js_str(asked, "req"));
	struct err err = {0};
	struct js *f = js_parse(text, strlen(text), &err);

	cr_assert_not_null(f, "%s: %s", err.words, text);
	cr_assert(run_text_fact(&n.ctx, f));
	linear_say_text(&n);
	js_free(f);
	free(text);
}

Test(said, a_run_that_is_here_is_read_from_here)
{
	tell_run(0);
	linear_line(&n, "/view r1");
	cr_assert_str_eq(heard(), "[r1] first\n[r1] That was all of it.\n");
	cr_assert_eq(sends, 0);
}

Test(said, what_is_not_here_is_read_from_the_journal)
{
	const char *all;

	tell_run(7);
	linear_line(&n, "/view r1");
	cr_assert_eq(sends, 1);
	cr_assert(js_is(asked, "t", "fetch"));
	expect_said(heard(), "[r1] All of it is read from the journal.");
	answer_fetch("\"output\",\"stream\":\"out\",\"off\":0,\"len\":13,"
		     "\"data\":\"first\\nsecond\\n\"");
	answer_fetch("\"fetched\",\"more\":false,\"next\":9");
	all = heard();
	expect_said(all, "\nfirst\nsecond\nThat was all that there is of run r1\n");
	cr_assert_null(n.screen.run_text);
}

Test(said, without_an_engine_no_more_is_promised_than_there_is)
{
	const char *all;

	tell_run(7);
	n.screen.link_up = false;
	linear_line(&n, "/view r1");
	all = heard();
	expect_said(
	    all, "[r1] That was all that is kept here; \"breakglass journal\" has");
	expect_unsaid(all, "all of it");
}
