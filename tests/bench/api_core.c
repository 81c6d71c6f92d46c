/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * api_core: what the Messages API's pure parts cost, one figure a line.
 *
 *   api-core        NAME VALUE UNIT
 *
 * A stream of 20,000 tokens beside the same tokens as the CLI prints them; a
 * megabyte of tool input; and a conversation of 1,000 turns, whose late turns must
 * cost what its early ones did.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/api/api_stream.h"
#include "engine/api/api_transcript.h"
#include "engine/cli/cli_stream.h"

#define TOKENS 20000
#define ROUNDS 9
#define PIECE 1400 /* bytes of one read */
#define TURNS 1000
#define SIDE 100 /* turns at each end that are compared */

static double
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, size_t n)
{
	qsort(v, n, sizeof *v, by_value);
	return v[n / 2];
}

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "api-core: %s\n", what);
	exit(1);
}

/* ---- streams ---- */

#define ADD(b, ...) must(buf_printf(b, __VA_ARGS__), "out of room")

static void
begin(struct buf *b, const char *block)
{
	ADD(b,
	    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
	    "\"m\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"x\",\"content\":"
	    "[],\"usage\":{\"input_tokens\":812,\"output_tokens\":1}}}\n\n");
	ADD(b,
	    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":"
	    "0,\"content_block\":%s}\n\n",
	    block);
}

static void
delta(struct buf *b, const char *type, const char *member, const char *value)
{
	ADD(b,
	    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	    "\"delta\":{\"type\":\"%s\",\"%s\":\"%s\"}}\n\n",
	    type, member, value);
}

static void
end(struct buf *b, const char *stop)
{
	ADD(b,
	    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":"
	    "0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
	    "\"stop_reason\":\"%s\"},\"usage\":{\"output_tokens\":20000}}\n\n"
	    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	    stop);
}

static size_t shown;

static void
on_api_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	(void)block, (void)off, (void)text, (void)arg;
	shown += len;
}

static double
api_once(const struct buf *b)
{
	static const struct api_stream_events events = {.delta = on_api_delta};
	double before = cpu_ms();
	struct api_stream *s = api_stream_new(&events, NULL);
	struct err e = {0};

	for (size_t at = 0; at < b->len; at += PIECE)
		must(api_stream_feed(
			 s, b->data + at, PIECE < b->len - at ? PIECE : b->len - at, &e),
		    e.words);
	must(api_stream_end(s, &e), e.words);
	api_stream_free(s);
	return cpu_ms() - before;
}

static void
on_cli_line(void *arg)
{
	(void)arg;
}

static void
on_cli_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	(void)block, (void)text, (void)len, (void)thinking, (void)cut, (void)arg;
}

static double
cli_once(const struct buf *b)
{
	static const struct cli_stream_events events = {
	    .line = on_cli_line, .delta = on_api_delta, .text = on_cli_text};
	double before = cpu_ms();
	struct cli_stream s;

	cli_stream_init(&s, &events, NULL);
	for (size_t at = 0; at < b->len; at += PIECE)
		cli_stream_feed(
		    &s, b->data + at, PIECE < b->len - at ? PIECE : b->len - at);
	cli_stream_fini(&s);
	return cpu_ms() - before;
}

static void
tokens(struct buf *api, struct buf *cli)
{
	begin(api, "{\"type\":\"text\",\"text\":\"\"}");
	ADD(cli,
	    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_start\","
	    "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}},"
	    "\"session_id\":\"s\",\"parent_tool_use_id\":null,\"uuid\":\"u\"}\n");
	for (int i = 0; i < TOKENS; i++) {
		delta(api, "text_delta", "text", i % 40 ? " token" : "\\n\\nline");
		ADD(cli,
		    "{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\","
		    "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}},"
		    "\"session_id\":\"s\",\"parent_tool_use_id\":null,\"uuid\":\"u\"}\n",
		    i % 40 ? " token" : "\\n\\nline");
	}
	end(api, "end_turn");
}

