/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is seen of the agent beside its words: who answers, what it asks, what it leaves.
 */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "console/action/action.h"
#include "console/view/view_ask.h"
#include "console/view/view_banner.h"
#include "pictures.h"

#define ASK                                                                     \
	"\"id\":\"q3\",\"kind\":\"devvm\",\"by\":\"agent\",\"host\":\"devvm\"," \
	"\"text\":\"the autonomy is observe: this changes the devvm\","         \
	"\"command\":\"sudo systemctl restart app.service\",\"ms\":110000"

static const char *const facts_ask[] = {
    "{\"t\":\"ask\",\"seq\":1,\"at\":\"2026-11-27T03:12:07.000Z\",\"mono_ms\":90000," ASK
    "}",
    NULL};

static const char *const facts_ask_verb[] = {
    "{\"t\":\"ask\",\"seq\":1,\"at\":\"2026-11-27T03:12:07.000Z\",\"mono_ms\":90000,\"id\":\"q4\",\"kind\":\"verb\","
    "\"by\":\"agent\",\"verb\":\"cycle\",\"text\":\"3 mutating verbs in the last hour are the most the agent may send\",\"ms\":110000}",
    NULL};

static const char *const facts_answered[] = {
    "{\"t\":\"answered\",\"seq\":2,\"at\":\"2026-11-27T03:12:11.000Z\",\"mono_ms\":94000,\"id\":\"q3\",\"yes\":true,\"by\":\"ana\"}",
    NULL};

static const char *const facts_left[] = {
    "{\"t\":\"cancelled\",\"seq\":1,\"at\":\"2026-11-27T03:12:07.000Z\",\"turn\":2,\"by\":\"ana\",\"text\":\"an operator stopped the turn\",\"runs\":[]}",
    "{\"t\":\"state\",\"seq\":2,\"what\":\"left\",\"runs\":["
    "{\"id\":\"r12\",\"host\":\"devvm\",\"what\":\"sleep 300\",\"state\":\"running\"},"
    "{\"id\":\"r13\",\"host\":\"devvm\",\"what\":\"make -j8\",\"state\":\"unknown\"},"
    "{\"id\":\"r14\",\"host\":\"pve\",\"what\":\"cycle\",\"state\":\"running\",\"verb\":true}]}",
    NULL};

static const char *const facts_nothing_left[] = {
    "{\"t\":\"state\",\"seq\":3,\"what\":\"left\",\"runs\":[]}", NULL};

static const char *const facts_away[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"working\",\"driver\":\"api\",\"endpoint\":\"lan\",\"model\":\"qwen3\","
    "\"route\":\"vendor: nobody listens\",\"back\":\"vendor is tried again before each turn\",\"turn\":1,"
    "\"progress\":\"thinking, 1240 tokens\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"budget\",\"in\":120000,\"out\":3400,\"cost_usd\":0.31,\"cost_max_usd\":50,\"turns\":2,"
    "\"turn_calls\":12,\"turn_calls_max\":200,\"turn_tokens\":34000,\"turn_tokens_max\":2000000,\"turn_ms_max\":1800000,"
    "\"verbs_hour\":1,\"verbs_hour_max\":3}",
    NULL};

static const char *const facts_runbooks[] = {
    "{\"t\":\"state\",\"seq\":0,\"what\":\"runbooks\",\"runbooks\":["
    "{\"name\":\"triage\",\"title\":\"Triage\",\"description\":\"what is wrong, in one look\"},"
    "{\"name\":\"disk\",\"title\":\"Disk\",\"description\":\"what fills it\"}],"
    "\"bad\":[{\"file\":\"nfs.md\",\"line\":12,\"why\":\"the pattern has no end\"}]}",
    NULL};

static const char *const facts_engine_run[] = {
    "{\"t\":\"tool\",\"seq\":1,\"id\":\"r1\",\"asked\":\"engine\",\"by\":\"engine\",\"host\":\"devvm\",\"what\":\": what of the agent is alive;s='T=$1'\"}",
    "{\"t\":\"result\",\"seq\":2,\"turn\":1,\"stop\":\"end_turn\",\"ms\":1200,\"endpoint\":\"lan\"}",
    NULL};

static struct screen s;
static struct action_context ctx;
static char sent[4][512];
static int sends;

static int
on_send(void *arg, struct js *m, struct err *err)
{
	struct buf b;

	buf_init(&b, sizeof sent[0]);
	cr_assert_eq(js_print(m, &b), 0);
	cr_assert_lt(sends, 4);
	snprintf(sent[sends++], sizeof sent[0], "%s", buf_str(&b));
	buf_fini(&b);
	js_free(m);
	return 0;
}

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	tell(&s, facts_quiet);
	sends = 0;
	ctx = (struct action_context){.screen = &s, .send = on_send};
}

static void
fini(void)
{
	screen_fini(&s);
}

TestSuite(agent, .init = init, .fini = fini);

