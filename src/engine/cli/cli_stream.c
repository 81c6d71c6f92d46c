/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/cli/cli_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PARTIAL_MAX (1024 * 1024) /* bytes of one unfinished block */
#define TOOL_TEXT_MAX (256 * 1024)
#define WHAT_MAX (16 * 1024)
#define LINE_KEEP (256 * 1024) /* bytes of line buffer that outlive a long line */

void
cli_stream_init(struct cli_stream *s, const struct cli_stream_events *ev, void *arg)
{
	memset(s, 0, sizeof *s);
	s->ev = ev;
	s->arg = arg;
	frame_init(&s->frame, CLI_LINE_MAX);
	buf_init(&s->partial, PARTIAL_MAX);
}

void
cli_stream_fini(struct cli_stream *s)
{
	frame_fini(&s->frame);
	buf_fini(&s->partial);
}

void
cli_stream_turn(struct cli_stream *s)
{
	s->next_block = 0;
	s->open = false;
}

void
cli_stream_cut(struct cli_stream *s)
{
	if (s->open && !s->stale && s->partial.len)
		s->ev->text(
		    s->block, s->partial.data, s->partial.len, false, true, s->arg);
	s->open = false;
}

void
cli_stream_restart(struct cli_stream *s)
{
	frame_fini(&s->frame);
	frame_init(&s->frame, CLI_LINE_MAX);
	s->dropped = 0;
	s->open = false;
}

/* ---- text as it streams ---- */

static void
on_delta(struct cli_stream *s, const char *text, size_t len)
{
	size_t off = s->partial.len;

	if (!s->open || len == 0 || buf_add(&s->partial, text, len) < 0)
		return; /* the finished block will have all of it */
	s->ev->delta(s->block, off, text, len, s->arg);
}

static void
on_block_start(struct cli_stream *s, const struct js *block)
{
	const char *text;
	size_t len;

	if (!js_is(block, "type", "text"))
		return;
	if (!s->open)
		s->block = s->next_block++;
	s->open = true;
	s->stale = false;
	buf_clear(&s->partial);
	text = js_strn(block, "text", &len);
	if (text)
		on_delta(s, text, len);
}

static void
on_usage(struct cli_stream *s, const struct js *holder, bool fresh)
{
	const struct js *u = holder ? js_get(holder, "usage") : NULL;

	if (u && s->ev->usage)
		s->ev->usage(fresh, js_int(u, "input_tokens", -1),
		    js_int(u, "cache_read_input_tokens", -1),
		    js_int(u, "cache_creation_input_tokens", -1),
		    js_int(u, "output_tokens", -1), s->arg);
}

static void
on_stream_event(struct cli_stream *s, const struct js *m)
{
	const struct js *e = js_get(m, "event"), *block, *delta;
	const char *text;
	size_t len;

	if (!e)
		return;
	if (js_is(e, "type", "message_start")) {
		s->stale = s->open;
		on_usage(s, js_get(e, "message"), true);
	} else if (js_is(e, "type", "message_delta"))
		on_usage(s, e, false);
	block = js_get(e, "content_block");
	if (block && js_is(e, "type", "content_block_start"))
		on_block_start(s, block);
	if (!js_is(e, "type", "content_block_delta"))
		return;
	delta = js_get(e, "delta");
	if (!delta || !js_is(delta, "type", "text_delta"))
		return;
	text = js_strn(delta, "text", &len);
	if (text)
		on_delta(s, text, len);
}

/* ---- finished blocks ---- */

static void
on_text_block(struct cli_stream *s, const struct js *block, bool cut)
{
	size_t len;
	const char *text = js_strn(block, "text", &len);

	if (!text)
		return;
	if (!s->open)
		s->block = s->next_block++;
	s->open = false;
	s->ev->text(s->block, text, len, false, cut, s->arg);
}

/* One line, whatever it holds: what a line end or a control byte is, stays visible. */
static void
add_one_line(struct buf *out, const char *s, size_t len)
{
	static const char named[] = "\n\r\t", letters[] = "nrt";
	char piece[8];

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *hit = c ? strchr(named, c) : NULL;

		if (hit)
			snprintf(piece, sizeof piece, "\\%c", letters[hit - named]);
		else if (c < 0x20 || c == 0x7f)
			snprintf(piece, sizeof piece, "\\x%02x", c);
		else {
			piece[0] = (char)c;
			piece[1] = '\0';
		}
		if (buf_add(out, piece, strlen(piece)) < 0) {
			out->len = text_cut(out->data, out->len);
			return;
		}
	}
}

