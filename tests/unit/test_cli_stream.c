/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each recorded output of the real CLI is read whole, byte by byte and in odd
 * pieces; what the reader tells must be the same, and be what happened.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/cli/cli_stream.h"

static struct buf told;

static void tell(const char *fmt, ...) PRINTF_LIKE(1, 2);

static void
tell(const char *fmt, ...)
{
	va_list ap;
	char line[4096];

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	cr_assert_eq(buf_printf(&told, "%s\n", line), 0);
}

static void
on_line(void *arg)
{
	int *lines = arg;

	if (lines)
		(*lines)++;
}

static void
on_bad(const char *why, void *arg)
{
	tell("bad %s", why);
}

static void
on_init(const char *session, const char *model, const char *version, void *arg)
{
	tell("init %s %s", model, version);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	tell("delta %d %zu %.*s", block, off, (int)len, text);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	tell("text %d%s%s %.*s", block, thinking ? " thinking" : "", cut ? " cut" : "",
	    (int)len, text);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
	tell("tool %s %s", name, what);
}

static void
on_tool_end(const char *id, bool failed, const char *text, size_t len, void *arg)
{
	tell("tool_end %s %zu %.60s", failed ? "failed" : "ok", len, text);
}

static void
on_retry(int attempt, int max, int delay_ms, int status, const char *error, void *arg)
{
	tell("retry %d of %d %d %s", attempt, max, status, error);
}

static void
on_api_error(int status, const char *text, void *arg)
{
	tell("api_error %d %s", status, text);
}

static void
on_note(const char *text, void *arg)
{
	tell("note %s", text);
}

static void
on_answer(const char *request, bool ok, void *arg)
{
	tell("answer %s %d", request, ok);
}

static void
on_asks(const char *request, struct js *what, void *arg)
{
	tell("asks %s", request);
}

static void
on_result(const struct cli_result *r, void *arg)
{
	tell("result %s %s %lld in %lld out %lld usd %.5f", r->is_error ? "error" : "ok",
	    r->reason, (long long)r->api_status, (long long)r->in_tokens,
	    (long long)r->out_tokens, r->total_usd);
}

static const struct cli_stream_events events = {on_line, on_bad, on_init, on_delta,
    on_text, on_tool, on_tool_end, on_retry, on_api_error, on_note, on_answer, on_asks,
    on_result, NULL};

static void
start(struct cli_stream *s)
{
	buf_init(&told, 1024 * 1024);
	cli_stream_init(s, &events, NULL);
}

/* What is told of text in pieces of step bytes. */
static char *
read_in_pieces(const char *text, size_t len, size_t step)
{
	struct cli_stream s;

	start(&s);
	for (size_t at = 0; at < len; at += step)
		cli_stream_feed(&s, text + at, len - at < step ? len - at : step);
	cli_stream_fini(&s);
	return told.data;
}

static char *
read_fixture(const char *name)
{
	static const size_t steps[] = {1, 3, 7, 61, 4096};
	char path[512], *text, *whole;
	struct err err;
	size_t len;

	snprintf(path, sizeof path, "%s/%s.jsonl", FIXTURES_DIR, name);
	text = fd_read_file(path, 1024 * 1024, &len, &err);
	cr_assert_not_null(text, "%s", err.words);
	whole = read_in_pieces(text, len, len);
	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		char *again = read_in_pieces(text, len, steps[i]);

		cr_assert_str_eq(again, whole, "%s in pieces of %zu", name, steps[i]);
		free(again);
	}
	free(text);
	cr_assert_null(strstr(whole, "bad "), "%s", whole);
	return whole;
}

static void
expect(const char *name, const char *const *lines)
{
	char *all = read_fixture(name), *at = all;

	for (; *lines; lines++) {
		char *hit = strstr(at, *lines);

		cr_assert_not_null(
		    hit, "%s: no \"%s\" in, or out of order:\n%s", name, *lines, all);
		at = hit + strlen(*lines);
	}
	free(all);
}

#define EXPECT(name, ...) expect(name, (const char *const[]){__VA_ARGS__, NULL})

