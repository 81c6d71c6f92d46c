/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/api/api_error.h"

#define NOW INT64_C(1793000000000) /* Mon, 26 Oct 2026 07:33:20 GMT */

static struct api_judged out;

static struct api_failure
failure(int status, const char *body)
{
	struct api_failure f;

	api_failure_parse(status, body, strlen(body), &f);
	return f;
}

static enum api_next
judge(int status, const char *body, int attempts, const struct api_retry_headers *h)
{
	struct api_failure f = failure(status, body);
	enum api_next next = api_judge(&f, HTTP_DONE, false, attempts, h, NOW, 0, &out);

	cr_assert(out.why[0] != '\0');
	cr_assert_null(strchr(out.why, '\n'));
	return next;
}

static enum api_next
ends(enum http_end how, bool showed, int attempts)
{
	return api_judge(NULL, how, showed, attempts, NULL, NOW, 0, &out);
}

#define ERROR(type, text)                                                          \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text \
	"\"},"                                                                     \
	"\"request_id\":\"req_1\"}"
#define CODED(type, text, code)                                                          \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" text "\"," \
	"\"details\":{\"error_code\":\"" code "\"}}}"

Test(api_error, has_a_next_step_for_every_status)
{
	static const struct {
		int status;
		enum api_next next;
	} all[] = {{400, API_NEXT_ENDPOINT}, {401, API_NEW_CREDENTIAL},
	    {402, API_NEXT_ENDPOINT}, {403, API_NEXT_ENDPOINT}, {404, API_NEXT_ENDPOINT},
	    {408, API_RETRY}, {409, API_RETRY}, {413, API_SHRINK},
	    {422, API_NEXT_ENDPOINT}, {429, API_RETRY}, {500, API_RETRY},
	    {502, API_RETRY}, {503, API_RETRY}, {504, API_RETRY}, {529, API_RETRY},
	    {599, API_RETRY}, {301, API_NEXT_ENDPOINT}, {307, API_NEXT_ENDPOINT},
	    {418, API_NEXT_ENDPOINT}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		cr_assert_eq(judge(all[i].status, "", 1, NULL), all[i].next, "%d: %s",
		    all[i].status, api_next_word(judge(all[i].status, "", 1, NULL)));
}

Test(api_error, goes_by_the_type_inside_a_200)
{
	static const struct {
		const char *body;
		enum api_next next;
	} all[] = {{ERROR("overloaded_error", "Overloaded"), API_RETRY},
	    {ERROR("api_error", "x"), API_RETRY},
	    {ERROR("rate_limit_error", "x"), API_RETRY},
	    {ERROR("timeout_error", "x"), API_RETRY},
	    {ERROR("new_error", "x"), API_RETRY},
	    {ERROR("authentication_error", "x"), API_NEW_CREDENTIAL},
	    {ERROR("invalid_request_error", "x"), API_NEXT_ENDPOINT},
	    {ERROR("invalid_request_error", "prompt is too long: 1 > 0"), API_SHRINK},
	    {ERROR("not_found_error", "model: x"), API_NEXT_ENDPOINT},
	    {ERROR("request_too_large", "x"), API_SHRINK}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		cr_assert_eq(
		    judge(200, all[i].body, 1, NULL), all[i].next, "%s", all[i].body);
}

Test(api_error, knows_the_400s_that_have_a_cure)
{
	cr_assert_eq(
	    judge(400, ERROR("invalid_request_error", "prompt is too long: 2 > 1"), 1,
		NULL),
	    API_SHRINK);
	cr_assert_eq(judge(400,
			 ERROR("invalid_request_error",
			     "Unexpected value(s) `a-1` for the `anthropic-beta` header"),
			 1, NULL),
	    API_DROP_BETAS);
	cr_assert_eq(
	    judge(400,
		ERROR("invalid_request_error",
		    "messages.1.content.0: Invalid `signature` in `thinking` block. "
		    "The block is bound to a different conversation."),
		1, NULL),
	    API_DROP_THINKING);
	cr_assert_eq(
	    judge(400,
		ERROR("invalid_request_error",
		    "`thinking` blocks in the latest assistant message cannot be "
		    "modified"),
		1, NULL),
	    API_DROP_THINKING);
	cr_assert_eq(judge(400,
			 ERROR("invalid_request_error",
			     "You have reached your specified API usage limits."),
			 1, NULL),
	    API_NEXT_ENDPOINT);
	cr_assert(strstr(out.todo, "limit") != NULL);
}

Test(api_error, does_not_retry_a_spend_limit_even_when_told_to)
{
	struct api_retry_headers h = {.should_retry = "true"};

	cr_assert_eq(
	    judge(429, CODED("rate_limit_error", "x", "enforced_spend_limit_reached"), 1,
		&h),
	    API_NEXT_ENDPOINT);
	cr_assert_eq(
	    judge(429, CODED("rate_limit_error", "x", "contract_spend_limit_reached"), 1,
		&h),
	    API_NEXT_ENDPOINT);
	cr_assert(strstr(out.todo, "spend") != NULL);
	cr_assert_eq(
	    judge(429, CODED("rate_limit_error", "x", "ramp_limit_exceeded"), 1, NULL),
	    API_RETRY);
	cr_assert_eq(
	    judge(429, CODED("rate_limit_error", "x", "new_code"), 1, NULL), API_RETRY);
}

Test(api_error, waits_as_long_as_it_is_asked_to_but_no_more_than_a_minute)
{
	static const struct {
		struct api_retry_headers h;
		enum api_next next;
		int64_t delay_ms;
	} all[] = {
	    {{.retry_after = "2"}, API_RETRY, 2000},
	    {{.retry_after = "60"}, API_RETRY, 60000},
	    {{.retry_after = "1.5"}, API_RETRY, 1500},
	    {{.retry_after = "600"}, API_NEXT_ENDPOINT, 0},
	    {{.retry_after = "61"}, API_NEXT_ENDPOINT, 0},
	    {{.retry_after_ms = "250", .retry_after = "600"}, API_RETRY, 250},
	    {{.retry_after_ms = "0", .retry_after = "3"}, API_RETRY, 3000},
	    {{.retry_after_ms = "x", .retry_after = "3"}, API_RETRY, 3000},
	    {{.retry_after = "0"}, API_RETRY, 500},
	    {{.retry_after = "-5"}, API_RETRY, 500},
	    {{.retry_after = ""}, API_RETRY, 500},
	    {{.retry_after = "soon"}, API_RETRY, 500},
	    {{.retry_after = "1.2.3"}, API_RETRY, 500},
	    {{.retry_after = "nan"}, API_RETRY, 500},
	    {{.retry_after = "inf"}, API_RETRY, 500},
	    {{.retry_after = "0x10"}, API_RETRY, 500},
	    {{.retry_after = "99999999999999999999999"}, API_RETRY, 500},
	    {{.retry_after = "999999999999"}, API_NEXT_ENDPOINT, 0},
	    {{.retry_after = "Mon, 26 Oct 2026 07:33:30 GMT"}, API_RETRY, 10000},
	    {{.retry_after = "Mon, 26 Oct 2026 07:33:10 GMT"}, API_RETRY, 500},
	    {{.retry_after = "Mon, 26 Oct 2026 08:33:10 GMT"}, API_NEXT_ENDPOINT, 0},
	    {{.retry_after = "Mon, 26 Oct 2026 08:33:10 CET"}, API_RETRY, 500},
	    {{.retry_after = "Mon, 26 Oct 2026 08:33:10 GMT",
		 .date = "Mon, 26 Oct 2026 08:33:05 GMT"},
		API_RETRY, 5000},
	    {{.retry_after = NULL}, API_RETRY, 500},
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		cr_assert_eq(judge(429, "", 1, &all[i].h), all[i].next, "%zu", i);
		cr_assert_eq(out.delay_ms, all[i].delay_ms, "%zu: %lld", i,
		    (long long)out.delay_ms);
		cr_assert_eq(judge(529, "", 1, &all[i].h), all[i].next, "%zu", i);
	}
	cr_assert_eq(judge(429, "", 1, &all[3].h), API_NEXT_ENDPOINT);
	cr_assert(strstr(out.todo, "600 s") != NULL, "%s", out.todo);
}

Test(api_error, backs_off_longer_each_time_with_jitter)
{
	static const int64_t base[] = {500, 1000, 2000};
	struct api_failure f = failure(529, "");

	for (int i = 1; i <= 3; i++)
		for (unsigned rnd = 0; rnd < 5000; rnd += 7) {
			cr_assert_eq(
			    api_judge(&f, HTTP_DONE, false, i, NULL, NOW, rnd, &out),
			    API_RETRY);
			cr_assert_leq(out.delay_ms, base[i - 1]);
			cr_assert_geq(out.delay_ms, base[i - 1] * 3 / 4);
		}
	cr_assert_eq(
	    api_judge(&f, HTTP_DONE, false, API_ATTEMPTS_MAX, NULL, NOW, 0, &out),
	    API_NEXT_ENDPOINT);
	cr_assert(out.todo[0] != '\0');
}

Test(api_error, asks_again_only_once_what_was_seen_to_begin)
{
	cr_assert_eq(ends(HTTP_CUT, true, 1), API_RETRY);
	cr_assert_eq(ends(HTTP_CUT, true, 2), API_NEXT_ENDPOINT);
	cr_assert_eq(ends(HTTP_CUT, false, 2), API_RETRY);
	cr_assert_eq(ends(HTTP_SILENT, false, 1), API_RETRY);
	cr_assert_eq(ends(HTTP_SILENT, false, 2), API_NEXT_ENDPOINT);
}

Test(api_error, has_words_and_a_step_for_every_end_of_the_transport)
{
	static const enum api_next want[HTTP_ENDS] = {
	    [HTTP_DONE] = API_RETRY,
	    [HTTP_CUT] = API_RETRY,
	    [HTTP_NO_CONNECT] = API_NEXT_ENDPOINT,
	    [HTTP_NO_NAME] = API_NEXT_ENDPOINT,
	    [HTTP_TLS] = API_NEXT_ENDPOINT,
	    [HTTP_SILENT] = API_RETRY,
	    [HTTP_SLOW_HEADERS] = API_NEXT_ENDPOINT,
	    [HTTP_ABORTED] = API_GIVE_UP,
	    [HTTP_TOO_LONG] = API_NEXT_ENDPOINT,
	    [HTTP_REDIRECT] = API_NEXT_ENDPOINT,
	    [HTTP_BAD_REQUEST] = API_NEXT_ENDPOINT,
	    [HTTP_HUNG] = API_NEXT_ENDPOINT,
	};

	for (int how = 0; how < HTTP_ENDS; how++) {
		cr_assert_eq(ends((enum http_end)how, false, 1), want[how], "%d", how);
		cr_assert(out.why[0] != '\0');
	}
	ends(HTTP_TLS, false, 1);
	cr_assert(strstr(out.todo, "ca_file") != NULL);
}

Test(api_error, takes_a_stream_that_was_cut_for_what_the_transport_says)
{
	struct api_failure f;

	api_failure_set(&f, 200, "cut", "the answer ended before it was complete");
	cr_assert_eq(api_judge(&f, HTTP_DONE, false, 1, NULL, NOW, 0, &out), API_RETRY);
	cr_assert_eq(api_judge(&f, HTTP_CUT, false, 1, NULL, NOW, 0, &out), API_RETRY);
	cr_assert(strstr(out.why, "connection") != NULL);
	cr_assert_eq(
	    api_judge(&f, HTTP_SILENT, false, 2, NULL, NOW, 0, &out), API_NEXT_ENDPOINT);
	api_failure_set(&f, 200, "protocol", "a second message_start");
	cr_assert_eq(
	    api_judge(&f, HTTP_ABORTED, false, 1, NULL, NOW, 0, &out), API_RETRY);
	cr_assert_eq(
	    api_judge(&f, HTTP_ABORTED, false, 2, NULL, NOW, 0, &out), API_NEXT_ENDPOINT);
}

Test(api_error, follows_x_should_retry)
{
	struct api_retry_headers yes = {.should_retry = "true"};
	struct api_retry_headers no = {.should_retry = "false"};

	cr_assert_eq(judge(400, "", 1, &yes), API_RETRY);
	cr_assert_eq(judge(529, "", 1, &no), API_NEXT_ENDPOINT);
	cr_assert_eq(
	    judge(400, ERROR("invalid_request_error", "prompt is too long"), 1, &yes),
	    API_SHRINK);
	cr_assert_eq(judge(401, "", 1, &yes), API_NEW_CREDENTIAL);
	cr_assert_eq(judge(401, "", 4, NULL), API_NEXT_ENDPOINT);
}

Test(api_error, reads_error_bodies_of_every_kind)
{
	struct api_failure f =
	    failure(529, CODED("overloaded_error", "Over\\nloaded", "c"));

	cr_assert_str_eq(f.type, "overloaded_error");
	cr_assert_str_eq(f.code, "c");
	cr_assert_str_eq(f.text, "Over loaded");
	f = failure(502, " <html><head><TITLE>502 Bad\n Gateway</title></head></html>");
	cr_assert_str_eq(f.text, "502 Bad Gateway");
	cr_assert_str_eq(f.type, "api_error");
	f = failure(503, "<!doctype html>");
	cr_assert_str_eq(f.text, "an HTML page");
	f = failure(502, "");
	cr_assert_str_eq(f.text, "");
	f = failure(413, "<title>cut off");
	cr_assert_str_eq(f.type, "request_too_large");
	cr_assert_str_eq(f.text, "an HTML page");
	f = failure(500, "{\"error\":{\"message\":\"trunca");
	cr_assert_str_eq(f.text, "{\"error\":{\"message\":\"trunca");
	f = failure(400, "{\"error\":\"model 'x' not found\"}");
	cr_assert_str_eq(f.text, "model 'x' not found");
	f = failure(
	    404, "{\"object\":\"error\",\"message\":\"no\",\"type\":\"NotFound\"}");
	cr_assert_str_eq(f.text, "no");
	f = failure(422, "{\"detail\":\"Field required\"}");
	cr_assert_str_eq(f.text, "Field required");
	f = failure(400, "{\"error\":{\"code\":\"x\",\"message\":7,\"type\":null}}");
	cr_assert_str_eq(f.code, "x");
	cr_assert_str_eq(f.type, "invalid_request_error");
	f = failure(500, "\x1b[31mred\xff\x07");
	cr_assert_str_eq(f.text, "[31mred\xef\xbf\xbd");
	f = failure(500, "[]");
	cr_assert_str_eq(f.text, "[]");
}

Test(api_error, cuts_what_is_too_long_between_two_characters)
{
	char body[9000];
	struct api_failure f;

	memset(body, 0, sizeof body);
	for (int i = 0; i < 4000; i++)
		memcpy(body + 2 * i, "\xc3\xa9", 2);
	f = failure(500, body);
	cr_assert_leq(strlen(f.text), 256);
	cr_assert_eq(strlen(f.text) % 2, 0);
	cr_assert_eq(api_judge(&f, HTTP_DONE, false, 1, NULL, NOW, 0, &out), API_RETRY);
	cr_assert_lt(strlen(out.why), sizeof out.why);
}
