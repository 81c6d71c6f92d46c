/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands between a key and a mutating verb. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "console/action/action.h"
#include "console/view/confirm_text.h"
#include "console/view/confirm_why.h"
#include "pictures.h"
#include "wire/verbs.h"

/* clang-format off */
#define HUNG \
	"{\"t\":\"verdict\",\"seq\":0,\"word\":\"hung\",\"advice\":\"cycle\"," \
	"\"checked\":100000," \
	"\"why\":\"QEMU's main loop does not answer: nothing but a new QEMU helps\"," \
	"\"not\":[{\"verb\":\"reset\",\"why\":\"it goes to the QEMU that hangs, " \
	"and what it shows is lost\"}]}"
/* clang-format on */
#define STATE(status)                                                     \
	"{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"" status \
	"\",\"qmp\":\"alive\",\"checked\":100000}"

static struct screen s;
static struct action_context a;
static struct {
	int count;
	char last[256];
} sent;

static int
on_send(void *arg, struct js *request, struct err *err)
{
	struct buf b;

	buf_init(&b, sizeof sent.last - 1);
	cr_assert(js_print(request, &b) == 0);
	snprintf(sent.last, sizeof sent.last, "%s", buf_str(&b));
	sent.count++;
	buf_fini(&b);
	js_free(request);
	return 0;
}

static void
init(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	screen_init(&s);
	a = (struct action_context){.screen = &s, .send = on_send};
	sent.count = 0;
	tell(&s, facts_quiet);
}

static void
fini(void)
{
	screen_fini(&s);
}

static void
learn(const char *fact)
{
	tell_one(&s, fact);
	action_people_news(&a);
}

static void
type(const char *text)
{
	s.now += CONFIRM_DEAF_MS;
	for (; *text && s.confirm.open; text++) {
		struct input in = {
		    .kind = *text == '\r' ? INPUT_ENTER : INPUT_CHAR, .text = {*text}};

		action_confirm_key(&a, &in);
	}
}

static bool
shows(const char *what)
{
	return strstr(drawn(&s, 80, 24), what) != NULL;
}

TestSuite(confirmed, .init = init, .fini = fini);

Test(confirmed, what_the_verdict_advises_is_sent_with_its_word)
{
	learn(HUNG);
	action_line(&a, "/cycle");
	type("cycle\r");
	cr_assert_eq(sent.count, 1);
	cr_assert_str_eq(
	    sent.last, "{\"t\":\"verb\",\"verb\":\"cycle\",\"confirm\":\"cycle\"}");
}

Test(confirmed, what_it_speaks_against_is_asked_twice_with_another_word)
{
	learn(HUNG);
	action_line(&a, "/reset");
	type("reset\r");
	cr_assert_eq(sent.count, 0);
	cr_assert(s.confirm.open && s.confirm.second);
	type("reset\r");
	cr_assert(!s.confirm.open && sent.count == 0, "the same word again is a no");
	action_line(&a, "/reset");
	type("reset\r");
	type("anyway\r");
	cr_assert_eq(sent.count, 1);
	cr_assert_str_eq(
	    sent.last, "{\"t\":\"verb\",\"verb\":\"reset\",\"confirm\":\"reset\"}");
}

Test(confirmed, the_second_question_is_deaf_at_first)
{
	learn(HUNG);
	action_line(&a, "/reset");
	type("reset\r");
	cr_assert(a.opened, "what is typed ahead is dropped");
	s.now -= CONFIRM_DEAF_MS - 1;
	type("anyway\r");
	cr_assert(s.confirm.open && sent.count == 0);
	cr_assert_str_eq(s.confirm.typed, "");
}

Test(confirmed, what_cannot_work_is_asked_twice_without_a_verdict)
{
	static const struct {
		const char *fact, *verb, *word;
	} rows[] = {
	    {STATE("running"), "/start", "y"},
	    {STATE("stopped"), "/reset", "reset\r"},
	    {"{\"t\":\"state\",\"seq\":0,\"what\":\"vm\",\"status\":\"stopped\","
	     "\"startable\":\"no\",\"startable_why\":\"pool is full\",\"checked\":100000}",
		"/start", "y"},
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		learn(rows[i].fact);
		action_line(&a, rows[i].verb);
		type(rows[i].word);
		cr_assert(s.confirm.open && s.confirm.second, "%s", rows[i].verb);
		type("n");
		cr_assert(!s.confirm.open);
		cr_assert_eq(sent.count, 0);
	}
}

