/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/api/api_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "engine/api/api_block.h"
#include "engine/api/api_usage.h"
#include "engine/api/sse.h"

#define WORD_MAX 128 /* bytes of an id, a model, a stop reason */
#define SENTENCE_MAX 512

struct api_stream {
	const struct api_stream_events *ev;
	void *arg;
	struct sse sse;
	bool started, done, showed, failed;
	struct api_failure failure;
	struct api_block *blocks;
	size_t n_blocks, blocks_size;
	size_t bytes;		     /* of the blocks that ended */
	int64_t tokens, tokens_seen; /* estimated, while it thinks */
	struct api_message m;
	struct api_call *calls;
	struct buf content;
	char id[WORD_MAX], model[WORD_MAX], stop_word[WORD_MAX], sequence[WORD_MAX];
	char category[WORD_MAX], explanation[SENTENCE_MAX], served[WORD_MAX];
};

static const struct api_stream_events no_events;

struct api_stream *
api_stream_new(const struct api_stream_events *ev, void *arg)
{
	struct api_stream *s = mem_alloc(sizeof *s);

	s->ev = ev ? ev : &no_events;
	s->arg = arg;
	sse_init(&s->sse, SSE_EVENT_MAX);
	buf_init(&s->content, 2 * (size_t)API_MESSAGE_MAX);
	api_usage_init(&s->m.usage);
	s->tokens = -1;
	return s;
}

void
api_stream_free(struct api_stream *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_blocks; i++)
		api_block_fini(&s->blocks[i]);
	free(s->blocks);
	free(s->calls);
	buf_fini(&s->content);
	sse_fini(&s->sse);
	free(s);
}

static int
fail(struct api_stream *s, const char *type, const char *text, struct err *err)
{
	if (!s->failed)
		api_failure_set(&s->failure, 200, type, text);
	s->failed = true;
	return err_set(err, ERR_PROTOCOL, "%s", s->failure.text);
}

/* What went wrong below: its words, and a type by its code. */
static int
failed_below(struct api_stream *s, struct err *err)
{
	struct err e = *err;

	return fail(s, e.code == ERR_LIMIT ? "limit" : "protocol", e.words, err);
}

static int
bad(struct api_stream *s, const char *text, struct err *err)
{
	return fail(s, "protocol", text, err);
}

enum api_stop
api_stop_by_word(const char *word)
{
	static const struct {
		const char *word;
		enum api_stop stop;
	} stops[] = {
	    {"compaction", API_COMPACTION},
	    {"end_turn", API_END_TURN},
	    {"max_tokens", API_MAX_TOKENS},
	    {"model_context_window_exceeded", API_CONTEXT_FULL},
	    {"pause_turn", API_PAUSE_TURN},
	    {"refusal", API_REFUSAL},
	    {"stop_sequence", API_STOP_SEQUENCE},
	    {"tool_use", API_TOOL_USE},
	};

	if (!word || !*word)
		return API_STOP_NONE;
	for (size_t i = 0; i < ARRAY_LEN(stops); i++)
		if (strcmp(word, stops[i].word) == 0)
			return stops[i].stop;
	return API_STOP_OTHER;
}

/* ---- the message ---- */

static void
take_usage(struct api_stream *s, struct jraw usage)
{
	if (jraw_kind(usage) != '{')
		return;
	api_usage_merge(&s->m.usage, usage);
	if (s->ev->usage)
		s->ev->usage(&s->m.usage, s->arg);
}

static int
on_message_start(struct api_stream *s, struct jraw e, struct err *err)
{
	struct jraw m = jraw_get(e, "message"), moved, first;
	size_t at = 0;

	if (s->started)
		return bad(s, "a second message_start", err);
	if (jraw_kind(m) != '{')
		return bad(s, "a message_start without a message", err);
	s->started = true;
	s->m.id = jraw_text(jraw_get(m, "id"), s->id, sizeof s->id);
	s->m.model = jraw_text(jraw_get(m, "model"), s->model, sizeof s->model);
	moved = jraw_get(m, "input_transformations");
	s->m.transformed = jraw_kind(moved) == '[' && jraw_next(moved, &at, NULL, &first);
	if (s->ev->started)
		s->ev->started(s->id, s->model, s->arg);
	take_usage(s, jraw_get(m, "usage"));
	return 0;
}

