/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/api/api_transcript.h"
#include "engine/api/jraw.h"

#define THINKS "{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"S\"}"
#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define TOOL(id)                                               \
	"{\"type\":\"tool_use\",\"id\":\"" id                  \
	"\",\"name\":\"Bash\",\"input\":{\"a\":1},\"caller\":" \
	"{\"type\":\"direct\"}}"
#define PLAIN_TOOL(id) \
	"{\"type\":\"tool_use\",\"id\":\"" id "\",\"name\":\"Bash\",\"input\":{\"a\":1}}"
#define RESULT(id, t) \
	"{\"type\":\"tool_result\",\"tool_use_id\":\"" id "\",\"content\":\"" t "\"}"
#define USER(b) "{\"role\":\"user\",\"content\":[" b "]}"
#define ASSISTANT(b) "{\"role\":\"assistant\",\"content\":[" b "]}"
#define SYSTEM(t) "{\"role\":\"system\",\"content\":\"" t "\"}"

static const struct api_body vendor = {.profile = API_VENDOR,
    .endpoint = "vendor",
    .model = "claude-opus-5-5",
    .effort = "high",
    .system = "You \"help\".",
    .tools = "[{\"name\":\"Bash\"}]",
    .thinking = true,
    .fallbacks = true,
    .stream = true};
static const struct api_body lan = {.profile = API_PORTABLE,
    .endpoint = "lan",
    .model = "some-model",
    .effort = "high",
    .system = "You \"help\".",
    .tools = "[{\"name\":\"Bash\"}]",
    .thinking = true,
    .fallbacks = true,
    .no_parallel = true,
    .stream = true};

static char *
joined(struct api_transcript *t, const struct api_body *how)
{
	const struct http_piece *pieces;
	struct jraw v;
	struct err e = {0};
	struct buf b;
	size_t n;

	buf_init(&b, 1 << 26);
	cr_assert_eq(api_transcript_body(t, how, &pieces, &n, &e), 0, "%s", e.words);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(buf_add(&b, pieces[i].data, pieces[i].len), 0);
	cr_assert_eq(jraw_check(b.data, b.len, &v, &e), 0, "%s: %s", e.words, b.data);
	return b.data;
}

static void
expect(struct api_transcript *t, const struct api_body *how, const char *want)
{
	char *body = joined(t, how), *messages = strstr(body, "\"messages\":[");

	cr_assert(messages != NULL);
	messages += strlen("\"messages\":[");
	messages[strlen(messages) - 2] = '\0';
	cr_assert_str_eq(messages, want);
	free(body);
}

static void
prompt(struct api_transcript *t, const char *text)
{
	api_transcript_prompt(t, text, strlen(text));
}

static bool
says(struct api_transcript *t, enum api_stop stop, const char *blocks,
    const char *endpoint)
{
	char content[4096];
	struct api_message m = {.stop = stop, .content = content};

	snprintf(content, sizeof content, "[%s]", blocks);
	m.content_len = strlen(content);
	return api_transcript_assistant(t, &m, endpoint);
}

static void
result(struct api_transcript *t, const char *call, const char *text)
{
	struct api_result r = {call, text, strlen(text), false};

	api_transcript_results(t, &r, 1);
}

/* ---- the head ---- */

static void
expect_head(const struct api_body *how, const char *want, const char *betas)
{
	struct api_transcript *t = api_transcript_new();
	char *body, beta[256];

	prompt(t, "x");
	body = joined(t, how);
	*strstr(body, "\"messages\":[") = '\0';
	cr_assert_str_eq(body, want);
	cr_assert_str_eq(api_body_betas(how, beta, sizeof beta), betas);
	free(body);
	api_transcript_free(t);
}

Test(api_transcript, asks_the_vendor_for_all_that_the_model_has)
{
	expect_head(&vendor,
	    "{\"model\":\"claude-opus-5-5\",\"max_tokens\":64000,\"stream\":true,\"system\":[{"
	    "\"type\":\"text\",\"text\":\"You \\\"help\\\".\",\"cache_control\":{\"type\":"
	    "\"ephemeral\",\"ttl\":\"1h\"}}],\"tools\":[{\"name\":\"Bash\"}],\"thinking\":{"
	    "\"type\":\"adaptive\",\"display\":\"updates\"},\"output_config\":{\"effort\":"
	    "\"high\"},\"fallbacks\":\"default\",\"cache_control\":{\"type\":\"ephemeral\","
	    "\"ttl\":\"1h\"},",
	    "thinking-display-updates-2026-08-18,thinking-token-count-2026-05-13,"
	    "server-side-fallback-2026-07-01");
}

