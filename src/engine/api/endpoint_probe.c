/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is an endpoint well?  One request for all who ask, and what it said is kept.
 *
 * Each who asks has a time of its own; the request ends with the last of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/endpoint_int.h"

#define PROBE_BODY_MAX (1024 * 1024) /* bytes: the list of models is not read */

static void probe_arm(struct endpoint_rec *r);

/* Tells those whose time is over (ok false), or all. */
static void
probe_tell(struct endpoint_rec *r, bool all, bool ok, const char *why)
{
	int64_t now = clock_mono_ms();
	struct probe_waiter **at = &r->probe.waiters, *told = NULL, *w;

	/* taken out first: fn may ask again */
	while ((w = *at) != NULL) {
		if (!all && w->due_ms > now) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = told;
		told = w;
	}
	while ((w = told) != NULL) {
		told = w->next;
		w->fn(&r->pub, ok, why, now - w->begun_ms, w->arg);
		free(w);
	}
}

static void
on_headers(int status, const struct http_headers *h, void *arg)
{
	((struct endpoint_rec *)arg)->probe.status = status;
}

static void
on_end(enum http_end how, const char *why, const char *todo, void *arg)
{
	struct endpoint_rec *r = arg;
	int status = r->probe.status;
	bool ok = status > 0 && status < 500 && how != HTTP_REDIRECT;
	char words[300];

	r->probe.call = NULL;
	uv_timer_stop(&r->probe.timer);
	if (status >= 500)
		snprintf(words, sizeof words, "it answers with status %d", status);
	else
		snprintf(words, sizeof words, "%s", why);
	endpoint_saw(&r->pub, ok, words);
	probe_tell(r, true, ok, ok ? "" : words);
}

static void
on_timer(uv_timer_t *timer)
{
	struct endpoint_rec *r = timer->data;
	int64_t now = clock_mono_ms();
	bool due = false, left = false;

	for (struct probe_waiter *w = r->probe.waiters; w; w = w->next) {
		due = due || w->due_ms <= now;
		left = left || w->due_ms > now;
	}
	if (!left) {
		http_cancel(r->probe.call);
		r->probe.call = NULL;
	}
	if (due) {
		/* headers are an answer, however long the list behind them is */
		bool ok = r->probe.status > 0 && r->probe.status < 500;
		const char *why = ok ? "" : "no answer to a probe in its time";

		endpoint_saw(&r->pub, ok, why);
		probe_tell(r, false, ok, why);
	}
	probe_arm(r);
}

static void
probe_arm(struct endpoint_rec *r)
{
	int64_t due = INT64_MAX, now = clock_mono_ms();

	for (struct probe_waiter *w = r->probe.waiters; w; w = w->next)
		due = w->due_ms < due ? w->due_ms : due;
	if (due < INT64_MAX)
		uv_timer_start(
		    &r->probe.timer, on_timer, due > now ? (uint64_t)(due - now) : 0, 0);
}

static void
probe_start(struct endpoint_rec *r, int64_t limit_ms)
{
	static const struct http_events events = {.headers = on_headers, .end = on_end};
	const struct endpoint *ep = &r->pub;
	char *url = mem_printf("%s/v1/models?limit=1", ep->url);
	char *version = mem_printf("anthropic-version: %s", ep->version);
	const char *headers[] = {version, NULL};

	r->probe.status = 0;
	r->probe.call = http_start(r->http,
	    &(struct http_request){.method = "GET",
		.url = url,
		.headers = headers,
		.connect_ms = limit_ms,
		.headers_ms = limit_ms,
		.idle_ms = limit_ms,
		.ca_file = ep->ca_file,
		.proxy = ep->proxy,
		.addresses = ep->addresses,
		.plain_anywhere = ep->plain_anywhere,
		.body_max = PROBE_BODY_MAX},
	    &events, r);
	free(version);
	free(url);
}

void
endpoint_probe(struct endpoint *ep, int64_t limit_ms, endpoint_probe_fn *fn, void *arg)
{
	struct endpoint_rec *r = (struct endpoint_rec *)ep;
	struct probe_waiter *w = mem_alloc(sizeof *w);

	w->fn = fn;
	w->arg = arg;
	w->begun_ms = clock_mono_ms();
	w->due_ms = w->begun_ms + limit_ms;
	w->next = r->probe.waiters;
	r->probe.waiters = w;
	if (!r->probe.call)
		probe_start(r, limit_ms);
	probe_arm(r);
}

void
endpoint_probe_drop(struct endpoint_rec *r)
{
	http_cancel(r->probe.call);
	r->probe.call = NULL;
	while (r->probe.waiters) {
		struct probe_waiter *w = r->probe.waiters;

		r->probe.waiters = w->next;
		free(w);
	}
}

void
endpoint_saw(struct endpoint *ep, bool ok, const char *why)
{
	struct endpoint_rec *r = (struct endpoint_rec *)ep;
	int64_t now = clock_mono_ms();
	bool was_ill = r->ill_ms > r->well_ms;

	if (ok)
		r->well_ms = now > r->ill_ms ? now : r->ill_ms + 1;
	else {
		r->ill_ms = now > r->well_ms ? now : r->well_ms + 1;
		snprintf(r->why, sizeof r->why, "%s", why ? why : "");
	}
	if (ok ? was_ill : !was_ill)
		LOG("endpoint", "%s is %s%s%s", ep->name, ok ? "well" : "ill",
		    ok ? "" : ": ", ok ? "" : r->why);
}

bool
endpoint_is_well(const struct endpoint *ep, int64_t max_age_ms)
{
	const struct endpoint_rec *r = (const struct endpoint_rec *)ep;

	return r->well_ms > r->ill_ms && clock_mono_ms() - r->well_ms <= max_age_ms;
}

bool
endpoint_is_ill(const struct endpoint *ep, int64_t max_age_ms)
{
	const struct endpoint_rec *r = (const struct endpoint_rec *)ep;

	return r->ill_ms > r->well_ms && clock_mono_ms() - r->ill_ms <= max_age_ms;
}

const char *
endpoint_why(const struct endpoint *ep)
{
	return ((const struct endpoint_rec *)ep)->why;
}

/* The request itself goes on: what it says is worth knowing. */
void
endpoint_probe_forget(struct endpoint *ep, void *arg)
{
	struct endpoint_rec *r = (struct endpoint_rec *)ep;
	struct probe_waiter **at = &r->probe.waiters, *w;

	while ((w = *at) != NULL) {
		if (w->arg != arg) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}
