/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One request and its answer: the credential, the headers, the body without a
 * copy, the answer's bytes.  The message is taken with its last event; the rest
 * of the framing may come later, so that the connection stays usable.
 */
#include "engine/api/api_int.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#define HEADERS_MAX 8
#define BETAS_MAX 512
#define MAX_TOKENS_VENDOR 32000
#define MAX_TOKENS_PORTABLE 8192

/* --- the answer's bytes --- */

static void
keep_header(const struct http_headers *h, const char *name, char *out, size_t size)
{
	const char *value = http_header(h, name);

	snprintf(out, size, "%s", value ? value : "");
}

static void
on_headers(int status, const struct http_headers *h, void *arg)
{
	struct agent_api *c = arg;
	const char *type = http_header(h, "content-type");

	c->status = status;
	c->heard_ms = c->event_at_ms = clock_mono_ms();
	keep_header(h, "retry-after", c->retry_after, sizeof c->retry_after);
	keep_header(h, "retry-after-ms", c->retry_after_ms, sizeof c->retry_after_ms);
	keep_header(h, "x-should-retry", c->should_retry, sizeof c->should_retry);
	keep_header(h, "date", c->date, sizeof c->date);
	keep_header(h, "request-id", c->request, sizeof c->request);
	c->is_json = type && strncasecmp(type, "application/json", 16) == 0;
	LOG("api", "%s: status %d after %lld ms", c->ep->name, status,
	    (long long)(c->heard_ms - c->asked_ms));
	if (status != 200)
		return;
	endpoint_saw(c->ep, true, NULL);
	c->stream = api_stream_new(&api_shown_events, c);
	api_enter(c, API_STREAMING, NULL);
}

static bool
on_body(const char *data, size_t len, void *arg)
{
	struct agent_api *c = arg;
	struct err err;

	if (c->over)
		return true;
	c->heard_ms = clock_mono_ms();
	c->quiet_told = false;
	if (!c->stream) {
		if (c->body.len < API_ERROR_BODY_MAX)
			buf_add_some(&c->body, data, len);
		return true;
	}
	if (c->is_json)
		return buf_add(&c->body, data, len) == 0;
	if (api_stream_feed(c->stream, data, len, &err) < 0)
		return false;
	if (api_stream_is_done(c->stream)) {
		c->over = true;
		api_turn_on_message(c);
	}
	return true;
}

static void
answer_fault(struct agent_api *c, enum http_end how, const char *why)
{
	const struct api_failure *failed =
	    c->stream ? api_stream_failure(c->stream) : NULL;
	struct api_failure f;

	if (failed) {
		f = *failed;
		how = HTTP_DONE; /* what the stream said weighs more than how it ended */
	} else if (c->status && c->status != 200)
		api_failure_parse(c->status, buf_str(&c->body), c->body.len, &f);
	else {
		api_on_fault(c, how, NULL, why);
		return;
	}
	if (!f.request[0])
		snprintf(f.request, sizeof f.request, "%s", c->request);
	api_on_fault(c, how == HTTP_ABORTED ? HTTP_DONE : how, &f, why);
}

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	struct agent_api *c = arg;
	struct err err;
	int rc;

	c->call = NULL;
	if (c->over)
		return;
	if (how == HTTP_DONE && c->stream) {
		rc = c->is_json
		    ? api_stream_whole(c->stream, buf_str(&c->body), c->body.len, &err)
		    : api_stream_end(c->stream, &err);
		if (rc == 0 && api_stream_is_done(c->stream)) {
			c->over = true;
			api_turn_on_message(c);
			return;
		}
	}
	answer_fault(c, how, why);
}

/* The bytes' watchdog is http's; this one wants whole events. */
void
api_ask_tick(struct agent_api *c, int64_t now)
{
	char text[160];
	int64_t quiet;

	if (c->over || (c->state != API_ASKING && c->state != API_STREAMING))
		return;
	quiet = now - (c->state == API_ASKING ? c->asked_ms : c->heard_ms);
	if (c->state == API_STREAMING && now - c->event_at_ms >= c->event_ms) {
		http_cancel(c->call);
		c->call = NULL;
		snprintf(text, sizeof text, "bytes, but no event for %lld s",
		    (long long)(now - c->event_at_ms) / 1000);
		answer_fault(c, HTTP_SILENT, text);
	} else if (quiet >= c->quiet_ms && !c->quiet_told) {
		c->quiet_told = true;
		api_say_wait(c, &(struct agent_wait){.quiet_ms = quiet, .again_ms = -1});
	}
}

static const struct http_events http_events = {
    .headers = on_headers, .body = on_body, .end = on_end};

/* --- the request --- */

const char *
api_model(struct agent_api *c)
{
	return endpoint_model(c->ep, c->model);
}

int64_t
api_max_first(struct agent_api *c)
{
	if (c->max_first)
		return c->max_first;
	return c->ep->kind == ENDPOINT_PORTABLE ? MAX_TOKENS_PORTABLE : MAX_TOKENS_VENDOR;
}

