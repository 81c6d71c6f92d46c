/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tool calls of one answer.  All begin at once (tools.h lets some wait), and
 * each gets its result, whatever happens: the API takes no conversation in which
 * a call is left without one.
 */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/remote/redact.h"

#define NOT_BEGUN "Not executed: the turn was ended before this call began."
#define STOPPED "the operator stopped it"
#define DIGEST_OUTPUT 300   /* bytes of a result that the digest keeps */
#define MARKS_MAX (1 << 20) /* bytes that marks of cuts may add to a result */
#define MARKS_FULL "\n[the rest was left out: too much of it was cut]"

static void
tool_free(struct api_tool *t)
{
	free(t->id);
	free(t->name);
	free(t->title);
	free(t->text);
	free(t);
}

void
api_calls_free(struct agent_api *c)
{
	for (size_t i = 0; i < c->n_calls; i++) {
		struct api_tool *t = c->calls[i];

		if (t->run) {
			tools_stop(t->run, STOPPED);
			tools_forget(t->run);
		}
		tool_free(t);
	}
	free(c->calls);
	c->calls = NULL;
	c->n_calls = c->n_open = 0;
}

static void
tool_digest(struct api_tool *t)
{
	char line[1024];
	size_t keep = t->len > DIGEST_OUTPUT ? text_cut(t->text, DIGEST_OUTPUT) : t->len;

	snprintf(line, sizeof line, "%.40s %.500s -> %s: %.*s", t->name, t->title,
	    t->failed ? "failed" : "ok", (int)keep, t->text);
	api_digest_add(t->api, "You ran", line, strlen(line));
}

static void
keep_clean(const char *data, size_t len, void *arg)
{
	(void)buf_add_some(arg, data, len);
}

/*
 * The model reads of a local tool what the journal has: no secret, nothing that fits a
 * pattern.  Takes text and gives another; it stays UTF-8, though patterns are of bytes.
 */
static char *
tool_clean(const struct redact *redact, char *text, size_t *len)
{
	struct redact_stream *s = redact_stream_new(redact);
	struct buf b;
	uint32_t cp;

	buf_init(&b, *len + MARKS_MAX);
	redact_feed(s, text, *len, keep_clean, &b);
	redact_end(s, keep_clean, &b);
	redact_stream_free(s);
	if (b.len == b.max)
		memcpy(
		    b.data + b.len - strlen(MARKS_FULL), MARKS_FULL, strlen(MARKS_FULL));
	for (size_t at = 0, n; at < b.len; at += n) {
		n = text_decode(b.data + at, b.len - at, &cp);
		if (n == 1 && cp == 0xfffd)
			b.data[at] = '?';
	}
	explicit_bzero(text, *len);
	free(text);
	text = mem_dupn(buf_str(&b), b.len);
	*len = b.len;
	if (b.data)
		explicit_bzero(b.data, b.len);
	buf_fini(&b);
	return text;
}

/* Takes text.  The last one that ends asks for the next step. */
static void
tool_ended(
    struct api_tool *t, char *text, size_t len, bool failed, int exit, const char *why)
{
	struct agent_api *c = t->api;
	struct agent_tool_end end = {.failed = failed, .exit = exit, .why = why};

	t->run = NULL;
	t->ended = true;
	t->failed = failed;
	t->exit = exit;
	t->text = tool_clean(c->redact, text, &len);
	t->len = len;
	c->n_open--;
	LOG("api", "tool %s ended after %lld ms, %zu bytes%s", t->id,
	    (long long)(clock_mono_ms() - t->began_ms), len, failed ? ", failed" : "");
	tool_digest(t);
	if (!c->dead)
		c->base.events->tool_end(t->id, &end, c->base.arg);
	if (c->n_open)
		return;
	if (c->state == API_STOPPING)
		api_turn_cancelled(c);
	else
		api_wish(c, API_WISH_RESULTS);
}

