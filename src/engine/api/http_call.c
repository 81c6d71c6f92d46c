/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One call's life: what of the request is kept, its limits, and its end in words.
 *
 * All limits are on one timer a call, by our own clock: the library's notion of
 * silence is a mean over seconds, and a name's lookup has none at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/scrub.h"
#include "engine/api/http_int.h"

#define CONNECT_MS 10000
#define HEADERS_MS 600000
#define IDLE_MS 180000
#define NAME_MS 2000 /* after it the addresses are used, where there are some */

static void
on_call_closed(uv_handle_t *handle)
{
	struct http_call *c = handle->data;

	handle->data = c->http;
	http_handle_closed(handle);
	free(c);
}

void
http_call_free(struct http_call *c)
{
	http_lib_free(c);
	http_headers_fini(&c->answer);
	free(c->wish.method);
	free(c->wish.url);
	free(c->wish.ca_file);
	free(c->wish.proxy);
	free(c->wish.addresses);
	*c->at = c->next;
	if (c->next)
		c->next->at = c->at;
	uv_close((uv_handle_t *)&c->timer, on_call_closed);
}

void
http_call_end(struct http_call *c, enum http_end how, const char *detail)
{
	const struct http_events *events = c->events;
	const char *location = http_header(&c->answer, "location");
	char clean[HTTP_WORDS_MAX], to[256] = "", proxy[160];
	struct http_said said = {.where = &c->where,
	    .detail = clean,
	    .location = to,
	    .status = c->answer.status,
	    .ms = c->limit_ms,
	    .by_address = c->by_address,
	    .max = c->wish.body_max};
	const char *through = http_uses_proxy(&c->where, c->wish.proxy);
	struct buf why, todo;
	void *arg = c->arg;

	buf_init(&why, 1024);
	buf_init(&todo, 512);
	scrub_label(detail, strlen(detail), clean, sizeof clean);
	if (location)
		scrub_label(location, strlen(location), to, sizeof to);
	if (through) {
		http_proxy_name(through, proxy, sizeof proxy);
		said.proxy = proxy;
	}
	http_words(how, &said, &why, &todo);
	LOG("http", "%s %s: %s %d after %lld ms%s%s", c->wish.method, c->wish.url,
	    http_end_word(how), c->answer.status,
	    (long long)(clock_mono_ms() - c->start_ms), why.len ? ": " : "",
	    buf_str(&why));
	http_call_free(c);
	if (events->end)
		events->end(how, buf_str(&why), buf_str(&todo), arg);
	buf_fini(&why);
	buf_fini(&todo);
}

static int64_t
min_due(int64_t a, int64_t b)
{
	return b < a ? b : a;
}

/* How long a name may take before the addresses are used instead. */
static int64_t
name_ms(const struct http_call *c)
{
	return min_due(NAME_MS, c->wish.connect_ms / 3);
}

static void
call_quiet(struct http_call *c, int64_t now)
{
	int64_t ms = now - c->byte_ms;

	if (ms < c->quiet_told_ms + c->wish.quiet_ms)
		return;
	c->quiet_told_ms = ms - ms % c->wish.quiet_ms;
	if (c->events->quiet)
		c->events->quiet(c->quiet_told_ms, c->arg);
}

/* The limit that is passed now, or HTTP_ENDS. */
static enum http_end
call_limit(struct http_call *c, int64_t now)
{
	if (c->connected_ms < 0 && now >= c->start_ms + c->wish.connect_ms) {
		c->limit_ms = c->wish.connect_ms;
		return HTTP_NO_CONNECT;
	}
	if (!c->told_headers && now >= c->start_ms + c->wish.headers_ms) {
		c->limit_ms = c->wish.headers_ms;
		return HTTP_SLOW_HEADERS;
	}
	if (c->told_headers && now >= c->byte_ms + c->wish.idle_ms) {
		c->limit_ms = c->wish.idle_ms;
		return HTTP_SILENT;
	}
	return HTTP_ENDS;
}

/* False: it cannot begin, and is gone. */
static bool
call_add(struct http_call *c, int64_t now)
{
	char why[HTTP_WORDS_MAX];
	enum http_end how = http_ca_use(c, why, sizeof why);

	if (how == HTTP_DONE && http_lib_add(c) < 0) {
		snprintf(why, sizeof why, "the library takes no more requests");
		how = HTTP_BAD_REQUEST;
	}
	c->ca_wait = false;
	c->added_ms = now;
	if (how != HTTP_DONE)
		http_call_end(c, how, why);
	return how == HTTP_DONE;
}

static void
on_call_timer(uv_timer_t *timer)
{
	struct http_call *c = timer->data;
	int64_t now = clock_mono_ms();
	enum http_end how;

	if (c->refused[0]) {
		http_call_end(c, HTTP_BAD_REQUEST, c->refused);
		return;
	}
	if (!c->added && (!c->ca_wait || now >= http_ca_due(c)) && !call_add(c, now))
		return;
	how = call_limit(c, now);
	if (how != HTTP_ENDS) {
		http_call_end(c, how, c->error);
		return;
	}
	if (c->added && !c->has_socket && now >= c->added_ms + name_ms(c))
		http_lib_use_addresses(c);
	http_call_arm(c);
	call_quiet(c, now); /* last: it may cancel */
}

