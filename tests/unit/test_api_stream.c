/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Answers that no recording has: each event a line here, fed whole and byte by byte. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/api/api_stream.h"

#define START                                                                     \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"m1\",\"model\":\"x\"," \
	"\"usage\":{\"input_tokens\":5,\"output_tokens\":1}}}"
#define BLOCK(i, b) \
	"{\"type\":\"content_block_start\",\"index\":" i ",\"content_block\":" b "}"
#define DELTA(i, d) "{\"type\":\"content_block_delta\",\"index\":" i ",\"delta\":" d "}"
#define STOP(i) "{\"type\":\"content_block_stop\",\"index\":" i "}"
#define TEXT "{\"type\":\"text\",\"text\":\"\"}"
#define TOOL "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":{}}"
#define SAYS(t) "{\"type\":\"text_delta\",\"text\":\"" t "\"}"
#define JSON(t) "{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}"
#define END(r) "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" r "\"}}"
#define DONE "{\"type\":\"message_stop\"}"

static struct buf shown;

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	cr_assert_eq(buf_add(&shown, text, len), 0);
}

static void
on_thinking(int64_t tokens, void *arg)
{
	cr_assert_eq(buf_printf(&shown, "<%lld>", (long long)tokens), 0);
}

static const struct api_stream_events events = {
    .delta = on_delta, .thinking = on_thinking};

static struct api_stream *
feed(size_t size, const char *const *lines)
{
	struct api_stream *s = api_stream_new(&events, NULL);
	struct err e = {0};
	struct buf b;
	int rc = 0;

	buf_init(&b, 1 << 22);
	buf_fini(&shown);
	buf_init(&shown, 1 << 22);
	for (; *lines; lines++)
		cr_assert_eq(buf_printf(&b, "data: %s\n\n", *lines), 0);
	for (size_t at = 0; at < b.len && rc == 0; at += size)
		rc = api_stream_feed(
		    s, b.data + at, size < b.len - at ? size : b.len - at, &e);
	if (rc == 0)
		rc = api_stream_end(s, &e);
	cr_assert_eq(rc == 0, api_stream_is_done(s));
	cr_assert_eq(rc < 0, api_stream_failure(s) != NULL);
	buf_fini(&b);
	return s;
}

#define FEED(...) feed(SIZE_MAX, (const char *const[]){__VA_ARGS__, NULL})

static void
expect_content(struct api_stream *s, const char *want)
{
	const struct api_failure *f = api_stream_failure(s);

	cr_assert(f == NULL, "%s", f ? f->text : "");
	cr_assert_str_eq(api_stream_message(s)->content, want);
	cr_assert_eq(api_stream_message(s)->content_len, strlen(want));
	api_stream_free(s);
}

static void
expect_failure(struct api_stream *s, const char *type, const char *text)
{
	const struct api_failure *f = api_stream_failure(s);

	cr_assert(f != NULL, "it ended well");
	cr_assert_str_eq(f->type, type, "%s", f->text);
	cr_assert(strstr(f->text, text) != NULL, "%s", f->text);
	cr_assert_null(api_stream_message(s));
	api_stream_free(s);
}

/* ---- what may not be ---- */