/* What message_delta says, and a whole message says by itself. */
static void
take_stop(struct api_stream *s, struct jraw d)
{
	struct jraw details = jraw_get(d, "stop_details"), v;

	if (jraw_kind(jraw_get(d, "stop_reason")) == '"') {
		jraw_text(jraw_get(d, "stop_reason"), s->stop_word, sizeof s->stop_word);
		s->m.stop = api_stop_by_word(s->stop_word);
	}
	v = jraw_get(d, "stop_sequence");
	if (jraw_kind(v) == '"')
		s->m.stop_sequence = jraw_text(v, s->sequence, sizeof s->sequence);
	v = jraw_get(details, "category");
	if (jraw_kind(v) == '"')
		s->m.category = jraw_text(v, s->category, sizeof s->category);
	v = jraw_get(details, "explanation");
	if (jraw_kind(v) == '"')
		s->m.explanation = jraw_text(v, s->explanation, sizeof s->explanation);
}

static int
on_message_delta(struct api_stream *s, struct jraw e, struct err *err)
{
	if (!s->started)
		return bad(s, "a message_delta before message_start", err);
	take_stop(s, jraw_get(e, "delta"));
	take_usage(s, jraw_get(e, "usage"));
	return 0;
}

/* ---- its blocks ---- */

static void
tell_begin(struct api_stream *s, const struct api_block *b, struct jraw start)
{
	char from[WORD_MAX];

	if (b->kind == BLOCK_TOOL) {
		s->showed = true;
		if (s->ev->tool_begins)
			s->ev->tool_begins(b->id, b->name, s->arg);
	}
	if (b->kind != BLOCK_FALLBACK)
		return;
	jraw_text(jraw_get(jraw_get(start, "from"), "model"), from, sizeof from);
	s->m.served =
	    jraw_text(jraw_get(jraw_get(start, "to"), "model"), s->served, WORD_MAX);
	if (s->ev->fallback)
		s->ev->fallback(from, s->served, s->arg);
}

static void
tell_text(struct api_stream *s, const struct api_block *b, size_t off)
{
	if (b->kind != BLOCK_TEXT || b->text.len == off)
		return;
	s->showed = true;
	if (s->ev->delta)
		s->ev->delta((int)(b - s->blocks), off, b->text.data + off,
		    b->text.len - off, s->arg);
}

static void
tell_thinking(struct api_stream *s, int64_t tokens)
{
	if (tokens >= 0) {
		/* cumulative for a block: a smaller figure is another block's */
		s->tokens = (s->tokens < 0 ? 0 : s->tokens) + tokens -
		    (tokens >= s->tokens_seen ? s->tokens_seen : 0);
		s->tokens_seen = tokens;
	}
	if (s->ev->thinking)
		s->ev->thinking(s->tokens, s->arg);
}

static struct api_block *
block_at(struct api_stream *s, int64_t index)
{
	for (size_t i = s->n_blocks; i > 0; i--)
		if (s->blocks[i - 1].index == index)
			return &s->blocks[i - 1];
	return NULL;
}

static int
begin_block(struct api_stream *s, int64_t index, struct jraw start, struct err *err)
{
	struct api_block *b;

	if (jraw_kind(start) != '{')
		return bad(s, "a content_block_start without a block", err);
	if (s->n_blocks == API_BLOCKS_MAX)
		return fail(s, "limit", "too many content blocks", err);
	if (s->n_blocks == s->blocks_size) {
		s->blocks_size = s->blocks_size ? s->blocks_size * 2 : 8;
		s->blocks = mem_resize(s->blocks, s->blocks_size * sizeof *s->blocks);
	}
	b = &s->blocks[s->n_blocks++];
	if (api_block_begin(b, index, start, err) < 0)
		return failed_below(s, err);
	for (size_t i = 0; b->kind == BLOCK_TOOL && i + 1 < s->n_blocks; i++)
		if (s->blocks[i].id && strcmp(s->blocks[i].id, b->id) == 0)
			return bad(s, "two tool calls with the same id", err);
	tell_begin(s, b, start);
	tell_text(s, b, 0);
	if (b->kind == BLOCK_THINKING || b->kind == BLOCK_REDACTED)
		tell_thinking(s, -1);
	return 0;
}