/* The next time at which anything can be due. */
void
http_call_arm(struct http_call *c)
{
	int64_t now = clock_mono_ms(), name = c->added_ms + name_ms(c);
	int64_t due = c->byte_ms + c->quiet_told_ms + c->wish.quiet_ms;

	if (c->connected_ms < 0)
		due = min_due(due, c->start_ms + c->wish.connect_ms);
	if (!c->told_headers)
		due = min_due(due, c->start_ms + c->wish.headers_ms);
	else
		due = min_due(due, c->byte_ms + c->wish.idle_ms);
	if (c->added && !c->has_socket && !c->by_address && !c->where.is_literal &&
	    name > now)
		due = min_due(due, name);
	if (!c->added)
		due = c->ca_wait ? min_due(due, http_ca_due(c)) : now;
	uv_timer_start(
	    &c->timer, on_call_timer, due > now ? (uint64_t)(due - now) : 0, 0);
}

/* --- starting one --- */

static char *
addresses_text(const char *const *addresses)
{
	char text[HTTP_ADDRESSES_MAX * 50] = "";
	size_t len = 0;

	for (int i = 0; addresses && addresses[i] && i < HTTP_ADDRESSES_MAX; i++) {
		bool v6 = strchr(addresses[i], ':') != NULL;

		if (http_is_literal(addresses[i]))
			len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s%s",
			    len ? "," : "", v6 ? "[" : "", addresses[i], v6 ? "]" : "");
	}
	return len ? mem_dup(text) : NULL;
}

static int64_t
or_default(int64_t ms, int64_t def)
{
	return ms > 0 ? ms : def;
}

static void
wish_set(struct http_wish *w, const struct http_request *r)
{
	const char *ca = r->ca_file && *r->ca_file ? r->ca_file : getenv("SSL_CERT_FILE");
	bool env = !r->proxy || strcmp(r->proxy, "env") == 0;

	w->method = mem_dup(r->method);
	w->url = mem_dup(r->url);
	w->ca_file = ca && *ca ? mem_dup(ca) : NULL;
	w->proxy = env ? NULL : mem_dup(r->proxy);
	w->addresses = addresses_text(r->addresses);
	w->body = r->body;
	w->pieces = r->pieces;
	for (size_t i = 0; i < r->pieces; i++)
		w->body_len += (int64_t)r->body[i].len;
	w->connect_ms = or_default(r->connect_ms, CONNECT_MS);
	w->headers_ms = or_default(r->headers_ms, HEADERS_MS);
	w->idle_ms = or_default(r->idle_ms, IDLE_MS);
	w->quiet_ms = or_default(r->quiet_ms, HTTP_QUIET_MS);
	w->body_max = r->body_max ? r->body_max : HTTP_BODY_MAX;
}

/* Everything of one header is visible and on one line, or it is not sent. */
static bool
header_is_clean(const char *header)
{
	for (; *header; header++) {
		unsigned char b = (unsigned char)*header;

		if ((b < ' ' && b != '\t') || b == 0x7f)
			return false;
	}
	return true;
}

struct http_call *
http_start(struct http *h, const struct http_request *request,
    const struct http_events *events, void *arg)
{
	struct http_call *c = mem_alloc(sizeof *c);
	struct err err;

	c->http = h;
	c->events = events;
	c->arg = arg;
	c->how = HTTP_ENDS;
	c->start_ms = c->byte_ms = clock_mono_ms();
	c->connected_ms = c->sent_ms = -1;
	c->next = h->calls;
	c->at = &h->calls;
	if (c->next)
		c->next->at = &c->next;
	h->calls = c;
	http_headers_init(&c->answer);
	wish_set(&c->wish, request);
	uv_timer_init(h->loop, &c->timer);
	c->timer.data = c;
	h->open++;
	if (http_where(request->url, &c->where, &err) < 0 ||
	    http_check_url(request->url, request->plain_anywhere, &err) < 0)
		snprintf(c->refused, sizeof c->refused, "%s", err.words);
	http_lib_new(c, request->headers);
	if (!c->refused[0])
		http_ca_begin(c);
	for (size_t i = 0; request->headers && request->headers[i]; i++) {
		if (!header_is_clean(request->headers[i]))
			snprintf(c->refused, sizeof c->refused,
			    "a header holds a control character: "
			    "is the file of the key a text file?");
	}
	http_call_arm(c);
	return c;
}

void
http_cancel(struct http_call *c)
{
	if (!c)
		return;
	if (!c->http->inside) {
		http_call_free(c);
		return;
	}
	c->dead = true;
	c->http->sweep = true;
}

uv_loop_t *
http_loop(const struct http *h)
{
	return h->loop;
}

int64_t
http_call_sent_ms(const struct http_call *c)
{
	return c->sent_ms;
}

int64_t
http_call_connected_ms(const struct http_call *c)
{
	return c->connected_ms;
}
