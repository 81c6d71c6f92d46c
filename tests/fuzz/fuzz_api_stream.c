/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One answer of the Messages API, made of any bytes: it ends well or with a
 * failure that has words, the same in pieces as whole; what goes back and every
 * input that may run pass a strict reader; the transcript takes it.
 */
#include <string.h>

#include "base/text.h"
#include "engine/api/api_stream.h"
#include "engine/api/api_transcript.h"
#include "engine/api/jraw.h"
#include "fuzz/fuzz.h"
#include "wire/json.h"

static size_t shown;

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	(void)arg;
	must(block >= 0 && off < API_MESSAGE_MAX);
	must(text_is_utf8(text, len));
	shown += len;
}

static const struct api_stream_events events = {.delta = on_delta};

static struct api_stream *
run(const uint8_t *data, size_t size, size_t step)
{
	struct api_stream *s = api_stream_new(&events, NULL);
	struct err e = {0};
	int rc = 0;

	for (size_t at = 0; at < size && rc == 0; at += step)
		rc = api_stream_feed(
		    s, (const char *)data + at, step < size - at ? step : size - at, &e);
	if (rc == 0)
		rc = api_stream_end(s, &e);
	must((rc == 0) == api_stream_is_done(s));
	must((rc == 0) == (api_stream_failure(s) == NULL));
	must(rc == 0 || api_stream_failure(s)->type[0] != '\0');
	return s;
}

static void
check_message(const struct api_message *m)
{
	struct jraw v;
	struct err e = {0};

	must(jraw_check(m->content, m->content_len, &v, &e) == 0);
	must(jraw_kind(v) == '[');
	must(!(jraw_flaws(v) & JRAW_HALF));
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct api_call *c = &m->calls[i];
		struct js *j;

		must(strlen(c->input) == c->len || c->bad);
		must(c->id[0] && c->name[0]);
		if (c->bad)
			continue;
		j = js_parse(c->input, c->len, &e);
		must(j != NULL);
		js_free(j);
	}
}

static void
check_transcript(const struct api_message *m, enum api_profile profile)
{
	struct api_body how = {.profile = profile, .endpoint = "e", .model = "m"};
	struct api_transcript *t = api_transcript_new();
	const struct http_piece *pieces;
	struct jraw v;
	struct err e = {0};
	struct buf b;
	size_t n;

	api_transcript_prompt(t, "p", 1);
	(void)api_transcript_assistant(t, m, profile == API_VENDOR ? "e" : "other");
	api_transcript_prompt(t, "q", 1);
	must(api_transcript_body(t, &how, &pieces, &n, &e) == 0);
	buf_init(&b, 1 << 24);
	for (size_t i = 0; i < n; i++)
		must(buf_add(&b, pieces[i].data, pieces[i].len) == 0);
	must(jraw_check(b.data, b.len, &v, &e) == 0);
	buf_fini(&b);
	api_transcript_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct api_stream *whole, *pieces;
	struct api_failure f;
	struct err e = {0};
	size_t shown_whole;

	shown = 0;
	whole = run(data, size, size ? size : 1);
	shown_whole = shown;
	shown = 0;
	pieces = run(data, size, 3);
	must(api_stream_is_done(whole) == api_stream_is_done(pieces));
	must(shown == shown_whole);
	if (api_stream_is_done(whole)) {
		const struct api_message *a = api_stream_message(whole);
		const struct api_message *b = api_stream_message(pieces);

		must(a->content_len == b->content_len);
		must(memcmp(a->content, b->content, a->content_len) == 0);
		check_message(a);
		check_transcript(a, API_VENDOR);
		check_transcript(a, API_PORTABLE);
	}
	api_stream_free(whole);
	api_stream_free(pieces);
	whole = api_stream_new(&events, NULL);
	if (api_stream_whole(whole, (const char *)data, size, &e) == 0)
		check_message(api_stream_message(whole));
	api_stream_free(whole);
	api_failure_parse(500, (const char *)data, size, &f);
	must(text_is_utf8(f.text, strlen(f.text)) && strlen(f.type) > 0);
	return 0;
}