Test(api_stream, ends_cleanly_at_what_the_protocol_forbids)
{
	expect_failure(FEED(START, START, DONE), "protocol", "second message_start");
	expect_failure(FEED(START, DELTA("0", SAYS("a"))), "protocol", "not open");
	expect_failure(FEED(START, BLOCK("0", TEXT), STOP("0"), DELTA("0", SAYS("a"))),
	    "protocol", "not open");
	expect_failure(
	    FEED(START, BLOCK("0", TEXT), DELTA("1", SAYS("a"))), "protocol", "not open");
	expect_failure(FEED(START, STOP("0")), "protocol", "not open");
	expect_failure(FEED(START, BLOCK("0", TEXT), BLOCK("0", TEXT)), "protocol",
	    "index that was used");
	expect_failure(FEED(BLOCK("0", TEXT)), "protocol", "before message_start");
	expect_failure(FEED(DELTA("0", SAYS("a"))), "protocol", "not open");
	expect_failure(FEED(END("end_turn")), "protocol", "before message_start");
	expect_failure(FEED(DONE), "protocol", "before message_start");
	expect_failure(FEED(START, BLOCK("-1", TEXT)), "protocol", "without an index");
	expect_failure(FEED(START, "{\"type\":\"content_block_start\",\"index\":0}"),
	    "protocol", "without a block");
	expect_failure(
	    FEED("{\"type\":\"message_start\"}"), "protocol", "without a message");
	expect_failure(FEED(START, BLOCK("0", "{\"type\":\"tool_use\",\"name\":\"B\"}")),
	    "protocol", "without an id");
	expect_failure(FEED(START, BLOCK("0", TOOL), STOP("0"), BLOCK("1", TOOL)),
	    "protocol", "same id");
	expect_failure(FEED(START, BLOCK("0", TEXT),
			   DELTA("0", "{\"type\":\"text_delta\",\"text\":7}")),
	    "protocol", "no string");
}

Test(api_stream, fails_where_a_known_event_is_no_json)
{
	struct err e = {0};
	static const char *const bad[] = {
	    "event: message_start\ndata: {\"type\":\"message_start\",\n\n",
	    "event: content_block_delta\ndata: [1]\n\n",
	    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":NaN}\n\n",
	    "event: message_stop\ndata: {\"type\":\"message_stop\xff\"}\n\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct api_stream *s = api_stream_new(NULL, NULL);

		cr_assert_eq(
		    api_stream_feed(s, bad[i], strlen(bad[i]), &e), -1, "%zu", i);
		cr_assert_eq(api_stream_feed(s, "\n", 1, &e), -1, "and stays so");
		expect_failure(s, "protocol", "a ");
	}
}

Test(api_stream, requires_message_stop)
{
	expect_failure(FEED(START, BLOCK("0", TEXT), DELTA("0", SAYS("a")), STOP("0"),
			   END("end_turn")),
	    "cut", "before it was complete");
	expect_failure(FEED("{\"type\":\"ping\"}"), "cut", "before it was complete");
}

Test(api_stream, gives_the_error_that_the_server_sends_before_or_in_the_middle)
{
	static const char error[] =
	    "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"no\\nluck\","
	    "\"details\":{\"error_code\":\"c1\"}},\"request_id\":\"req_1\"}";
	struct api_stream *s = FEED(error);

	cr_assert_str_eq(api_stream_failure(s)->code, "c1");
	cr_assert_str_eq(api_stream_failure(s)->request, "req_1");
	cr_assert_eq(api_stream_failure(s)->status, 200);
	expect_failure(s, "api_error", "no luck");
	s = FEED(START, BLOCK("0", TEXT), DELTA("0", SAYS("a")), error, DONE);
	cr_assert(api_stream_showed(s));
	expect_failure(s, "api_error", "no luck");
}

Test(api_stream, takes_an_error_event_that_is_no_json)
{
	static const char in[] = "event: error\ndata: upstream died\n\n";
	struct api_stream *s = api_stream_new(NULL, NULL);
	struct err e = {0};

	cr_assert_eq(api_stream_feed(s, in, strlen(in), &e), -1);
	expect_failure(s, "api_error", "upstream died");
}

/* ---- what nobody knows yet ---- */

Test(api_stream, passes_over_unknown_events_and_deltas_and_keeps_unknown_blocks)
{
	expect_content(
	    FEED("[DONE]", START, "{\"type\":\"new_event\",\"x\":[[]]}", "{}", "7",
		"\"s\"",
		BLOCK("0",
		    "{\"type\":\"holo\", \"n\":9007199254740993,\"v\":{\"a\":[1.50]}}"),
		DELTA("0", "{\"type\":\"holo_delta\",\"x\":1}"), STOP("0"),
		BLOCK("5", TEXT), DELTA("5", "{\"type\":\"new_delta\"}"),
		DELTA("5", SAYS("hi")), STOP("5"), END("because"), DONE, "[DONE]", START),
	    "[{\"type\":\"holo\",\"n\":9007199254740993,\"v\":{\"a\":[1.50]}},"
	    "{\"type\":\"text\",\"text\":\"hi\"}]");
}

