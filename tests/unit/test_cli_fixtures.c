/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Recorded runs of the real CLI under other flags than ours, in fixtures/recorded.
 *
 * What the reader tells is compared with a second, naive reading of the same lines,
 * and must be the same however the bytes are cut: at each single place of the small
 * files, at many of the large ones, and in pieces of 1, 2, 3, 7 and 4096 bytes.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "engine/cli/cli_stream.h"

#define SMALL (6 * 1024) /* bytes of a file that is cut at each place */

static struct buf told;

static void
add(const char *word, const char *text, size_t len)
{
	cr_assert_eq(buf_printf(&told, "%s ", word), 0);
	cr_assert_eq(buf_add(&told, text, len), 0);
	cr_assert_eq(buf_add(&told, "\n", 1), 0);
}

static void
on_bad(const char *why, void *arg)
{
	add("bad", why, strlen(why));
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	if (arg)
		add("delta", text, len);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	add(thinking ? "thinking" : "text", text, len);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
	add("tool", id, strlen(id));
}

static void
on_tool_end(const char *id, bool failed, const char *text, size_t len, void *arg)
{
	add(failed ? "failed" : "done", id, strlen(id));
}

static void
on_retry(int attempt, int max, int delay_ms, int status, const char *error, void *arg)
{
	add("retry", "", 0);
}

static void
on_api_error(int status, const char *text, void *arg)
{
	add("api_error", text, strlen(text));
}

static void
on_result(const struct cli_result *r, void *arg)
{
	add("result", r->is_error ? "error" : "ok", r->is_error ? 5 : 2);
}

static void
on_line(void *arg)
{
}

static void
on_init(const char *session, const char *model, const char *version, void *arg)
{
}

static void
on_note(const char *text, void *arg)
{
}

static void
on_answer(const char *request, bool ok, void *arg)
{
}

static void
on_asks(const char *request, struct js *what, void *arg)
{
}

static const struct cli_stream_events events = {.line = on_line,
    .init = on_init,
    .note = on_note,
    .answer = on_answer,
    .asks = on_asks,
    .bad = on_bad,
    .delta = on_delta,
    .text = on_text,
    .tool = on_tool,
    .tool_end = on_tool_end,
    .retry = on_retry,
    .api_error = on_api_error,
    .result = on_result};

/* --- the naive reading --- */

static void
naive_assistant(const struct js *line)
{
	const struct js *content = js_get_array(js_get(line, "message"), "content");

	for (size_t i = 0; i < js_len(content); i++) {
		const struct js *b = js_at(content, i);
		size_t len = 0;
		const char *text =
		    js_strn(b, js_is(b, "type", "thinking") ? "thinking" : "text", &len);

		if (js_bool(line, "is_api_error_message", false))
			add("api_error", text, len);
		else if (js_is(b, "type", "text") && len > 0)
			add("text", text, len);
		else if (js_is(b, "type", "thinking") && len > 0)
			add("thinking", text, len);
		else if (js_is(b, "type", "tool_use"))
			add("tool", js_str(b, "id"), strlen(js_str(b, "id")));
	}
}

static void
naive_user(const struct js *line)
{
	const struct js *content = js_get_array(js_get(line, "message"), "content");

	for (size_t i = 0; i < js_len(content); i++) {
		const struct js *b = js_at(content, i);
		const char *id = js_str(b, "tool_use_id");

		if (js_is(b, "type", "tool_result"))
			add(js_bool(b, "is_error", false) ? "failed" : "done", id,
			    strlen(id));
	}
}

static void
naive_line(const char *text, size_t len)
{
	struct err err;
	struct js *line = js_parse(text, len, &err);

	cr_assert_not_null(line, "%s", err.words);
	if (js_is(line, "type", "assistant"))
		naive_assistant(line);
	else if (js_is(line, "type", "user"))
		naive_user(line);
	else if (js_is(line, "subtype", "api_retry"))
		add("retry", "", 0);
	else if (js_is(line, "type", "result"))
		add("result", js_bool(line, "is_error", false) ? "error" : "ok",
		    js_bool(line, "is_error", false) ? 5 : 2);
	js_free(line);
}

static char *
naive(const char *text, size_t len)
{
	buf_init(&told, 1024 * 1024);
	for (const char *at = text, *end = text + len; at < end;) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf)
			break; /* killed in the middle of a line */
		naive_line(at, (size_t)(lf - at));
		at = lf + 1;
	}
	return told.data ? told.data : strdup("");
}

/* --- the reader --- */

static char *
read_cut(const char *text, size_t len, size_t first, size_t step, void *deltas)
{
	struct cli_stream s;

	buf_init(&told, 4 * 1024 * 1024);
	cli_stream_init(&s, &events, deltas);
	cli_stream_feed(&s, text, first);
	for (size_t at = first; at < len; at += step)
		cli_stream_feed(&s, text + at, len - at < step ? len - at : step);
	cli_stream_fini(&s);
	return told.data ? told.data : strdup("");
}

static void
check_cuts(const char *name, const char *text, size_t len)
{
	static const size_t steps[] = {1, 2, 3, 7, 4096};
	static int with_deltas;
	char *whole = read_cut(text, len, len, 1, &with_deltas), *again;
	size_t stride = len <= SMALL ? 1 : len / 200;

	for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		again = read_cut(text, len, 0, steps[i], &with_deltas);
		cr_assert_str_eq(again, whole, "%s in pieces of %zu", name, steps[i]);
		free(again);
	}
	for (size_t at = 1; at < len; at += stride) {
		again = read_cut(text, len, at, len, &with_deltas);
		cr_assert_str_eq(again, whole, "%s cut at %zu", name, at);
		free(again);
	}
	free(whole);
}

Test(cli_fixtures, each_recorded_run_is_told_as_it_stands_however_it_is_cut)
{
	DIR *dir = opendir(FIXTURES_DIR "/recorded");
	struct dirent *entry;
	int files = 0;

	cr_assert_not_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[600], *text, *want, *got;
		struct err err;
		size_t len;

		if (!strstr(entry->d_name, ".jsonl"))
			continue;
		snprintf(path, sizeof path, FIXTURES_DIR "/recorded/%s", entry->d_name);
		text = fd_read_file(path, 1024 * 1024, &len, &err);
		cr_assert_not_null(text, "%s", err.words);
		want = naive(text, len);
		got = read_cut(text, len, len, 1, NULL);
		cr_expect_str_eq(
		    got, want, "%s:\n%s\nand not:\n%s", entry->d_name, got, want);
		check_cuts(entry->d_name, text, len);
		free(want);
		free(got);
		free(text);
		files++;
	}
	closedir(dir);
	cr_assert_gt(files, 25);
}