static void
on_tool_block(struct cli_stream *s, const struct js *block)
{
	static const char *const keys[] = {"command", "file_path", "pattern"};
	const struct js *input = js_get(block, "input");
	const char *id = js_str(block, "id"), *name = js_str(block, "name"),
		   *value = NULL;
	struct buf what;
	size_t len = 0;

	if (!id || !name)
		return;
	buf_init(&what, WHAT_MAX);
	for (size_t i = 0; input && !value && i < sizeof keys / sizeof keys[0]; i++)
		value = js_strn(input, keys[i], &len);
	if (value)
		add_one_line(&what, value, len);
	else if (input && js_print(input, &what) < 0)
		what.len = 0;
	s->ev->tool(id, name, buf_str(&what), what.len, s->arg);
	buf_fini(&what);
}

static void
on_thinking_block(struct cli_stream *s, const struct js *block)
{
	size_t len;
	const char *text = js_strn(block, "thinking", &len);

	if (text && len)
		s->ev->text(s->next_block++, text, len, true, false, s->arg);
}

static void
on_assistant(struct cli_stream *s, const struct js *m)
{
	const struct js *message = js_get(m, "message");
	const struct js *content = message ? js_get_array(message, "content") : NULL;

	for (size_t i = 0; i < js_len(content); i++) {
		const struct js *block = js_at(content, i);

		if (!block)
			continue;
		if (js_bool(m, "is_api_error_message", false))
			s->ev->api_error((int)js_int(m, "api_error_status", 0),
			    js_str(block, "text"), s->arg);
		else if (js_is(block, "type", "text"))
			on_text_block(s, block, js_bool(m, "aborted", false));
		else if (js_is(block, "type", "tool_use"))
			on_tool_block(s, block);
		else if (js_is(block, "type", "thinking"))
			on_thinking_block(s, block);
	}
}

/* ---- results of tools ---- */

static void
on_tool_result(struct cli_stream *s, const struct js *block)
{
	const char *id = js_str(block, "tool_use_id"), *text;
	const struct js *parts = js_get_array(block, "content");
	struct buf all;
	size_t len;

	if (!id)
		return;
	buf_init(&all, TOOL_TEXT_MAX);
	text = js_strn(block, "content", &len);
	if (text)
		buf_add_some(&all, text, len);
	for (size_t i = 0; i < js_len(parts); i++) {
		const struct js *part = js_at(parts, i);

		text = part ? js_strn(part, "text", &len) : NULL;
		if (text)
			buf_add_some(&all, text, len);
		else
			buf_add_some(&all, "[picture]", strlen("[picture]"));
	}
	if (all.len)
		all.len = text_cut(all.data, all.len);
	s->ev->tool_end(
	    id, js_bool(block, "is_error", false), buf_str(&all), all.len, s->arg);
	buf_fini(&all);
}

static void
on_user(struct cli_stream *s, const struct js *m)
{
	const struct js *message = js_get(m, "message");
	const struct js *content = message ? js_get_array(message, "content") : NULL;

	if (js_bool(m, "isReplay", false))
		return;
	for (size_t i = 0; i < js_len(content); i++) {
		const struct js *block = js_at(content, i);

		if (block && js_is(block, "type", "tool_result"))
			on_tool_result(s, block);
	}
}

/* ---- the rest ---- */

static void
on_note(struct cli_stream *s, const struct js *m, const char *subtype)
{
	const char *text = js_str(m, "content");
	char words[160];

	if (!text)
		text = js_str(m, "message");
	if (strcmp(subtype, "model_fallback") == 0 && !text)
		text = "the model is not available: another one answers";
	if (strcmp(subtype, "session_writes_lost") == 0 && !text)
		text =
		    "claude cannot write its session: after a restart it will not remember this";
	if (strcmp(subtype, "permission_denied") == 0) {
		const char *tool = js_str(m, "tool_name");

		snprintf(words, sizeof words,
		    "a %s call was refused by claude's own rules", tool ? tool : "tool");
		text = words;
	}
	if (text)
		s->ev->note(text, s->arg);
}

