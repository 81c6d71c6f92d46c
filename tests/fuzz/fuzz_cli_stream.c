/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What claude prints: any bytes, cut anywhere, give the same events; strings are
 * whole, offsets go on where the text ended.
 */
#include <string.h>

#include "base/text.h"
#include "engine/cli/cli_mark.h"
#include "engine/cli/cli_stream.h"
#include "fuzz/fuzz.h"

struct seen {
	uint64_t hash, events;
	int block;
	size_t off;
};

static void
mix(struct seen *s, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ ((const unsigned char *)p)[i]) * 1099511628211ULL;
	s->hash = (s->hash ^ 0x1ff) * 1099511628211ULL;
	s->events++;
}

static void
mix_text(struct seen *s, const char *text, size_t len)
{
	must(text_is_utf8(text, len));
	mix(s, text, len);
}

static void
mix_string(struct seen *s, const char *text)
{
	if (text)
		mix_text(s, text, strlen(text));
}

static void
on_line(void *arg)
{
	mix(arg, "l", 1);
}

static void
on_bad(const char *why, void *arg)
{
	must(why[0]);
	mix_string(arg, why);
}

static void
on_init(const char *session, const char *model, const char *version, void *arg)
{
	mix_string(arg, session);
	mix_string(arg, model);
	mix_string(arg, version);
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct seen *s = arg;

	must(block >= 0 && len > 0);
	must(off == 0 || (block == s->block && off == s->off));
	s->block = block;
	s->off = off + len;
	mix_text(s, text, len);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, bool cut, void *arg)
{
	must(block >= 0);
	mix(arg, thinking ? "t" : cut ? "c" : "-", 1);
	mix_text(arg, text, len);
}

static void
on_tool(const char *id, const char *name, const char *what, size_t len, void *arg)
{
	mix_string(arg, id);
	mix_string(arg, name);
	for (size_t i = 0; i < len; i++)
		must((unsigned char)what[i] >= 0x20 && what[i] != 0x7f); /* one line */
	mix_text(arg, what, len);
}

static void
on_tool_end(const char *id, bool failed, const char *text, size_t len, void *arg)
{
	mix_string(arg, id);
	mix(arg, failed ? "1" : "0", 1);
	mix_text(arg, text, len);
}

static void
on_retry(int attempt, int max, int delay_ms, int status, const char *error, void *arg)
{
	int n[] = {attempt, max, delay_ms, status};

	mix(arg, n, sizeof n);
	mix_string(arg, error);
}

static void
on_api_error(int status, const char *text, void *arg)
{
	mix(arg, &status, sizeof status);
	mix_string(arg, text);
}

static void
on_note(const char *text, void *arg)
{
	mix_string(arg, text);
}

static void
on_answer(const char *request, bool ok, void *arg)
{
	mix_string(arg, request);
	mix(arg, ok ? "1" : "0", 1);
}

static void
on_asks(const char *request, struct js *what, void *arg)
{
	struct js *answer = what ? cli_mark_answer(what) : NULL;
	struct buf text;

	mix_string(arg, request);
	if (answer) {
		buf_init(&text, 8 * CLI_MARK_MAX);
		must(js_print(answer, &text) == 0);
		mix(arg, text.data, text.len);
		buf_fini(&text);
		js_free(answer);
	}
}

static void
on_result(const struct cli_result *r, void *arg)
{
	must(r->reason);
	must(r->total_usd - r->total_usd == 0); /* finite */
	mix_string(arg, r->reason);
	mix_string(arg, r->text);
}

static void
on_usage(bool fresh, int64_t in, int64_t cache, int64_t write, int64_t out, void *arg)
{
	int64_t n[] = {fresh, in, cache, write, out};

	mix(arg, n, sizeof n);
}

static const struct cli_stream_events events = {.line = on_line,
    .bad = on_bad,
    .init = on_init,
    .delta = on_delta,
    .text = on_text,
    .tool = on_tool,
    .tool_end = on_tool_end,
    .retry = on_retry,
    .api_error = on_api_error,
    .note = on_note,
    .answer = on_answer,
    .asks = on_asks,
    .result = on_result,
    .usage = on_usage};

static struct seen
feed(const char *data, size_t size, size_t cut, size_t step)
{
	struct seen s = {.block = -1};
	struct cli_stream c;

	cli_stream_init(&c, &events, &s);
	cli_stream_feed(&c, data, cut);
	for (size_t i = cut; i < size; i += step)
		cli_stream_feed(&c, data + i, step < size - i ? step : size - i);
	cli_stream_cut(&c);
	cli_stream_fini(&c);
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const char *data = (const char *)bytes;
	struct seen all = feed(data, size, 0, size ? size : 1), other;

	for (size_t cut = 0; cut < size; cut += size <= 64 ? 1 : size / 4 + 1) {
		other = feed(data, size, cut, size);
		must(other.hash == all.hash && other.events == all.events);
	}
	other = feed(data, size, 0, 1);
	must(other.hash == all.hash && other.events == all.events);
	return 0;
}