static void
press(const char *key)
{
	struct input in = {.kind = INPUT_CHAR};

	snprintf(in.text, sizeof in.text, "%s", key);
	if (strcmp(key, "Esc") == 0)
		in.kind = INPUT_ESC;
	if (strcmp(key, "Enter") == 0)
		in.kind = INPUT_ENTER;
	action_ask_key(&ctx, &in);
}

Test(agent, a_question_is_a_banner_that_names_the_key)
{
	tell(&s, facts_ask);
	expect_pictures(&s, "ask-banner");
}

Test(agent, the_box_shows_the_exact_command_and_what_no_answer_means)
{
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "");
	cr_assert(s.ask.open);
	expect_pictures(&s, "ask-box");
}

Test(agent, a_power_verb_that_is_asked_for_says_what_it_does)
{
	tell(&s, facts_ask_verb);
	action_run(&ctx, ACTION_ANSWER, "");
	expect_pictures(&s, "ask-verb");
}

Test(agent, enter_on_an_empty_prompt_opens_the_box_and_answers_nothing)
{
	tell(&s, facts_ask);
	action_line(&ctx, "");
	cr_assert(s.ask.open);
	s.now += 1000;
	press("Enter");
	press("x");
	cr_assert(s.ask.open, "no other key does anything");
	cr_assert_eq(sends, 0);
}

Test(agent, without_a_question_an_empty_line_does_nothing)
{
	action_line(&ctx, "");
	cr_assert_not(s.ask.open);
	cr_assert_eq(sends, 0);
}

Test(agent, y_and_n_are_sent_with_the_question_that_was_shown)
{
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "");
	press("y");
	cr_assert_eq(sends, 0, "the first 300 ms are deaf");
	s.now += 1000;
	press("y");
	cr_assert_eq(sends, 1);
	cr_assert_str_eq(sent[0], "{\"t\":\"answer\",\"id\":\"q3\",\"yes\":true}");
	cr_assert_not(s.ask.open);
	action_run(&ctx, ACTION_ANSWER, "n");
	cr_assert_str_eq(sent[1], "{\"t\":\"answer\",\"id\":\"q3\",\"yes\":false}");
}

Test(agent, the_capital_of_a_phone_answers_too)
{
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "");
	s.now += 1000;
	press("N");
	cr_assert_eq(sends, 1);
	cr_assert_str_eq(sent[0], "{\"t\":\"answer\",\"id\":\"q3\",\"yes\":false}");
	cr_assert_not(s.ask.open);
}

Test(agent, esc_leaves_the_question_open)
{
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "");
	s.now += 1000;
	press("Esc");
	cr_assert_not(s.ask.open);
	cr_assert_eq(sends, 0);
	cr_assert_not_null(asks_open(&s.model.asks, 100000));
}

Test(agent, an_answer_of_somebody_else_closes_the_box_and_stays_in_the_chat)
{
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "");
	tell(&s, facts_answered);
	expect_all_sizes(&s, "ask-answered");
	cr_assert_not(s.ask.open);
	cr_assert_null(asks_open(&s.model.asks, 95000));
}

Test(agent, a_question_past_its_time_is_not_shown)
{
	tell(&s, facts_ask);
	cr_assert_not_null(asks_open(&s.model.asks, 199999));
	cr_assert_null(asks_open(&s.model.asks, 200000));
}

Test(agent, a_console_that_only_watches_answers_nothing)
{
	s.read_only = true;
	tell(&s, facts_ask);
	action_run(&ctx, ACTION_ANSWER, "y");
	cr_assert_eq(sends, 0);
}

Test(agent, a_long_command_loses_its_middle_and_says_so)
{
	char *fact = mem_printf(
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q5\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"begin %3000s rm -rf /srv\",\"ms\":110000}",
	    "x");
	const char *const facts[] = {fact, NULL};

	tell(&s, facts);
	action_run(&ctx, ACTION_ANSWER, "");
	expect_all_sizes(&s, "ask-long");
	free(fact);
}

/* Rendered for so many rows, as one text. */
static const char *
box_text(int rows)
{
	static char text[16 * 1024];
	struct lines l;
	size_t n = 0;

	lines_init(&l, 60);
	view_ask_render(&l, asks_by_id(&s.model.asks, "q5"), 100000, rows);
	for (size_t i = 0; i < l.count; i++)
		n += (size_t)snprintf(text + n, sizeof text - n, "%.*s\n",
		    (int)l.line[i].len, l.line[i].text);
	lines_fini(&l);
	return text;
}

Test(agent, a_script_on_standard_input_is_read_with_its_command)
{
	char *fact = mem_printf(
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q5\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"sh -s\",\"stdin\":true,"
	    "\"input\":\"begin %2000s rm -rf /srv\",\"ms\":110000}",
	    "x");
	const char *const facts[] = {fact, NULL};
	struct item *chat;

	tell(&s, facts);
	cr_assert_not_null(
	    strstr(box_text(0), "sh -s\nwith this on its standard input:"));
	cr_assert_not_null(strstr(box_text(0), "rm -rf /srv"));
	cr_assert_not_null(strstr(box_text(12), "bytes in all, the chat shows them"));
	cr_assert_not_null(strstr(box_text(12), "rm -rf /srv"), "its end stays");
	chat = transcript_at(&s.model.chat, s.model.chat.count - 1);
	cr_assert_not_null(
	    strstr(buf_str(&chat->text), "devvm: sh -s\nstandard input:\nbegin"));
	cr_assert_not_null(strstr(buf_str(&chat->text), "rm -rf /srv"));
	free(fact);
}