static void
bench_streams(void)
{
	double api_ms[ROUNDS], cli_ms[ROUNDS], input_ms[ROUNDS], a, c;
	struct buf api, cli, input;
	size_t api_shown;

	buf_init(&api, 1 << 26);
	buf_init(&cli, 1 << 26);
	buf_init(&input, 1 << 26);
	tokens(&api, &cli);
	begin(&input,
	    "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"Bash\",\"input\":{}}");
	delta(&input, "input_json_delta", "partial_json", "{\\\"a\\\":\\\"");
	for (int i = 0; i < 1024 * 1024 / 16; i++)
		delta(&input, "input_json_delta", "partial_json", "0123456789abcdef");
	delta(&input, "input_json_delta", "partial_json", "\\\"}");
	end(&input, "tool_use");
	for (int i = 0; i < ROUNDS; i++) {
		shown = 0;
		api_ms[i] = api_once(&api);
		api_shown = shown;
		shown = 0;
		cli_ms[i] = cli_once(&cli);
		must(shown != api_shown, "the two streams differ");
		input_ms[i] = api_once(&input);
	}
	a = median(api_ms, ROUNDS);
	c = median(cli_ms, ROUNDS);
	printf("stream_20000_tokens_api %.2f ms\n", a);
	printf("stream_20000_tokens_cli_lines %.2f ms\n", c);
	printf("stream_api_beside_cli_lines %.3f ratio\n", a / c);
	printf("stream_one_token_api %.2f us\n", a / TOKENS * 1e3);
	printf("tool_input_1_mib_api %.2f ms\n", median(input_ms, ROUNDS));
	buf_fini(&api);
	buf_fini(&cli);
	buf_fini(&input);
}

/* ---- a long conversation ---- */

static const struct api_body how = {.profile = API_VENDOR,
    .endpoint = "vendor",
    .model = "claude-opus-5-5",
    .system = "You help to recover a machine.",
    .tools = "[]",
    .thinking = true,
    .stream = true};

static size_t
body(struct api_transcript *t)
{
	const struct http_piece *pieces;
	struct err e = {0};
	size_t n;

	must(api_transcript_body(t, &how, &pieces, &n, &e), e.words);
	return n;
}

/* A prompt, a call, its result of 4 kB, an answer. */
static double
turn_ms(struct api_transcript *t, const char *output, size_t len)
{
	static const char call[] =
	    "[{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"Bash\","
	    "\"input\":{\"command\":\"uptime\"}}]";
	static const char text[] = "[{\"type\":\"text\",\"text\":\"It is up again.\"}]";
	struct api_message m = {
	    .stop = API_TOOL_USE, .content = call, .content_len = sizeof call - 1};
	struct api_result r = {"t1", output, len, false};
	double before = cpu_ms();

	api_transcript_prompt(t, "how is it?", 10);
	body(t);
	must(!api_transcript_assistant(t, &m, "vendor"), "not stored");
	api_transcript_results(t, &r, 1);
	body(t);
	m = (struct api_message){
	    .stop = API_END_TURN, .content = text, .content_len = sizeof text - 1};
	must(!api_transcript_assistant(t, &m, "vendor"), "not stored");
	return cpu_ms() - before;
}

static void
bench_transcript(void)
{
	static double ms[TURNS];
	static char output[4096];
	struct api_transcript *t = api_transcript_new();
	double early, late, all = 0;

	memset(output, 'x', sizeof output);
	for (int i = 0; i < TURNS; i++) {
		ms[i] = turn_ms(t, output, sizeof output);
		all += ms[i];
	}
	early = median(ms, SIDE);
	late = median(ms + TURNS - SIDE, SIDE);
	printf("turns_1000_all %.2f ms\n", all);
	printf("turn_1_to_100 %.2f us\n", early * 1e3);
	printf("turn_901_to_1000 %.2f us\n", late * 1e3);
	printf("turn_late_beside_early %.2f ratio\n", late / early);
	printf("turns_1000_bytes %.2f MB\n", (double)api_transcript_bytes(t) / 1e6);
	api_transcript_free(t);
}

int
main(void)
{
	bench_streams();
	bench_transcript();
	return 0;
}