Test(api_stream, names_every_stop_reason_and_tolerates_others)
{
	static const struct {
		const char *word;
		enum api_stop stop;
	} all[] = {{"end_turn", API_END_TURN}, {"tool_use", API_TOOL_USE},
	    {"max_tokens", API_MAX_TOKENS}, {"stop_sequence", API_STOP_SEQUENCE},
	    {"pause_turn", API_PAUSE_TURN}, {"refusal", API_REFUSAL},
	    {"model_context_window_exceeded", API_CONTEXT_FULL},
	    {"compaction", API_COMPACTION}, {"because", API_STOP_OTHER},
	    {"", API_STOP_NONE}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		cr_assert_eq(api_stop_by_word(all[i].word), all[i].stop);
	cr_assert_eq(api_stop_by_word(NULL), API_STOP_NONE);
}

Test(api_stream, takes_a_message_without_any_stop_reason_for_none)
{
	struct api_stream *s = FEED(START, DONE);

	cr_assert_eq(api_stream_message(s)->stop, API_STOP_NONE);
	cr_assert_str_eq(api_stream_message(s)->stop_word, "");
	expect_content(s, "[]");
}

Test(api_stream, says_why_it_was_refused_where_the_server_says_it)
{
	struct api_stream *s = FEED(START,
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\","
	    "\"stop_details\":{\"type\":\"refusal\",\"category\":\"cyber\",\"explanation\":"
	    "\"no\"}},\"usage\":{\"output_tokens\":2}}",
	    DONE);

	cr_assert_eq(api_stream_message(s)->stop, API_REFUSAL);
	cr_assert_str_eq(api_stream_message(s)->category, "cyber");
	cr_assert_str_eq(api_stream_message(s)->explanation, "no");
	expect_content(s, "[]");
	s = FEED(START,
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\","
	    "\"stop_details\":{\"type\":\"refusal\",\"category\":null,\"explanation\":null}},"
	    "\"usage\":{\"output_tokens\":2}}",
	    DONE);
	cr_assert_null(api_stream_message(s)->category);
	expect_content(s, "[]");
	s = FEED(START,
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\","
	    "\"stop_details\":null}}",
	    DONE);
	cr_assert_null(api_stream_message(s)->explanation);
	cr_assert_not(api_stream_showed(s));
	expect_content(s, "[]");
}

/* ---- tool input ---- */

static void
expect_input(const char *partial, const char *input, const char *bad, const char *echo)
{
	char delta[2048], content[2048];
	struct api_stream *s;
	const struct api_call *c;

	snprintf(delta, sizeof delta, DELTA("0", JSON("%s")), partial);
	snprintf(content, sizeof content,
	    "[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\",\"input\":%s}]",
	    echo);
	for (size_t size = 1; size < 100; size += 50) {
		s = feed(size,
		    (const char *const[]){START, BLOCK("0", TOOL), delta, STOP("0"),
			END("tool_use"), DONE, NULL});
		cr_assert(api_stream_is_done(s), "%s", api_stream_failure(s)->text);
		cr_assert(api_stream_showed(s));
		cr_assert_eq(api_stream_message(s)->n_calls, 1);
		c = api_stream_message(s)->calls;
		cr_assert_str_eq(c->input, input);
		cr_assert_eq(c->len, strlen(input));
		if (bad)
			cr_assert(c->bad && strstr(c->bad, bad), "%s: %s", input,
			    c->bad ? c->bad : "fine");
		else
			cr_assert(!c->bad, "%s", c->bad);
		expect_content(s, content);
	}
}

Test(api_stream, keeps_tool_input_exactly_as_it_came)
{
	expect_input("", "{}", NULL, "{}");
	expect_input("{}", "{}", NULL, "{}");
	expect_input(" {\\\"b\\\" : 12345678901234567890123, \\\"a\\\":-0}",
	    " {\"b\" : 12345678901234567890123, \"a\":-0}", NULL,
	    " {\"b\" : 12345678901234567890123, \"a\":-0}");
	expect_input("{\\\"a\\\":\\\"\\\\u00e9\\\\ud83d\\\\udd25\\\"}",
	    "{\"a\":\"\\u00e9\\ud83d\\udd25\"}", NULL,
	    "{\"a\":\"\\u00e9\\ud83d\\udd25\"}");
}

Test(api_stream, never_takes_input_that_is_no_object_for_one)
{
	expect_input("{\\\"command\\\":\\\"rm -rf /tmp/a\\\"",
	    "{\"command\":\"rm -rf /tmp/a\"", "ends too early", "{}");
	expect_input("{\\\"command\\\":\\\"rm -rf /\\\", ", "{\"command\":\"rm -rf /\", ",
	    "ends too early", "{}");
	expect_input(
	    "{\\\"command\\\":\\\"a\\\"} {}", "{\"command\":\"a\"} {}", "behind", "{}");
	expect_input(
	    "{\\\"command\\\":\\\"a\\\",}", "{\"command\":\"a\",}", "not JSON", "{}");
	expect_input("{'command':1}", "{'command':1}", "not JSON", "{}");
	expect_input("[]", "[]", "not a JSON object", "{}");
	expect_input("null", "null", "not a JSON object", "{}");
	expect_input("{\\\"a\\\":NaN}", "{\"a\":NaN}", "not JSON", "{}");
	expect_input("{\\\"a\\\":1,\\\"a\\\":2}", "{\"a\":1,\"a\":2}", "twice", "{}");
	expect_input("{\\\"a\\\":\\\"\\\\u0000\\\"}", "{\"a\":\"\\u0000\"}", "NUL", "{}");
	expect_input(
	    "{\\\"a\\\":\\\"\\\\ud83d\\\"}", "{\"a\":\"\\ud83d\"}", "surrogate", "{}");
}

Test(api_stream, marks_a_tool_whose_block_never_ended)
{
	struct api_stream *s = FEED(START, BLOCK("0", TOOL),
	    DELTA("0", JSON("{\\\"command\\\":\\\"ls\\\"}")), END("tool_use"), DONE);

	cr_assert(strstr(api_stream_message(s)->calls[0].bad, "too early"));
	api_stream_free(s);
}

Test(api_stream, takes_the_input_that_a_block_began_with)
{
	struct api_stream *s = FEED(START,
	    BLOCK("0",
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Read\",\"input\":"
		"{\"path\":\"/a\"}}"),
	    STOP("0"), END("tool_use"), DONE);

	cr_assert_str_eq(api_stream_message(s)->calls[0].input, "{\"path\":\"/a\"}");
	cr_assert_null(api_stream_message(s)->calls[0].bad);
	api_stream_free(s);
}

Test(api_stream, cleans_ids_and_names_that_the_api_would_refuse_later)
{
	struct api_stream *s = FEED(START,
	    BLOCK("0",
		"{\"type\":\"tool_use\",\"id\":\"call:1\",\"name\":\"fs.read\","
		"\"input\":{}}"),
	    STOP("0"), END("tool_use"), DONE);

	cr_assert_str_eq(api_stream_message(s)->calls[0].id, "call_1");
	expect_content(s,
	    "[{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"fs_read\",\"input\":{}}]");
}

Test(api_stream, takes_a_megabyte_of_input_in_linear_time)
{
	struct api_stream *s = api_stream_new(NULL, NULL);
	char piece[16 * 1024 + 200];
	struct err e = {0};
	int n;

	n = snprintf(piece, sizeof piece, "data: %s\n\ndata: %s\n\ndata: %s\n\n", START,
	    BLOCK("0", TOOL), DELTA("0", JSON("{\\\"a\\\":\\\"")));
	cr_assert_eq(api_stream_feed(s, piece, (size_t)n, &e), 0);
	n = snprintf(piece, sizeof piece, "data: %s", DELTA("0", JSON("")));
	n -= 3; /* before the quote that ends it */
	memset(piece + n, 'x', 16 * 1024);
	n += snprintf(piece + n + 16 * 1024, 100, "\"}}\n\n") + 16 * 1024;
	for (int i = 0; i < 64; i++)
		for (int at = 0; at < n; at += 100)
			cr_assert_eq(api_stream_feed(s, piece + at,
					 (size_t)(n - at < 100 ? n - at : 100), &e),
			    0, "%s", e.words);
	n = snprintf(piece, sizeof piece,
	    "data: %s\n\ndata: %s\n\ndata: %s\n\ndata: %s\n\n", DELTA("0", JSON("\\\"}")),
	    STOP("0"), END("tool_use"), DONE);
	cr_assert_eq(api_stream_feed(s, piece, (size_t)n, &e), 0, "%s", e.words);
	cr_assert_eq(api_stream_message(s)->calls[0].len, 64 * 16 * 1024 + 8);
	cr_assert_null(api_stream_message(s)->calls[0].bad);
	api_stream_free(s);
}

/* ---- what goes back ---- */

Test(api_stream, drops_empty_and_blank_texts_and_keeps_thinking_with_its_signature)
{
	expect_content(
	    FEED(START,
		BLOCK("0",
		    "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":"
		    "\"\"}"),
		DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"old\"}"),
		DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"S\\/1=\"}"),
		STOP("0"), BLOCK("1", TEXT), STOP("1"), BLOCK("2", TEXT),
		DELTA("2", SAYS(" \\n\\t")), STOP("2"),
		BLOCK("3", "{\"type\":\"redacted_thinking\",\"data\":\"ab\"}"), STOP("3"),
		BLOCK("4", "{\"type\":\"text\",\"text\":\"a\",\"citations\":null}"),
		DELTA("4", SAYS("b")), STOP("4"), END("end_turn"), DONE),
	    "[{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"S\\/1=\"},"
	    "{\"type\":\"redacted_thinking\",\"data\":\"ab\"},"
	    "{\"type\":\"text\",\"text\":\"ab\"}]");
}