Test(agent, a_standard_input_that_is_empty_is_said)
{
	static const char *const facts[] = {
	    "{\"t\":\"ask\",\"seq\":1,\"mono_ms\":90000,\"id\":\"q5\",\"host\":\"devvm\","
	    "\"text\":\"observe\",\"command\":\"cat\",\"stdin\":true,\"ms\":110000}",
	    NULL};

	tell(&s, facts);
	cr_assert_not_null(
	    strstr(box_text(0), "cat\nwith a standard input that is empty"));
}

Test(agent, what_a_stopped_turn_leaves_is_listed_with_what_ends_it)
{
	tell(&s, facts_left);
	expect_pictures(&s, "left");
	tell(&s, facts_nothing_left);
	expect_all_sizes(&s, "left-nothing");
}

Test(agent, another_endpoint_is_shown_with_its_reason_and_the_way_back)
{
	tell(&s, facts_away);
	expect_pictures(&s, "route");
}

Test(agent, alone_the_command_says_who_answers_and_what_is_used)
{
	tell(&s, facts_away);
	action_line(&ctx, "/agent");
	cr_assert_eq(sends, 0);
	cr_assert_eq(s.model.chat.count, 3);
	cr_assert_str_eq(buf_str(&transcript_at(&s.model.chat, 1)->text),
	    "This turn: 12 of 200 tool calls, 34000 of 2000000 tokens, at most 30 min. "
	    "The incident: $0.31 of $50.00. Mutating verbs in the last hour: 1 of 3.");
}

Test(agent, runbooks_are_listed_with_those_that_are_refused)
{
	tell(&s, facts_runbooks);
	action_line(&ctx, "/runbook");
	expect_all_sizes(&s, "runbooks");
	cr_assert_eq(sends, 0);
}

Test(agent, presets_and_runbooks_are_requests)
{
	action_line(&ctx, "/triage");
	action_line(&ctx, "/offline disk");
	action_line(&ctx, "/agent api lan");
	action_line(&ctx, "/agent cli");
	cr_assert_str_eq(sent[0], "{\"t\":\"runbook\",\"name\":\"triage\"}");
	cr_assert_str_eq(
	    sent[1], "{\"t\":\"runbook\",\"name\":\"disk\",\"offline\":true}");
	cr_assert_str_eq(
	    sent[2], "{\"t\":\"agent\",\"driver\":\"api\",\"endpoint\":\"lan\"}");
	cr_assert_str_eq(sent[3], "{\"t\":\"agent\",\"driver\":\"cli\"}");
}

Test(agent, one_key_lowers_what_it_may_do_by_one_level)
{
	snprintf(s.model.vm.autonomy, sizeof s.model.vm.autonomy, "autonomous");
	action_run(&ctx, ACTION_LOWER, "");
	snprintf(s.model.vm.autonomy, sizeof s.model.vm.autonomy, "repair");
	action_run(&ctx, ACTION_LOWER, "");
	snprintf(s.model.vm.autonomy, sizeof s.model.vm.autonomy, "observe");
	action_run(&ctx, ACTION_LOWER, "");
	cr_assert_eq(sends, 2);
	cr_assert_str_eq(sent[0], "{\"t\":\"autonomy\",\"level\":\"repair\"}");
	cr_assert_str_eq(sent[1], "{\"t\":\"autonomy\",\"level\":\"observe\"}");
}

Test(agent, one_key_pulls_the_kill_switch_and_words_alone_lift_it)
{
	struct input key = {.kind = INPUT_CTRL, .n = '\\'};
	const char *args = "";

	cr_assert_eq(keymap_key(&key), ACTION_KILL);
	action_run(&ctx, ACTION_KILL, "");
	cr_assert_eq(keymap_slash("/kill off", &args), ACTION_KILL);
	action_run(&ctx, ACTION_KILL, args);
	action_run(&ctx, ACTION_KILL, "of");
	cr_assert_eq(sends, 2);
	cr_assert_str_eq(sent[0], "{\"t\":\"kill\",\"on\":true}");
	cr_assert_str_eq(sent[1], "{\"t\":\"kill\",\"on\":false}");
}

Test(agent, what_the_engine_asks_for_itself_is_in_the_tool_pane_alone_and_in_words)
{
	tell(&s, facts_engine_run);
	cr_assert_eq(s.model.chat.count, 1);
	cr_assert_str_eq(
	    buf_str(&transcript_at(&s.model.chat, 0)->text), "done in 1.2 s, by lan");
	cr_assert_str_eq(s.model.tools.runs[0]->what, "what of the agent is alive");
}