Test(api_transcript, asks_another_server_only_for_what_all_of_them_know)
{
	expect_head(&lan,
	    "{\"model\":\"some-model\",\"max_tokens\":4096,\"stream\":true,\"system\":"
	    "\"You \\\"help\\\".\",\"tools\":[{\"name\":\"Bash\"}],",
	    "");
}

Test(api_transcript, leaves_out_what_a_model_would_refuse)
{
	struct api_body how = vendor;

	how.system = how.tools = NULL;
	how.max_tokens = 100000;
	how.model = "claude-haiku-4-5-20251001";
	expect_head(&how,
	    "{\"model\":\"claude-haiku-4-5-20251001\",\"max_tokens\":64000,\"stream\":true,"
	    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"},",
	    "");
	how.model = "claude-sonnet-4-6";
	how.effort = "xhigh";
	expect_head(&how,
	    "{\"model\":\"claude-sonnet-4-6\",\"max_tokens\":100000,\"stream\":true,"
	    "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":\"high\"},"
	    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"},",
	    "");
	how.model = "claude-haiku-5-5";
	how.thinking = false;
	how.effort = NULL;
	expect_head(&how,
	    "{\"model\":\"claude-haiku-5-5\",\"max_tokens\":100000,\"stream\":true,"
	    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"},",
	    "");
	how = vendor;
	how.no_betas = how.no_parallel = true;
	how.stream = false;
	how.max_tokens = 1000;
	expect_head(&how,
	    "{\"model\":\"claude-opus-5-5\",\"max_tokens\":1000,\"stream\":false,\"system\":[{"
	    "\"type\":\"text\",\"text\":\"You \\\"help\\\".\",\"cache_control\":{\"type\":"
	    "\"ephemeral\",\"ttl\":\"1h\"}}],\"tools\":[{\"name\":\"Bash\"}],\"tool_choice\":{"
	    "\"type\":\"auto\",\"disable_parallel_tool_use\":true},\"thinking\":{\"type\":"
	    "\"adaptive\",\"display\":\"summarized\"},\"output_config\":{\"effort\":\"high\"},"
	    "\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"},",
	    "");
}

/* ---- the messages ---- */

Test(api_transcript, answers_every_call_in_one_message_results_first)
{
	struct api_transcript *t = api_transcript_new();
	struct api_result r[] = {{"t2", "two", 3, true}, {"other", "x", 1, false}};
	const char *const *ids;

	prompt(t, "go");
	cr_assert(says(t, API_TOOL_USE, THINKS "," TOOL("t1") "," TOOL("t2"), "vendor"));
	cr_assert_eq(api_transcript_open_calls(t, &ids), 2);
	cr_assert_str_eq(ids[0], "t1");
	api_transcript_results(t, r, 2);
	cr_assert_eq(api_transcript_open_calls(t, &ids), 0);
	prompt(t, "and?");
	expect(t, &vendor,
	    USER(TEXT("go")) "," ASSISTANT(THINKS "," TOOL("t1") "," TOOL("t2")) "," USER(
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"Not executed: "
		"the turn ended before this call could run.\",\"is_error\":true},"
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t2\",\"content\":\"two\","
		"\"is_error\":true}," TEXT("and?")));
	api_transcript_free(t);
}