Test(api_stream, sends_signed_thinking_back_as_it_was_written)
{
	expect_content(
	    FEED(START,
		BLOCK(
		    "0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
		DELTA(
		    "0", "{\"type\":\"thinking_delta\",\"thinking\":\"\\u00e9\\ud83d\"}"),
		DELTA("0", "{\"type\":\"thinking_delta\",\"thinking\":\"\\udd25\\/\"}"),
		DELTA("0", "{\"type\":\"signature_delta\",\"signature\":\"S\"}"),
		STOP("0"), END("end_turn"), DONE),
	    "[{\"type\":\"thinking\",\"thinking\":\"\\u00e9\\ud83d\\udd25\\/\",\"signature\":"
	    "\"S\"}]");
}

Test(api_stream, keeps_half_surrogates_and_nuls_out_of_what_goes_back)
{
	expect_content(FEED(START, BLOCK("0", TEXT), DELTA("0", SAYS("a\\ud83d")),
			   DELTA("0", SAYS("\\udd25b\\u0000\\udd25")), STOP("0"),
			   BLOCK("1", TEXT), DELTA("1", SAYS("c\\ud83d")), STOP("1"),
			   BLOCK("2", "{\"type\":\"holo\",\"x\":\"\\ud83d\"}"), STOP("2"),
			   END("end_turn"), DONE),
	    "[{\"type\":\"text\",\"text\":\"a\xf0\x9f\x94\xa5"
	    "b\xef\xbf\xbd\xef\xbf\xbd\"},"
	    "{\"type\":\"text\",\"text\":\"c\xef\xbf\xbd\"}]");
}

Test(api_stream, follows_the_rule_for_what_stands_before_the_last_fallback)
{
	struct api_stream *s = FEED(START,
	    BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"x\",\"signature\":\"S\"}"),
	    STOP("0"), BLOCK("1", "{\"type\":\"text\",\"text\":\"one\"}"), STOP("1"),
	    BLOCK("2", TOOL), STOP("2"),
	    BLOCK("3", "{\"type\":\"server_tool_use\",\"id\":\"s1\",\"input\":{}}"),
	    STOP("3"),
	    BLOCK("4", "{\"type\":\"server_tool_use\",\"id\":\"s2\",\"input\":{}}"),
	    STOP("4"), BLOCK("5", "{\"type\":\"x_tool_result\",\"tool_use_id\":\"s2\"}"),
	    STOP("5"),
	    BLOCK("6",
		"{\"type\":\"fallback\",\"from\":{\"model\":\"a\"},\"to\":{\"model\":"
		"\"b\"}}"),
	    STOP("6"),
	    BLOCK("7",
		"{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"Bash\","
		"\"input\":{}}"),
	    STOP("7"), END("tool_use"), DONE);

	cr_assert_str_eq(api_stream_message(s)->served, "b");
	cr_assert_eq(api_stream_message(s)->n_calls, 1);
	cr_assert_str_eq(api_stream_message(s)->calls[0].id, "t2");
	expect_content(s,
	    "[{\"type\":\"text\",\"text\":\"one\"},"
	    "{\"type\":\"server_tool_use\",\"id\":\"s2\",\"input\":{}},"
	    "{\"type\":\"x_tool_result\",\"tool_use_id\":\"s2\"},"
	    "{\"type\":\"fallback\",\"from\":{\"model\":\"a\"},\"to\":{\"model\":\"b\"}},"
	    "{\"type\":\"tool_use\",\"id\":\"t2\",\"name\":\"Bash\",\"input\":{}}]");
}