static struct api_body
request_body(struct agent_api *c)
{
	enum api_profile profile =
	    c->ep->kind == ENDPOINT_PORTABLE ? API_PORTABLE : API_VENDOR;

	return (struct api_body){.profile = profile,
	    .endpoint = c->ep->name,
	    .model = api_model(c),
	    .max_tokens = c->max_tokens,
	    .effort = c->effort,
	    .system = c->system,
	    .tools = tools_json(profile),
	    .thinking = c->ep->thinking,
	    .fallbacks = c->ep->fallbacks,
	    .no_betas = c->plain_ep == c->ep,
	    .stream = true};
}

struct header_list {
	char *at[HEADERS_MAX + 1]; /* ended by NULL */
	size_t n;
};

static void header(struct header_list *l, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
header(struct header_list *l, const char *fmt, ...)
{
	va_list ap;

	assert(l->n < HEADERS_MAX);
	va_start(ap, fmt);
	if (vasprintf(&l->at[l->n], fmt, ap) < 0)
		abort();
	va_end(ap);
	l->at[++l->n] = NULL;
}

/* One of them is the credential. */
static void
headers_wipe(struct header_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		explicit_bzero(l->at[i], strlen(l->at[i]));
		free(l->at[i]);
	}
}

static void
headers_of(struct agent_api *c, const struct api_body *how,
    const struct credential_value *v, struct header_list *l)
{
	char betas[BETAS_MAX];
	bool both = c->ep->kind == ENDPOINT_PORTABLE;

	header(l, "content-type: application/json");
	header(l, "accept: text/event-stream, application/json");
	header(l, "anthropic-version: %s", c->ep->version);
	if (v->token[0] && (v->bearer || both))
		header(l, "authorization: Bearer %s", v->token);
	if (v->token[0] && (!v->bearer || both))
		header(l, "x-api-key: %s", v->token);
	api_body_betas(how, betas, sizeof betas);
	if (v->beta && betas[0])
		header(l, "anthropic-beta: %s,%s", v->beta, betas);
	else if (v->beta || betas[0])
		header(l, "anthropic-beta: %s", v->beta ? v->beta : betas);
}

/* A framing that never ended: it still borrows the transcript's pieces. */
void
api_framing_end(struct agent_api *c)
{
	http_cancel(c->call);
	c->call = NULL;
}

static void
request_start(struct agent_api *c, const struct credential_value *v)
{
	struct header_list headers = {.n = 0};
	struct api_body how = request_body(c);
	char *url = mem_printf("%s/v1/messages", c->ep->url);
	struct http_request r = {.method = "POST",
	    .url = url,
	    .headers = (const char *const *)headers.at,
	    .connect_ms = api_has_other(c) ? c->connect_ms : 0,
	    .idle_ms = c->idle_ms ? c->idle_ms : c->ep->idle_ms,
	    .ca_file = c->ep->ca_file,
	    .proxy = c->ep->proxy,
	    .addresses = c->ep->addresses,
	    .plain_anywhere = c->ep->plain_anywhere};
	struct err err;
	char text[96];

	api_framing_end(c);
	if (api_transcript_body(c->transcript, &how, &r.body, &r.pieces, &err) < 0) {
		if (err.code == ERR_LIMIT)
			api_turn_shrink(c, err.words);
		else
			api_turn_fail(c, "api_error", err.words, "send the prompt again");
		goto out;
	}
	headers_of(c, &how, v, &headers);
	r.headers_ms = r.idle_ms;
	c->attempts++;
	c->over = c->is_json = false;
	c->status = 0;
	c->blocks = 0;
	c->retry_after[0] = c->retry_after_ms[0] = c->should_retry[0] = c->date[0] =
	    c->request[0] = '\0';
	buf_clear(&c->body);
	c->asked_ms = c->heard_ms = c->event_at_ms = clock_mono_ms();
	c->quiet_told = false;
	c->due_ms = 0;
	api_enter(c, API_ASKING, NULL);
	snprintf(text, sizeof text, "asks %.60s", c->ep->name);
	api_say_progress(c, text);
	c->call = http_start(c->http, &r, &http_events, c);
out:
	headers_wipe(&headers);
	free(url);
}

static void
on_credential(
    const struct credential_value *v, const char *why, const char *todo, void *arg)
{
	struct agent_api *c = arg;

	c->ask = NULL;
	if (v)
		request_start(c, v);
	else
		api_no_credential(c, why, todo);
}

/* A message that is over keeps its connection; anything else ends with it. */
void
api_ask_drop(struct agent_api *c)
{
	credential_ask_drop(c->ask);
	c->ask = NULL;
	if (!c->over || c->dead) {
		http_cancel(c->call);
		c->call = NULL;
	}
	api_shown_cut(c);
	api_stream_free(c->stream);
	c->stream = NULL;
	c->block_base += c->blocks;
	c->blocks = 0;
}

void
api_ask(struct agent_api *c)
{
	static const struct credential_value none = {.token = ""};

	api_ask_drop(c);
	api_route(c);
	api_enter(c, API_CREDENTIAL, NULL);
	if (c->ep->credential)
		c->ask = credential_get(c->ep->credential, on_credential, c);
	else
		request_start(c, &none);
}