Test(api_transcript, gives_a_call_whose_id_is_used_already_another_one)
{
	struct api_transcript *t = api_transcript_new();
	const char *const *ids;

	prompt(t, "go");
	for (int i = 0; i < 2; i++) {
		cr_assert(says(t, API_TOOL_USE, TOOL("call_0"), i ? "vendor" : "lan"));
		cr_assert_eq(api_transcript_open_calls(t, &ids), 1);
		cr_assert_str_eq(ids[0], "call_0", "whoever ran it knows it by this");
		result(t, "call_0", "r");
	}
	expect(t, &vendor,
	    USER(TEXT("go")) "," ASSISTANT(PLAIN_TOOL("call_0")) "," USER(RESULT("call_0",
		"r")) "," ASSISTANT(TOOL("call_0_1")) "," USER(RESULT("call_0_1", "r")));
	expect(t, &lan,
	    USER(TEXT("go")) "," ASSISTANT(TOOL("call_0")) "," USER(RESULT("call_0",
		"r")) "," ASSISTANT(PLAIN_TOOL("call_0_1")) "," USER(RESULT("call_0_1",
		"r")));
	api_transcript_free(t);
}

Test(api_transcript, answers_calls_that_a_prompt_overtakes)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "go");
	cr_assert(says(t, API_TOOL_USE, TOOL("t1"), "vendor"));
	prompt(t, "stop");
	expect(t, &vendor,
	    USER(TEXT("go")) "," ASSISTANT(TOOL("t1")) "," USER(
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":\"Not executed: "
		"the turn ended before this call could run.\",\"is_error\":true}," TEXT(
		    "stop")));
	api_transcript_free(t);
}

Test(api_transcript, leaves_out_calls_of_a_turn_that_was_cut)
{
	static const enum api_stop cuts[] = {API_MAX_TOKENS, API_CONTEXT_FULL,
	    API_STOP_NONE, API_STOP_OTHER, API_END_TURN};

	for (size_t i = 0; i < 5; i++) {
		struct api_transcript *t = api_transcript_new();

		prompt(t, "go");
		cr_assert(says(t, cuts[i], TEXT("so") "," TOOL("t1"), "vendor"));
		cr_assert_eq(api_transcript_open_calls(t, NULL), 0);
		prompt(t, "on");
		expect(t, &vendor,
		    USER(TEXT("go")) "," ASSISTANT(TEXT("so")) "," USER(TEXT("on")));
		api_transcript_free(t);
	}
}

Test(api_transcript, never_ends_a_message_in_thinking_nor_keeps_thinking_that_was_cut)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	cr_assert(says(t, API_MAX_TOKENS,
	    THINKS ",{\"type\":\"thinking\",\"thinking\":\"cu\",\"signature\":\"\"}",
	    "vendor"));
	prompt(t, "b");
	cr_assert(says(t, API_END_TURN, "", "vendor"));
	prompt(t, "c");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(THINKS "," TEXT("(no text)")) "," USER(
		TEXT("b")) "," ASSISTANT(TEXT("(no text)")) "," USER(TEXT("c")));
	api_transcript_free(t);
}

Test(api_transcript, does_not_store_a_refusal_and_takes_the_prompt_back)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	expect(t, &vendor, USER(TEXT("a")));
	cr_assert_not(says(t, API_REFUSAL, TEXT("I will") "," TOOL("t1"), "vendor"));
	cr_assert(api_transcript_undo_prompt(t));
	cr_assert_not(api_transcript_undo_prompt(t));
	prompt(t, "b");
	expect(t, &vendor, USER(TEXT("b")));
	api_transcript_free(t);
}

Test(api_transcript, keeps_roles_alternating_when_nobody_answered)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	prompt(t, "b");
	expect(t, &vendor, USER(TEXT("a") "," TEXT("b")));
	prompt(t, "c");
	expect(t, &vendor,
	    USER(TEXT("a") "," TEXT("b")) "," ASSISTANT(TEXT("(no text)")) "," USER(
		TEXT("c")));
	cr_assert(says(t, API_TOOL_USE, TOOL("t1"), "vendor"));
	result(t, "t1", "r");
	expect(t, &vendor,
	    USER(TEXT("a") "," TEXT("b")) "," ASSISTANT(TEXT("(no text)")) "," USER(
		TEXT("c")) "," ASSISTANT(TOOL("t1")) "," USER(RESULT("t1", "r")));
	cr_assert_not(api_transcript_undo_prompt(t), "results are never taken back");
	prompt(t, "d");
	expect(t, &vendor,
	    USER(TEXT("a") "," TEXT("b")) "," ASSISTANT(TEXT("(no text)")) "," USER(
		TEXT("c")) "," ASSISTANT(TOOL("t1")) "," USER(RESULT("t1",
		"r")) "," ASSISTANT(TEXT("(no text)")) "," USER(TEXT("d")));
	api_transcript_free(t);
}