Test(api_stream, lets_blocks_stream_beside_each_other)
{
	expect_content(
	    FEED(START, BLOCK("0", TEXT), BLOCK("1", TEXT), DELTA("0", SAYS("a")),
		DELTA("1", SAYS("c")), DELTA("0", SAYS("b")), STOP("1"), STOP("0"),
		END("end_turn"), DONE),
	    "[{\"type\":\"text\",\"text\":\"ab\"},{\"type\":\"text\",\"text\":\"c\"}]");
}

/* ---- usage ---- */

Test(api_stream, merges_usage_and_leaves_alone_what_is_null)
{
	struct api_stream *s = FEED(
	    "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"x\",\"usage\":{"
	    "\"input_tokens\":10,\"cache_creation_input_tokens\":20,\"cache_creation\":{"
	    "\"ephemeral_1h_input_tokens\":15},\"cache_read_input_tokens\":30,"
	    "\"output_tokens\":1}}}",
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":null},\"usage\":{"
	    "\"input_tokens\":null,\"cache_read_input_tokens\":31,\"output_tokens\":7}}",
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
	    "\"input_tokens\":11,\"output_tokens\":9,\"output_tokens_details\":{"
	    "\"thinking_tokens\":4},\"cache_creation_input_tokens\":null}}",
	    DONE);
	const struct api_usage *u = api_stream_usage(s);

	cr_assert_eq(u->last.in, 11);
	cr_assert_eq(u->last.cache_write, 20);
	cr_assert_eq(u->last.cache_write_1h, 15);
	cr_assert_eq(u->last.cache_read, 31);
	cr_assert_eq(u->last.out, 9);
	cr_assert_eq(u->thinking, 4);
	cr_assert_eq(u->billed.in, 11);
	cr_assert_eq(u->iterations, 0);
	api_stream_free(s);
}