static int
on_block_start(struct api_stream *s, struct jraw e, struct err *err)
{
	int64_t index = jraw_int(jraw_get(e, "index"), -1);

	if (!s->started)
		return bad(s, "a content block before message_start", err);
	if (index < 0)
		return bad(s, "a content block without an index", err);
	if (block_at(s, index))
		return bad(s, "a content block with an index that was used", err);
	return begin_block(s, index, jraw_get(e, "content_block"), err);
}

/* The open block that an event is about; NULL, and failed. */
static struct api_block *
open_block(struct api_stream *s, struct jraw e, const char *what, struct err *err)
{
	struct api_block *b = block_at(s, jraw_int(jraw_get(e, "index"), -1));

	if (!s->started || !b || !b->open) {
		bad(s, what, err);
		return NULL;
	}
	return b;
}

static int
on_block_delta(struct api_stream *s, struct jraw e, struct err *err)
{
	struct api_block *b =
	    open_block(s, e, "a delta for a content block that is not open", err);
	struct api_delta d;

	if (!b)
		return -1;
	if (api_block_delta(b, jraw_get(e, "delta"), &d, err) < 0)
		return failed_below(s, err);
	if (s->bytes + api_block_bytes(b) > API_MESSAGE_MAX)
		return fail(s, "limit", "the answer is longer than we take", err);
	if (d.thinks)
		tell_thinking(s, d.tokens);
	if (d.len)
		tell_text(s, b, d.off);
	return 0;
}

static int
end_block(struct api_stream *s, struct api_block *b, struct err *err)
{
	bool thinking = b->kind == BLOCK_THINKING;

	if (api_block_end(b, err) < 0)
		return failed_below(s, err);
	s->bytes += api_block_bytes(b);
	if (s->bytes > API_MESSAGE_MAX)
		return fail(s, "limit", "the answer is longer than we take", err);
	if ((thinking || b->kind == BLOCK_TEXT) && b->text.len && s->ev->text)
		s->ev->text(
		    (int)(b - s->blocks), b->text.data, b->text.len, thinking, s->arg);
	s->m.has_text = s->m.has_text || (b->kind == BLOCK_TEXT && b->text.len);
	return 0;
}

static int
on_block_stop(struct api_stream *s, struct jraw e, struct err *err)
{
	struct api_block *b =
	    open_block(s, e, "a stop for a content block that is not open", err);

	return b ? end_block(s, b, err) : -1;
}

/* ---- the end ---- */

static int
add_part(struct api_stream *s, size_t i)
{
	const struct api_block *b = &s->blocks[i];

	if (!api_block_goes_back(s->blocks, s->n_blocks, i))
		return 0;
	if (b->kind == BLOCK_TOOL)
		s->calls[s->m.n_calls++] = (struct api_call){
		    .id = b->id,
		    .name = b->name,
		    .input = b->input.data,
		    .len = b->input.len,
		    .bad = b->bad,
		};
	if (s->content.len > 1 && buf_add(&s->content, ",", 1) < 0)
		return -1;
	return buf_add(&s->content, b->echo.data, b->echo.len);
}

static int
finish(struct api_stream *s, struct err *err)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		struct api_block *b = &s->blocks[i];

		if (!b->open)
			continue;
		b->ended_early = true;
		if (end_block(s, b, err) < 0)
			return -1;
	}
	s->calls = mem_alloc((s->n_blocks + 1) * sizeof *s->calls);
	if (buf_add(&s->content, "[", 1) < 0)
		return -1;
	for (size_t i = 0; i < s->n_blocks; i++)
		if (add_part(s, i) < 0)
			return fail(s, "limit", "the answer is longer than we take", err);
	if (buf_add(&s->content, "]", 1) < 0)
		return -1;
	s->m.calls = s->calls;
	s->m.content = s->content.data;
	s->m.content_len = s->content.len;
	s->m.stop_word = s->stop_word;
	s->done = true;
	return 0;
}

static int
on_message_stop(struct api_stream *s, struct jraw e, struct err *err)
{
	(void)e;
	if (!s->started)
		return bad(s, "a message_stop before message_start", err);
	return finish(s, err);
}

static int
on_error(struct api_stream *s, const char *data, size_t len, struct err *err)
{
	api_failure_parse(200, data, len, &s->failure);
	s->failed = true;
	return err_set(err, ERR_UNREACHABLE, "%s: %s", s->failure.type, s->failure.text);
}

/* ---- events ---- */