Test(cli_stream, a_turn_with_tools_comes_in_order)
{
	EXPECT("turn", "answer i0 1\n", "init claude-sonnet-5-5 2.1.328\n", "delta ",
	    "text ", "tool Bash ssh devvm uptime\n", "tool_end ok",
	    "tool Bash ssh pve 'status; id'\n", "tool_end failed", "Exit code 64",
	    "text ", "result ok completed 0 in ");
}

Test(cli_stream, blocks_are_numbered_within_a_turn_and_deltas_have_offsets)
{
	struct cli_stream s;
	static const char a[] =
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"index\":0,"
	    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}}\n"
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":0,"
	    "\"delta\":{\"type\":\"text_delta\",\"text\":\"ab\"}}}\n"
	    "{\"event\":{\"delta\":{\"text\":\"c\",\"type\":\"text_delta\"},\"index\":0,"
	    "\"type\":\"content_block_delta\"},\"type\":\"stream_event\"}\n"
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
	    "\"abc\"}]}}\n"
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"text\",\"text\":"
	    "\"d\"}]}}\n";

	start(&s);
	cli_stream_feed(&s, a, sizeof a - 1);
	cr_assert_str_eq(told.data, "delta 0 0 ab\ndelta 0 2 c\ntext 0 abc\ntext 1 d\n");
	cli_stream_turn(&s);
	buf_clear(&told);
	cli_stream_feed(&s, a, sizeof a - 1);
	cr_assert_str_eq(told.data, "delta 0 0 ab\ndelta 0 2 c\ntext 0 abc\ntext 1 d\n");
	cli_stream_fini(&s);
	buf_fini(&told);
}

Test(cli_stream, cost_is_cumulative_over_two_turns)
{
	EXPECT("two-turns", "init", "usd 0.00014\n", "init", "usd 0.00028\n");
}

Test(cli_stream, results_of_parallel_tools_all_come)
{
	EXPECT("parallel-tools", "tool Bash", "tool Bash", "tool Bash", "tool_end",
	    "tool_end", "tool_end", "result ok");
}

Test(cli_stream, an_interrupted_text_is_kept_and_marked_cut)
{
	EXPECT("interrupt-text", "delta 0 0", "text 0 cut ",
	    "result error aborted_streaming");
}

Test(cli_stream, an_interrupted_tool_ends_and_the_next_turn_works)
{
	EXPECT("interrupt-tool", "tool Bash ssh devvm block\n", "tool_end failed",
	    "result error aborted_tools", "text ", "result ok completed");
}

Test(cli_stream, the_half_text_of_a_cut_attempt_is_dropped_and_its_number_used_again)
{
	char *all = read_fixture("retry-cut");
	char *retry = strstr(all, "retry 1 of");
	char *text = strstr(all, "text 0 ");

	cr_assert_not_null(retry, "%s", all);
	cr_assert_not_null(text, "%s", all);
	cr_assert(
	    text > retry, "the only finished block 0 is the second attempt's:\n%s", all);
	cr_assert_null(strstr(text + 1, "text 1"), "%s", all);
	cr_assert_not_null(
	    strstr(retry, "delta 0 0 "), "it begins again at offset 0:\n%s", all);
	free(all);
}

Test(cli_stream, a_block_that_was_whole_before_a_cut_stays)
{
	EXPECT("cut-after-block", "text 0 One block.\n", "text 1 Fine.\n", "result ok");
}

Test(cli_stream, a_whole_answer_after_a_stall_replaces_the_half_one)
{
	EXPECT(
	    "stall-then-whole", "delta 0 0", "text 0 The whole sentence.\n", "result ok");
}

Test(cli_stream, an_outage_is_told_and_judged_by_is_error_and_not_by_subtype)
{
	EXPECT("error-529", "retry 1 of 2 529 overloaded\n",
	    "api_error 529 API Error: 529", "result error api_error 529");
	EXPECT("error-401", "retry ", " 401 authentication_failed\n",
	    "api_error 401 Invalid API key", "result error api_error 401");
	EXPECT("retry-429", "retry 1 of", "429 rate_limit\n", "result ok");
}

Test(cli_stream, a_refused_call_and_a_refused_answer_are_notes)
{
	EXPECT("denied", "tool Bash", "note a Bash call was refused", "tool_end failed",
	    "result ok");
	EXPECT(
	    "refusal", "text 0 I cannot\n", "note Sonnet", "text 1 Fine.\n", "result ok");
}