Test(api_transcript, refuses_to_ask_when_there_is_nothing_to_answer)
{
	struct api_transcript *t = api_transcript_new();
	const struct http_piece *pieces;
	struct err e = {0};
	size_t n;

	cr_assert_eq(api_transcript_body(t, &vendor, &pieces, &n, &e), -1);
	cr_assert_not(says(t, API_END_TURN, TEXT("x"), "vendor"));
	result(t, "t1", "r");
	cr_assert_eq(api_transcript_messages(t), 0);
	prompt(t, "a");
	cr_assert(says(t, API_TOOL_USE, TOOL("t1"), "vendor"));
	cr_assert_eq(api_transcript_body(t, &vendor, &pieces, &n, &e), -1);
	result(t, "t1", "r");
	cr_assert(says(t, API_END_TURN, TEXT("x"), "vendor"));
	cr_assert_not(says(t, API_END_TURN, TEXT("y"), "vendor"));
	cr_assert_eq(api_transcript_body(t, &vendor, &pieces, &n, &e), -1);
	cr_assert_eq(e.code, ERR_USAGE);
	api_transcript_free(t);
}

Test(api_transcript, goes_on_with_a_turn_that_the_server_paused)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	cr_assert(says(t, API_PAUSE_TURN, TEXT("one"), "vendor"));
	expect(t, &vendor, USER(TEXT("a")) "," ASSISTANT(TEXT("one")));
	cr_assert(says(t, API_TOOL_USE, TEXT("two") "," TOOL("t1"), "vendor"));
	result(t, "t1", "r");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(
		TEXT("one") "," TEXT("two") "," TOOL("t1")) "," USER(RESULT("t1", "r")));
	api_transcript_free(t);
}

Test(api_transcript, moves_to_another_endpoint_without_what_only_the_first_one_reads)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	cr_assert(says(t, API_TOOL_USE,
	    "{\"type\":\"compaction\",\"content\":\"c\"}," THINKS ","
	    "{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
	    "{\"type\":\"text\",\"text\":\"so\",\"citations\":[{}]},"
	    "{\"type\":\"fallback\",\"to\":{}},{\"type\":\"holo\"}," TOOL("t1"),
	    "vendor"));
	result(t, "t1", "r");
	expect(t, &lan,
	    USER(TEXT("a")) "," ASSISTANT(TEXT("so") "," PLAIN_TOOL("t1")) "," USER(
		RESULT("t1", "r")));
	cr_assert(says(t, API_END_TURN,
	    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"}," TEXT("ok"),
	    "lan"));
	prompt(t, "b");
	/* clang-format off */
	expect(t, &lan,
	    USER(TEXT("a")) "," ASSISTANT(TEXT("so") "," PLAIN_TOOL("t1")) ","
	    USER(RESULT("t1", "r")) ","
	    ASSISTANT("{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},"
		TEXT("ok")) "," USER(TEXT("b")));
	/* clang-format on */
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(
		"{\"type\":\"compaction\",\"content\":\"c\"}," THINKS ","
		"{\"type\":\"redacted_thinking\",\"data\":\"d\"},"
		"{\"type\":\"text\",\"text\":\"so\",\"citations\":[{}]},"
		"{\"type\":\"fallback\",\"to\":{}},{\"type\":\"holo\"}," TOOL(
		    "t1")) "," USER(RESULT("t1",
		"r")) "," ASSISTANT(TEXT("ok")) "," USER(TEXT("b")));
	api_transcript_free(t);
}

Test(api_transcript, drops_thinking_once)
{
	struct api_transcript *t = api_transcript_new();

	prompt(t, "a");
	cr_assert(says(t, API_END_TURN, THINKS "," TEXT("x"), "vendor"));
	prompt(t, "b");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(THINKS "," TEXT("x")) "," USER(TEXT("b")));
	cr_assert(api_transcript_drop_thinking(t));
	expect(t, &vendor, USER(TEXT("a")) "," ASSISTANT(TEXT("x")) "," USER(TEXT("b")));
	cr_assert_not(api_transcript_drop_thinking(t));
	cr_assert(says(t, API_END_TURN, THINKS "," TEXT("y"), "vendor"));
	prompt(t, "c");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(TEXT("x")) "," USER(TEXT("b")) "," ASSISTANT(
		THINKS "," TEXT("y")) "," USER(TEXT("c")));
	api_transcript_free(t);
}