static const struct {
	const char *type;
	int (*fn)(struct api_stream *s, struct jraw e, struct err *err);
} kinds[] = {
    {"content_block_delta", on_block_delta},
    {"content_block_start", on_block_start},
    {"content_block_stop", on_block_stop},
    {"message_delta", on_message_delta},
    {"message_start", on_message_start},
    {"message_stop", on_message_stop},
};

/* The type stands in the data; the event's name is asked where it does not. */
static int
take_event(struct api_stream *s, const struct sse_event *e, struct err *err)
{
	struct err not_json = {0};
	struct jraw v = {NULL, 0};
	char type[64];
	bool is_json = jraw_check(e->data, e->len, &v, &not_json) == 0;

	if (!is_json || jraw_kind(v) != '{')
		v.s = NULL;
	jraw_text(jraw_get(v, "type"), type, sizeof type);
	if (strcmp(type[0] ? type : e->name, "error") == 0)
		return on_error(s, e->data, e->len, err);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(kinds[i].type, type[0] ? type : e->name) != 0)
			continue;
		if (v.s)
			return kinds[i].fn(s, v, err);
		err_set(err, ERR_PROTOCOL, "a %s that is %s", e->name,
		    is_json ? "no JSON object" : not_json.words);
		return failed_below(s, err);
	}
	return 0; /* a ping, "[DONE]", or what nobody knew when this was written */
}

struct feeding {
	struct api_stream *s;
	struct err *err;
};

static bool
on_event(const struct sse_event *e, void *arg)
{
	struct feeding *f = arg;

	if (f->s->ev->alive)
		f->s->ev->alive(f->s->arg);
	return take_event(f->s, e, f->err) == 0 && !f->s->done;
}

int
api_stream_feed(struct api_stream *s, const char *data, size_t len, struct err *err)
{
	struct feeding f = {s, err};

	if (s->done)
		return 0;
	if (s->failed)
		return err_set(err, ERR_PROTOCOL, "%s", s->failure.text);
	if (sse_feed(&s->sse, data, len, on_event, &f, err) < 0)
		return failed_below(s, err);
	return s->failed ? -1 : 0;
}

int
api_stream_end(struct api_stream *s, struct err *err)
{
	if (s->done)
		return 0;
	if (s->failed)
		return err_set(err, ERR_PROTOCOL, "%s", s->failure.text);
	return fail(s, "cut",
	    sse_end(&s->sse) ? "the answer broke off in the middle of an event"
			     : "the answer ended before it was complete",
	    err);
}

/* ---- a message in one piece ---- */

int
api_stream_whole(struct api_stream *s, const char *json, size_t len, struct err *err)
{
	struct jraw v, content, block, none = {NULL, 0};
	struct err e = {0};
	size_t at = 0;

	if (s->started || s->failed || s->done)
		return bad(s, "a second message", err);
	if (jraw_check(json, len, &v, &e) < 0 || jraw_kind(v) != '{')
		return bad(s, "the answer is neither an event stream nor JSON", err);
	if (jraw_is(jraw_get(v, "type"), "error"))
		return on_error(s, json, len, err);
	content = jraw_get(v, "content");
	if (jraw_kind(content) != '[')
		return bad(s, "the answer is JSON, but no message", err);
	s->started = true;
	s->m.id = jraw_text(jraw_get(v, "id"), s->id, sizeof s->id);
	s->m.model = jraw_text(jraw_get(v, "model"), s->model, sizeof s->model);
	if (s->ev->started)
		s->ev->started(s->id, s->model, s->arg);
	while (jraw_next(content, &at, &none, &block)) {
		if (begin_block(s, (int64_t)s->n_blocks, block, err) < 0 ||
		    end_block(s, &s->blocks[s->n_blocks - 1], err) < 0)
			return -1;
	}
	take_stop(s, v);
	take_usage(s, jraw_get(v, "usage"));
	return finish(s, err);
}

bool
api_stream_is_done(const struct api_stream *s)
{
	return s->done;
}

bool
api_stream_showed(const struct api_stream *s)
{
	return s->showed;
}

const struct api_message *
api_stream_message(const struct api_stream *s)
{
	return s->done ? &s->m : NULL;
}

const struct api_failure *
api_stream_failure(const struct api_stream *s)
{
	return s->failed ? &s->failure : NULL;
}

const struct api_usage *
api_stream_usage(const struct api_stream *s)
{
	return &s->m.usage;
}

uint64_t
api_stream_events_seen(const struct api_stream *s)
{
	return s->sse.events;
}