Test(confirmed, a_change_of_what_it_warns_of_asks_anew)
{
	static const char *const changes[] = {
	    STATE("stopped"),
	    HUNG,
	    ("{\"t\":\"state\",\"seq\":0,\"what\":\"slot\",\"holder\":\"ben\",\"verb\":\"cycle\","
	     "\"since\":100000}"),
	};

	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		fini();
		init();
		action_line(&a, "/reset");
		type("res");
		learn(changes[i]);
		cr_assert_str_eq(s.confirm.typed, "", "%s", changes[i]);
		cr_assert(s.confirm.open && s.confirm.anew[0] && shows("Read it again."));
		type("reset\r");
		cr_assert(i == 2 || s.confirm.second);
	}
}

Test(confirmed, a_change_takes_the_second_question_back_to_the_first)
{
	learn(HUNG);
	action_line(&a, "/reset");
	type("reset\r");
	type("any");
	learn(STATE("stopped"));
	cr_assert(s.confirm.open && !s.confirm.second);
	cr_assert_str_eq(s.confirm.word, "reset");
	cr_assert_eq(sent.count, 0);
}

Test(confirmed, good_news_and_more_of_the_same_do_not_disturb)
{
	fini();
	screen_init(&s);
	a = (struct action_context){.screen = &s, .send = on_send};
	s.link_up = true;
	action_line(&a, "/cycle");
	type("cyc");
	tell(&s, facts_quiet);
	action_people_news(&a);
	learn(HUNG);
	learn(STATE("running"));
	type("le\r");
	cr_assert_eq(sent.count, 1, "%s", s.confirm.anew);
}

Test(confirmed, a_verdict_that_grows_old_while_the_box_is_open_asks_anew)
{
	learn(HUNG);
	action_line(&a, "/reset");
	type("reset");
	s.now += VERDICT_FRESH_MS;
	type("\r");
	cr_assert(s.confirm.open && sent.count == 0);
	cr_assert_str_eq(s.confirm.typed, "");
}

static void
expect_sizes(const char *name)
{
	static const int sizes[][2] = {{80, 24}, {40, 15}, {20, 6}, {200, 50}};

	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		expect_picture(&s, sizes[i][0], sizes[i][1], name);
}

static const char *const facts_busy[] = {
    "{\"t\":\"welcome\",\"v\":1,\"seq\":0,\"mono_ms\":100000,\"incident\":\"2026-11-26-a\",\"you\":"
    "\"anna\"}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"here\",\"operators\":[{\"name\":\"anna\",\"driving\":true},"
    "{\"name\":\"ben\"}]}",
    "{\"t\":\"state\",\"seq\":0,\"what\":\"agent\",\"state\":\"working\",\"driver\":\"cli\"}",
    "{\"t\":\"tool\",\"seq\":1,\"mono_ms\":88000,\"id\":\"r4\",\"asked\":\"agent\",\"by\":\"agent\","
    "\"host\":\"devvm\",\"what\":\"systemctl restart docker\"}",
    NULL};

Test(confirmed, the_box_tells_who_is_here_and_what_the_agent_runs)
{
	tell(&s, facts_busy);
	learn(HUNG);
	learn("{\"t\":\"state\",\"seq\":0,\"what\":\"usual\",\"verb\":\"cycle\",\"n\":7,"
	      "\"ms\":42000}");
	action_line(&a, "/cycle");
	expect_sizes("confirm-busy");
}

Test(confirmed, the_second_question)
{
	learn(HUNG);
	action_line(&a, "/reset");
	type("reset\r");
	expect_sizes("again");
}

Test(confirmed, asked_anew)
{
	action_line(&a, "/cycle");
	type("cyc");
	learn(
	    "{\"t\":\"state\",\"seq\":0,\"what\":\"slot\",\"holder\":\"ben\",\"verb\":\"reset\","
	    "\"since\":98000}");
	expect_sizes("anew");
}

Test(confirmed, without_keys_nothing_names_an_f_key)
{
	struct lines l;

	learn(HUNG);
	for (int verb = VERB_START; verb < VERBS; verb++) {
		struct confirm k;

		confirm_open_verb(&k, verb, 0);
		lines_init(&l, 400);
		confirm_text(&l, &k, &s.model, 100000, 0);
		for (size_t i = 0; i < l.count; i++)
			for (uint32_t at = 0; at + 1 < l.line[i].len; at++)
				cr_assert(l.line[i].text[at] != 'F' ||
					l.line[i].text[at + 1] < '0' ||
					l.line[i].text[at + 1] > '9',
				    "%.*s", (int)l.line[i].len, l.line[i].text);
		lines_fini(&l);
	}
}