Test(cli_stream, a_tool_call_that_was_cut_is_told_by_its_input)
{
	EXPECT("max-tokens-in-tool", "tool Bash {\"__unparsedToolInput\"",
	    "tool_end failed");
}

Test(cli_stream, an_unknown_session_is_an_error_with_its_words)
{
	EXPECT("resume-unknown", "result error error_during_execution");
}

Test(cli_stream, a_time_out_and_bytes_that_are_no_text_pass)
{
	EXPECT("tool-timeout", "tool_end failed", "Exit code 143", "result ok");
	EXPECT("binary-output", "tool_end ok", "result ok");
}

Test(cli_stream, a_command_of_several_lines_is_told_on_one)
{
	struct cli_stream s;
	static const char a[] =
	    "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":"
	    "\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{"
	    "\"command\":\"a\\nb\\u001b\\tc\\u0000d\"}}]}}\n";

	start(&s);
	cli_stream_feed(&s, a, sizeof a - 1);
	cr_assert_str_eq(told.data, "tool Bash a\\nb\\x1b\\tc\\x00d\n");
	cli_stream_fini(&s);
	buf_fini(&told);
}

Test(cli_stream, lines_that_are_no_JSON_and_unknown_types_are_passed_over)
{
	static const char a[] =
	    "Segmentation fault\n"
	    "{\"type\":\"ui_invalidate\"}\n"
	    "{\"type\":\"result\",\"type\":\"result\"}\n"
	    "[1,2]\n"
	    "{\"type\":\"assistant\",\"message\":7}\n"
	    "{\"type\":\"user\",\"message\":{\"content\":\"text\"}}\n"
	    "{\"type\":\"system\",\"subtype\":7}\n"
	    "{\"type\":\"assistant\",\"parent_tool_use_id\":\"t\",\"message\":{"
	    "\"content\":[{\"type\":\"text\",\"text\":\"sub\"}]}}\n"
	    "{\"type\":\"control_request\",\"request_id\":\"r\",\"request\":{}}\n";
	struct cli_stream s;
	int lines = 0;

	start(&s);
	s.arg = &lines;
	cli_stream_feed(&s, a, sizeof a - 1);
	cr_assert_eq(lines, 9);
	cr_assert_not_null(strstr(told.data, "asks r\n"));
	cr_assert_null(strstr(told.data, "sub"));
	cli_stream_fini(&s);
	buf_fini(&told);
}

Test(cli_stream, a_line_longer_than_16_MiB_costs_only_itself)
{
	static const char a[] =
	    "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":\"s\","
	    "\"model\":\"m\",\"claude_code_version\":\"v\"}\n";
	static char flood[1024 * 1024];
	struct cli_stream s;

	memset(flood, 'x', sizeof flood);
	start(&s);
	for (int i = 0; i < 17; i++)
		cli_stream_feed(&s, flood, sizeof flood);
	cli_stream_feed(&s, "\n", 1);
	cli_stream_feed(&s, a, sizeof a - 1);
	cr_assert_str_eq(
	    told.data, "bad a line longer than 16 MiB was passed over\ninit m v\n");
	cli_stream_fini(&s);
	buf_fini(&told);
}

Test(cli_stream, text_without_its_end_is_told_once_and_marked_cut)
{
	static const char a[] =
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\",\"index\":0,"
	    "\"content_block\":{\"type\":\"text\",\"text\":\"half\"}}}\n";
	struct cli_stream s;

	start(&s);
	cli_stream_feed(&s, a, sizeof a - 1);
	cli_stream_cut(&s);
	cli_stream_cut(&s);
	cr_assert_str_eq(told.data, "delta 0 0 half\ntext 0 cut half\n");
	cli_stream_fini(&s);
	buf_fini(&told);
}