static void
on_output(int stream, const char *data, size_t len, void *arg)
{
	struct api_tool *t = arg;

	t->api->base.events->tool_output(t->id, stream, data, len, t->api->base.arg);
}

/* What was interrupted says so first; what never ran says that itself. */
static char *
interrupted(struct api_tool *t, const char *text, size_t len)
{
	static const char not_run[] = "Not run";
	char age[32];

	if (strncmp(text, not_run, sizeof not_run - 1) == 0)
		return mem_dupn(text, len);
	clock_age(clock_mono_ms() - t->began_ms, age, sizeof age);
	return mem_printf("Interrupted by the operator after %s; output so far:\n%.*s",
	    age, (int)len, text);
}

static void
on_end(const struct tool_done *done, void *arg)
{
	struct api_tool *t = arg;
	bool is_cut = t->api->state == API_STOPPING && (done->is_error || done->why);
	char *text = is_cut ? interrupted(t, done->text, done->len)
			    : mem_dupn(done->text, done->len);

	tool_ended(t, text, is_cut ? strlen(text) : done->len, done->is_error || is_cut,
	    done->exit, done->why);
}

static const struct tool_events tool_events = {.output = on_output, .end = on_end};

/* Input that is no JSON object cannot be run, and is shown to the model as it was. */
static void
tool_refuse(struct api_tool *t, const struct api_call *call)
{
	size_t show = call->len > 2000 ? text_cut(call->input, 2000) : call->len;
	char *text = mem_printf("Not executed: the input is no valid JSON object (%s). "
				"It began: %.*s",
	    call->bad, (int)show, call->input);

	tool_ended(t, text, strlen(text), true, -1, "its input is no valid JSON object");
}

static struct api_tool *
tool_new(struct agent_api *c, const struct api_call *call)
{
	struct api_tool *t = mem_alloc(sizeof *t);

	t->api = c;
	t->id = mem_dup(call->id);
	t->name = mem_dup(call->name);
	t->title = tools_title(call->name, call->input, call->len);
	t->began_ms = clock_mono_ms();
	t->exit = -1;
	return t;
}

void
api_calls_start(struct agent_api *c, const struct api_message *m)
{
	c->calls = mem_alloc(m->n_calls * sizeof *c->calls);
	c->n_calls = c->n_open = m->n_calls;
	api_enter(c, API_TOOLS, NULL);
	for (size_t i = 0; i < m->n_calls; i++) {
		struct api_tool *t = c->calls[i] = tool_new(c, &m->calls[i]);

		c->base.events->tool(
		    t->id, t->name, t->title, strlen(t->title), c->base.arg);
	}
	for (size_t i = 0; i < m->n_calls; i++) {
		const struct api_call *call = &m->calls[i];
		struct api_tool *t = c->calls[i];

		if (c->cancelled) { /* by a limit that one of these calls reached */
			tool_ended(t, mem_dup(NOT_BEGUN), strlen(NOT_BEGUN), true, -1,
			    "the turn was ended before it began");
			continue;
		}
		if (call->bad) {
			tool_refuse(t, call);
			continue;
		}
		c->ran = true;
		t->run = tools_start(
		    c->tools, call->name, call->input, call->len, &tool_events, t);
	}
}

void
api_calls_results(struct agent_api *c)
{
	struct api_result *results = mem_alloc(c->n_calls * sizeof *results + 1);

	for (size_t i = 0; i < c->n_calls; i++) {
		const struct api_tool *t = c->calls[i];

		results[i] = (struct api_result){
		    .call = t->id, .text = t->text, .len = t->len, .is_error = t->failed};
	}
	api_transcript_results(c->transcript, results, c->n_calls);
	free(results);
	api_calls_free(c);
}

/* Each end comes by itself, within 250 ms: tools.h. */
void
api_calls_stop(struct agent_api *c)
{
	for (size_t i = 0; i < c->n_calls; i++)
		if (c->calls[i]->run)
			tools_stop(c->calls[i]->run, STOPPED);
}