Test(api_transcript, tells_notices_with_the_next_user_message)
{
	struct api_transcript *t = api_transcript_new();
	struct api_body older = vendor;

	older.model = "claude-sonnet-5";
	prompt(t, "a");
	expect(t, &vendor, USER(TEXT("a")));
	api_transcript_notice(t, "F7 at 03:12");
	api_transcript_notice(t, "F3");
	expect(t, &vendor, USER(TEXT("a")));
	cr_assert(says(t, API_TOOL_USE, TOOL("t1"), "vendor"));
	result(t, "t1", "r");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(TOOL("t1")) "," USER(
		RESULT("t1", "r")) "," SYSTEM("F7 at 03:12\\nF3"));
	cr_assert(says(t, API_END_TURN, TEXT("x"), "vendor"));
	api_transcript_notice(t, "F4");
	prompt(t, "b");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(TOOL("t1")) "," USER(RESULT("t1", "r")) "," SYSTEM(
		"F7 at 03:12\\nF3") "," ASSISTANT(TEXT("x")) "," USER(TEXT("b")) "," SYSTEM("F4"));
	/* clang-format off */
	expect(t, &older,
	    USER(TEXT("a")) "," ASSISTANT(TOOL("t1")) ","
	    USER(RESULT("t1", "r") ","
		TEXT("<breakglass-notes>\\nF7 at 03:12\\nF3\\n</breakglass-notes>")) ","
	    ASSISTANT(TEXT("x")) ","
	    USER(TEXT("<breakglass-notes>\\nF4\\n</breakglass-notes>") "," TEXT("b")));
	/* clang-format on */
	cr_assert(api_transcript_undo_prompt(t));
	prompt(t, "c");
	expect(t, &vendor,
	    USER(TEXT("a")) "," ASSISTANT(TOOL("t1")) "," USER(RESULT("t1", "r")) "," SYSTEM(
		"F7 at 03:12\\nF3") "," ASSISTANT(TEXT("x")) "," USER(TEXT("c")) "," SYSTEM("F4"));
	api_transcript_free(t);
}

Test(api_transcript, sends_no_empty_text_and_no_byte_that_is_no_text)
{
	struct api_transcript *t = api_transcript_new();

	api_transcript_prompt(t, " \n", 2);
	api_transcript_prompt(t, "a\0\xff", 3);
	api_transcript_notice(t, "");
	cr_assert(says(t, API_TOOL_USE, TOOL("t1"), "vendor"));
	result(t, "t1", "");
	expect(t, &vendor,
	    USER(TEXT("(no text)") "," TEXT("a\xef\xbf\xbd\xef\xbf\xbd")) "," ASSISTANT(
		TOOL("t1")) "," USER(RESULT("t1", "(no output)")));
	api_transcript_free(t);
}

Test(api_transcript, refuses_a_body_that_the_api_would_not_take)
{
	struct api_transcript *t = api_transcript_new();
	size_t len = 7 * 1024 * 1024;
	char *big = malloc(len);
	const struct http_piece *pieces;
	struct err e = {0};
	size_t n;

	memset(big, 'x', len);
	for (int i = 0; i < 5; i++) {
		api_transcript_prompt(t, big, len);
		cr_assert(i == 4 || says(t, API_END_TURN, TEXT("x"), "vendor"));
	}
	cr_assert_eq(api_transcript_body(t, &vendor, &pieces, &n, &e), -1);
	cr_assert_eq(e.code, ERR_LIMIT);
	free(big);
	api_transcript_free(t);
}

/* ---- the property: what was sent never changes ---- */

static uint64_t state = 88172645463325252ULL;

static size_t
below(size_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % n);
}

#define CALLS_MAX 8