/* A crash here would be one that the CLI, or what it reads, could cause. */
Test(cli_stream, no_damage_to_a_line_ends_the_reader)
{
	static const char *const names[] = {"turn", "denied", "interrupt-text",
	    "error-529", "cut-after-block", "resume-unknown"};
	uint32_t seed = 1;

	for (int round = 0; round < 600; round++) {
		char path[512], *text;
		struct cli_stream s;
		struct err err;
		size_t len;

		snprintf(path, sizeof path, "%s/%s.jsonl", FIXTURES_DIR,
		    names[(size_t)round % (sizeof names / sizeof names[0])]);
		text = fd_read_file(path, 1024 * 1024, &len, &err);
		cr_assert_not_null(text);
		for (int i = 0; i < 40; i++) {
			static const char bytes[] = "\"{}[],:0n\\tf \n\xff";

			seed = seed * 1103515245 + 12345;
			text[(seed >> 8) % len] = bytes[(seed >> 3) % (sizeof bytes - 1)];
		}
		start(&s);
		buf_fini(&told);
		buf_init(&told, 64 * 1024 * 1024);
		cli_stream_feed(&s, text, len);
		cli_stream_cut(&s);
		cli_stream_fini(&s);
		buf_fini(&told);
		free(text);
	}
}

/* The kinds of members that the reader looks at, each of a kind it does not expect. */
Test(cli_stream, members_of_the_wrong_kind_are_passed_over)
{
	static const char *const values[] = {"null", "7", "\"x\"", "[]", "{}", "[7]",
	    "[[]]", "true", "[{\"type\":7}]", "[{\"type\":\"text\"}]",
	    "[{\"type\":\"tool_result\",\"tool_use_id\":\"a\"}]",
	    "[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"b\",\"input\":[]}]"};
	static const char *const lines[] = {"{\"type\":%s}\n",
	    "{\"type\":\"assistant\",\"message\":%s}\n",
	    "{\"type\":\"assistant\",\"message\":{\"content\":%s}}\n",
	    "{\"type\":\"assistant\",\"is_api_error_message\":true,\"message\":{\"content\":%s}}\n",
	    "{\"type\":\"user\",\"message\":{\"content\":%s}}\n",
	    "{\"type\":\"user\",\"message\":{\"content\":[{\"type\":\"tool_result\","
	    "\"tool_use_id\":\"a\",\"content\":%s}]}}\n",
	    "{\"type\":\"stream_event\",\"event\":%s}\n",
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\","
	    "\"content_block\":%s}}\n",
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"delta\":%s}}\n",
	    "{\"type\":\"result\",\"errors\":%s}\n",
	    "{\"type\":\"result\",\"usage\":%s}\n",
	    "{\"type\":\"control_response\",\"response\":%s}\n",
	    "{\"type\":\"system\",\"subtype\":\"init\",\"session_id\":%s}\n",
	    "{\"type\":\"system\",\"subtype\":\"api_retry\",\"error_status\":%s}\n",
	    "{\"type\":\"system\",\"subtype\":\"informational\",\"content\":%s}\n"};
	struct cli_stream s;
	char line[512];

	start(&s);
	for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
		for (size_t k = 0; k < sizeof values / sizeof values[0]; k++) {
			const char *hole = strstr(lines[i], "%s");
			int n = snprintf(line, sizeof line, "%.*s%s%s",
			    (int)(hole - lines[i]), lines[i], values[k], hole + 2);

			cli_stream_feed(&s, line, (size_t)n);
		}
	cr_assert_null(strstr(told.data, "bad "), "%s", told.data);
	cli_stream_fini(&s);
	buf_fini(&told);
}

static void
on_usage(bool fresh, int64_t in, int64_t cache, int64_t write, int64_t out, void *arg)
{
	tell("usage %d %lld %lld %lld %lld", fresh, (long long)in, (long long)cache,
	    (long long)write, (long long)out);
}

Test(cli_stream, tells_what_each_answer_uses_as_it_is_told)
{
	static const char lines[] =
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\","
	    "\"message\":{\"usage\":{\"input_tokens\":7,\"cache_read_input_tokens\":90,"
	    "\"output_tokens\":1}}}}\n"
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_delta\","
	    "\"usage\":{\"output_tokens\":40}}}\n"
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"message_start\","
	    "\"message\":{}}}\n";
	struct cli_stream_events with = events;
	struct cli_stream s;

	with.usage = on_usage;
	buf_init(&told, 4096);
	cli_stream_init(&s, &with, NULL);
	cli_stream_feed(&s, lines, sizeof lines - 1);
	cr_assert_str_eq(buf_str(&told), "usage 1 7 90 -1 1\nusage 0 -1 -1 -1 40\n");
	cli_stream_fini(&s);
	buf_fini(&told);
}