Test(api_stream, sums_iterations_for_what_is_billed)
{
	struct api_stream *s = FEED(START,
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
	    "\"input_tokens\":5,\"output_tokens\":9,\"iterations\":[{\"input_tokens\":100,"
	    "\"output_tokens\":1,\"cache_read_input_tokens\":3},{\"input_tokens\":50,"
	    "\"output_tokens\":2,\"cache_creation_input_tokens\":null}]}}",
	    DONE);
	const struct api_usage *u = api_stream_usage(s);

	cr_assert_eq(u->iterations, 2);
	cr_assert_eq(u->billed.in, 150);
	cr_assert_eq(u->billed.out, 3);
	cr_assert_eq(u->billed.cache_read, 3);
	cr_assert_eq(u->billed.cache_write, -1);
	cr_assert_eq(u->last.in, 5);
	api_stream_free(s);
}

Test(api_stream, knows_nothing_of_what_a_server_does_not_say)
{
	struct api_stream *s = FEED("{\"type\":\"message_start\",\"message\":{}}",
	    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{"
	    "\"input_tokens\":-4,\"output_tokens\":1e3,\"cache_read_input_tokens\":\"7\"}}",
	    DONE);

	cr_assert_eq(api_stream_usage(s)->last.in, -1);
	cr_assert_eq(api_stream_usage(s)->last.out, -1);
	cr_assert_eq(api_stream_usage(s)->last.cache_read, -1);
	cr_assert_str_eq(api_stream_message(s)->id, "");
	expect_content(s, "[]");
}

Test(api_stream, counts_thinking_over_blocks)
{
	struct api_stream *s = FEED(START,
	    BLOCK("0", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
	    DELTA("0",
		"{\"type\":\"thinking_delta\",\"thinking\":\"\",\"estimated_tokens\":50}"),
	    DELTA("0",
		"{\"type\":\"thinking_delta\",\"thinking\":\"\",\"estimated_tokens\":90}"),
	    STOP("0"),
	    BLOCK("1", "{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"),
	    DELTA("1",
		"{\"type\":\"thinking_delta\",\"thinking\":\"\",\"estimated_tokens\":10}"),
	    STOP("1"), END("end_turn"), DONE);

	cr_assert_str_eq(buf_str(&shown), "<-1><50><90><90><100>");
	cr_assert_not(api_stream_showed(s));
	api_stream_free(s);
}

/* ---- a body that is no stream ---- */

Test(api_stream, takes_a_message_in_one_piece)
{
	static const char whole[] =
	    "{\"id\":\"m1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\","
	    "\"content\":[{\"type\":\"text\",\"text\":\"hi\"},{\"type\":\"tool_use\",\"id\":\"t\","
	    "\"name\":\"Bash\",\"input\":{\"command\":\"ls\"}}],\"stop_reason\":\"tool_use\","
	    "\"usage\":{\"input_tokens\":3,\"output_tokens\":4}}";
	struct api_stream *s = api_stream_new(&events, NULL);
	struct err e = {0};

	buf_fini(&shown);
	buf_init(&shown, 1000);
	cr_assert_eq(api_stream_whole(s, whole, strlen(whole), &e), 0, "%s", e.words);
	cr_assert_str_eq(buf_str(&shown), "hi");
	cr_assert_eq(api_stream_message(s)->stop, API_TOOL_USE);
	cr_assert_str_eq(api_stream_message(s)->calls[0].input, "{\"command\":\"ls\"}");
	cr_assert_eq(api_stream_usage(s)->last.out, 4);
	api_stream_free(s);
}

Test(api_stream, refuses_a_body_that_is_neither_stream_nor_message)
{
	static const char *const bad[] = {"<html>", "{\"type\":\"message\"}", "[]", "",
	    "{\"type\":\"message\",\"content\":[7]}"};
	struct err e = {0};

	for (size_t i = 0; i < 5; i++) {
		struct api_stream *s = api_stream_new(NULL, NULL);

		cr_assert_eq(api_stream_whole(s, bad[i], strlen(bad[i]), &e), -1);
		expect_failure(s, "protocol", "");
	}
}