/* The calls of an answer, or the results in a user message: how many, and their ids. */
static size_t
ids_of(struct jraw content, const char *type, const char *member, char ids[][32])
{
	struct jraw block;
	size_t at = 0, n = 0;
	bool other = false;

	while (jraw_next(content, &at, NULL, &block)) {
		cr_assert_not(jraw_is(jraw_get(block, "text"), ""));
		if (!jraw_is(jraw_get(block, "type"), type)) {
			other = true;
			continue;
		}
		cr_assert(strcmp(type, "tool_use") == 0 || !other, "results are first");
		cr_assert_lt(n, CALLS_MAX);
		jraw_text(jraw_get(block, member), ids[n++], 32);
	}
	return n;
}

/* Roles alternate; each call has its result in the next message, before any text. */
static void
check_order(struct jraw messages)
{
	char calls[CALLS_MAX][32], results[CALLS_MAX][32];
	size_t at = 0, n_calls = 0, n;
	bool user = false;
	struct jraw m, content;

	while (jraw_next(messages, &at, NULL, &m)) {
		content = jraw_get(m, "content");
		if (jraw_is(jraw_get(m, "role"), "system")) {
			cr_assert(user, "a notice stands behind a user message");
			continue;
		}
		user = !user;
		cr_assert(jraw_is(jraw_get(m, "role"), user ? "user" : "assistant"));
		if (!user) {
			n_calls = ids_of(content, "tool_use", "id", calls);
			continue;
		}
		n = ids_of(content, "tool_result", "tool_use_id", results);
		cr_assert_eq(n, n_calls, "every call has its result");
		for (size_t i = 0; i < n; i++)
			cr_assert_str_eq(calls[i], results[i]);
		n_calls = 0;
	}
	cr_assert(user, "there is something to answer");
}

static void
random_step(struct api_transcript *t, const char *endpoint, int i, bool *may_change)
{
	char text[64];

	snprintf(text, sizeof text, "n%d", i);
	switch (below(8)) {
	case 0:
		prompt(t, text);
		break;
	case 1:
		api_transcript_notice(t, text);
		break;
	case 2:
	case 3:
		snprintf(text, sizeof text,
		    "{\"type\":\"tool_use\",\"id\":\"t%d\",\"name\":\"B\",\"input\":{}}",
		    i);
		says(t, API_TOOL_USE, text, endpoint);
		break;
	case 4:
		says(t, below(2) ? API_END_TURN : API_MAX_TOKENS, THINKS "," TEXT("x"),
		    endpoint);
		break;
	case 5:
		says(t, below(2) ? API_REFUSAL : API_STOP_OTHER, TOOL("no"), endpoint);
		break;
	case 6:
		api_transcript_results(t, NULL, 0);
		break;
	default:
		if (below(4) == 0)
			*may_change = *may_change || api_transcript_undo_prompt(t);
		break;
	}
}

Test(api_transcript, never_changes_what_it_sent_whatever_is_added)
{
	for (int round = 0; round < 60; round++) {
		struct api_transcript *t = api_transcript_new();
		const struct api_body *how = round % 2 ? &vendor : &lan;
		struct buf sent;
		bool may_change = false;

		buf_init(&sent, 1 << 26);
		for (int i = 0; i < 120; i++) {
			const struct http_piece *pieces;
			struct err e = {0};
			struct jraw v;
			char *body, *messages;
			size_t n;

			random_step(
			    t, below(4) ? how->endpoint : "other", i, &may_change);
			if (api_transcript_body(t, how, &pieces, &n, &e) < 0)
				continue;
			body = joined(t, how);
			cr_assert_eq(jraw_check(body, strlen(body), &v, &e), 0);
			check_order(jraw_get(v, "messages"));
			messages =
			    strstr(body, "\"messages\":[") + strlen("\"messages\":[");
			messages[strlen(messages) - 2] = '\0';
			if (!may_change)
				cr_assert(
				    strncmp(messages, buf_str(&sent), sent.len) == 0,
				    "%s\nwas\n%s", messages, buf_str(&sent));
			may_change = false;
			buf_clear(&sent);
			cr_assert_eq(buf_add_str(&sent, messages), 0);
			if (below(5) == 0) /* a look from elsewhere changes nothing */
				free(joined(t, how == &vendor ? &lan : &vendor));
			free(body);
		}
		buf_fini(&sent);
		api_transcript_free(t);
	}
}