static void
on_system(struct cli_stream *s, const struct js *m)
{
	static const char *const notes[] = {"informational", "model_fallback",
	    "permission_denied", "session_writes_lost"};
	const char *subtype = js_str(m, "subtype");

	if (!subtype)
		return;
	if (strcmp(subtype, "init") == 0)
		s->ev->init(js_str(m, "session_id"), js_str(m, "model"),
		    js_str(m, "claude_code_version"), s->arg);
	else if (strcmp(subtype, "api_retry") == 0)
		s->ev->retry((int)js_int(m, "attempt", 0),
		    (int)js_int(m, "max_retries", 0),
		    (int)js_int(
			m, "retry_delay_ms", (int64_t)js_dbl(m, "retry_delay_ms", 0)),
		    (int)js_int(m, "error_status", 0), js_str(m, "error"), s->arg);
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (strcmp(subtype, notes[i]) == 0)
			on_note(s, m, subtype);
}

static void
on_control(struct cli_stream *s, const struct js *m)
{
	const struct js *r = js_get(m, "response");
	const char *id = r ? js_str(r, "request_id") : NULL;

	if (id)
		s->ev->answer(id, js_is(r, "subtype", "success"), s->arg);
}

static void
on_result(struct cli_stream *s, const struct js *m)
{
	const struct js *usage = js_get(m, "usage");
	struct cli_result r = {.is_error = js_bool(m, "is_error", true),
	    .reason = js_str(m, "terminal_reason"),
	    .text = js_str(m, "result"),
	    .api_status = js_int(m, "api_error_status", 0),
	    .in_tokens = usage ? js_int(usage, "input_tokens", -1) : -1,
	    .out_tokens = usage ? js_int(usage, "output_tokens", -1) : -1,
	    .cache_tokens = usage ? js_int(usage, "cache_read_input_tokens", -1) : -1,
	    .total_usd = js_dbl(m, "total_cost_usd", -1)};
	size_t len;

	if (!r.reason)
		r.reason = js_str(m, "subtype");
	if (!r.reason)
		r.reason = "unknown";
	if (!r.text)
		r.text = js_at_str(js_get_array(m, "errors"), 0, &len);
	cli_stream_cut(s);
	s->ev->result(&r, s->arg);
}

static void
on_message(struct cli_stream *s, const struct js *m)
{
	const char *type = js_str(m, "type"), *id;

	/* What a helper of the model says is not the model's own text. */
	if (!type || js_str(m, "parent_tool_use_id"))
		return;
	if (strcmp(type, "stream_event") == 0)
		on_stream_event(s, m);
	else if (strcmp(type, "assistant") == 0)
		on_assistant(s, m);
	else if (strcmp(type, "user") == 0)
		on_user(s, m);
	else if (strcmp(type, "system") == 0)
		on_system(s, m);
	else if (strcmp(type, "result") == 0)
		on_result(s, m);
	else if (strcmp(type, "control_response") == 0)
		on_control(s, m);
	else if (strcmp(type, "control_request") == 0 &&
	    (id = js_str(m, "request_id")) != NULL)
		s->ev->asks(id, js_get(m, "request"), s->arg);
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct cli_stream *s = arg;
	struct err err;
	struct js *m;

	s->ev->line(s->arg);
	m = js_parse_foreign(line, len, &err); /* it may cut a text inside an emoji */
	if (!m) {
		s->ev->bad(err.words, s->arg);
		return true;
	}
	on_message(s, m);
	js_free(m);
	return true;
}

void
cli_stream_feed(struct cli_stream *s, const char *data, size_t len)
{
	frame_feed(&s->frame, data, len, on_line, s);
	if (s->frame.line.len == 0 && s->frame.line.size > LINE_KEEP)
		buf_fini(&s->frame.line);
	if (s->frame.dropped != s->dropped) {
		s->dropped = s->frame.dropped;
		s->ev->bad("a line longer than 16 MiB was passed over", s->arg);
	}
}
