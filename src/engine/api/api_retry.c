/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom to ask, and what a fault leads to: waiting, another credential, another
 * endpoint, a smaller conversation, or words for the operator.
 *
 * The endpoint that took over finishes the turn; the next turn asks the first
 * one again, once a probe of it is well.
 */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"

#define ILL_MS 60000 /* so long an endpoint that failed is asked last */
#define EVER_MS (INT64_MAX / 2)
#define LONG_WAIT_MS 5000 /* longer than that the next endpoint is better */

/* --- the order --- */

static struct endpoint *
first_choice(struct agent_api *c)
{
	return c->first ? c->first : endpoints_at(c->endpoints, 0);
}

static unsigned
bit_of(struct agent_api *c, const struct endpoint *ep)
{
	for (int i = 0; i < endpoints_count(c->endpoints); i++)
		if (endpoints_at(c->endpoints, i) == ep)
			return 1u << i;
	return 0;
}

static bool
may_ask(struct agent_api *c, struct endpoint *ep, int64_t ill_ms)
{
	const char *why, *todo;

	return !(c->tried & bit_of(c, ep)) && endpoint_is_usable(ep, &why, &todo) &&
	    (ill_ms == 0 || !endpoint_is_ill(ep, ill_ms));
}

/* The next one in order that was not tried in this step; ill ones last. */
static struct endpoint *
pick(struct agent_api *c)
{
	static const int64_t ill_ms[] = {ILL_MS, 0};

	for (size_t pass = 0; pass < ARRAY_LEN(ill_ms); pass++) {
		if (may_ask(c, first_choice(c), ill_ms[pass]))
			return first_choice(c);
		for (int i = 0; i < endpoints_count(c->endpoints); i++)
			if (may_ask(c, endpoints_at(c->endpoints, i), ill_ms[pass]))
				return endpoints_at(c->endpoints, i);
	}
	return NULL;
}

bool
api_has_other(struct agent_api *c)
{
	unsigned tried = c->tried;
	bool has;

	c->tried |= bit_of(c, c->ep);
	has = pick(c) != NULL;
	c->tried = tried;
	return has;
}

void
api_route(struct agent_api *c)
{
	struct agent_route r = {.driver = "api", .endpoint = c->ep->name};
	char back[160];

	r.model = api_model(c);
	if (c->told_ep == c->ep || c->dead)
		return;
	c->told_ep = c->ep;
	if (c->ep != first_choice(c)) {
		snprintf(back, sizeof back, "%.60s is asked again before the next prompt",
		    first_choice(c)->name);
		r.why = c->away_why;
		r.back = back;
	}
	c->base.events->route(&r, c->base.arg);
}

/* --- before a turn --- */

static void
chosen(struct agent_api *c)
{
	struct endpoint *first = first_choice(c);

	c->ep = pick(c);
	if (!c->ep) {
		const char *why = "no endpoint can be asked", *todo = NULL;

		endpoint_is_usable(first, &why, &todo);
		api_turn_fail(c, "unreachable", why, todo);
		return;
	}
	if (c->ep != first) {
		const char *why = endpoint_why(first), *todo;

		if (!endpoint_is_usable(first, &why, &todo) || *why)
			snprintf(c->away_why, sizeof c->away_why, "%.60s: %s",
			    first->name, why);
	}
	api_wish(c, API_WISH_STEP);
}

static void
on_probe(struct endpoint *ep, bool ok, const char *why, int64_t ms, void *arg)
{
	struct agent_api *c = arg;

	c->probed = NULL;
	LOG("api", "%s is %s after %lld ms: %s", ep->name, ok ? "well" : "ill",
	    (long long)ms, why ? why : "");
	chosen(c);
}

/* The first one, when it failed last, is looked at before it is asked again. */
void
api_choose(struct agent_api *c)
{
	struct endpoint *first = first_choice(c);
	const char *why, *todo;

	c->tried = 0;
	api_enter(c, API_CHOOSING, NULL);
	if (endpoints_look(c->endpoints, API_SEEN_MS)) {
		c->looks = true; /* on_looked comes back here */
		return;
	}
	if (endpoints_count(c->endpoints) < 2 || !endpoint_is_ill(first, EVER_MS) ||
	    endpoint_is_ill(first, c->fresh_ms) ||
	    !endpoint_is_usable(first, &why, &todo)) {
		chosen(c);
		return;
	}
	c->probed = first;
	endpoint_probe(first, c->probe_ms, on_probe, c);
}

void
api_chosen_drop(struct agent_api *c)
{
	if (c->probed)
		endpoint_probe_forget(c->probed, c);
	c->probed = NULL;
	c->looks = false;
}

/* --- a fault --- */

static bool
is_unreachable(enum http_end how)
{
	return how == HTTP_NO_CONNECT || how == HTTP_NO_NAME || how == HTTP_TLS;
}

static void
wait_for(struct agent_api *c, const struct api_judged *j)
{
	/* The unit is a second but for tests; what the server asks for is kept. */
	int64_t ms = c->retry_after[0] || c->retry_after_ms[0]
	    ? j->delay_ms
	    : j->delay_ms * c->retry_ms / 1000;
	char why[400];

	c->due_ms = clock_mono_ms() + ms;
	snprintf(why, sizeof why, "%.60s: %s: retry %d of %d in %lld.%lld s", c->ep->name,
	    j->why, c->attempts, API_ATTEMPTS_MAX - 1, (long long)ms / 1000,
	    (long long)ms % 1000 / 100);
	api_say_progress(c, NULL);
	api_say_wait(c,
	    &(struct agent_wait){.again_ms = ms,
		.attempt = c->attempts,
		.attempts = API_ATTEMPTS_MAX - 1});
	api_enter(c, API_WAITING, why);
}

void
api_waiting_tick(struct agent_api *c, int64_t now)
{
	if (now >= c->due_ms)
		api_ask(c);
}

/* The same step at the next endpoint, or the end of the turn. */
static void
go_elsewhere(struct agent_api *c, enum http_end how, const struct api_judged *j)
{
	struct endpoint *was = c->ep, *next;
	char text[512];
	bool dead = is_unreachable(how) || how == HTTP_SILENT || how == HTTP_SLOW_HEADERS;

	endpoint_saw(was, false, j->why);
	c->tried |= bit_of(c, was);
	next = pick(c);
	if (!next) {
		snprintf(text, sizeof text, "%.60s: %s%s", was->name, j->why,
		    endpoints_count(c->endpoints) > 1 ? " (and no other endpoint answers)"
						      : "");
		api_turn_fail(c, dead ? "unreachable" : "api_error", text,
		    j->todo[0] ? j->todo : "the F-keys need no model");
		return;
	}
	snprintf(c->away_why, sizeof c->away_why, "%.60s: %s", was->name, j->why);
	snprintf(text, sizeof text, "%s; %.60s goes on", c->away_why, next->name);
	api_say_trouble(c, text, j->todo[0] ? j->todo : NULL);
	c->ep = next;
	c->attempts = 0;
	c->new_credential = false;
	c->max_tokens = api_max_first(c);
	api_wish(c, API_WISH_ASK);
}

void
api_no_credential(struct agent_api *c, const char *why, const char *todo)
{
	struct api_judged j = {.delay_ms = 0};

	if (c->new_credential && !*why) { /* there is no other one than was refused */
		go_elsewhere(c, HTTP_DONE, &c->refusal);
		return;
	}
	snprintf(j.why, sizeof j.why, "no credential: %s", why);
	snprintf(j.todo, sizeof j.todo, "%s", todo ? todo : "");
	go_elsewhere(c, HTTP_DONE, &j);
}

static void
give_up(struct agent_api *c, const struct api_judged *j)
{
	char why[400];

	snprintf(why, sizeof why, "%.60s: %s", c->ep->name, j->why);
	api_turn_fail(c, "api_error", why, j->todo[0] ? j->todo : NULL);
}

/* Some faults are worth one more request of a different kind. */
static bool
mend(struct agent_api *c, enum api_next next)
{
	if (next == API_NEW_CREDENTIAL && !c->new_credential)
		return c->new_credential =
			   c->ep->credential && credential_refused(c->ep->credential);
	if (next == API_DROP_THINKING && !c->dropped)
		return c->dropped = api_transcript_drop_thinking(c->transcript);
	if (next != API_DROP_BETAS || c->plain_ep == c->ep)
		return false;
	c->plain_ep = c->ep;
	return true;
}

void
api_on_fault(
    struct agent_api *c, enum http_end how, const struct api_failure *f, const char *why)
{
	struct api_retry_headers headers = {
	    .retry_after = c->retry_after[0] ? c->retry_after : NULL,
	    .retry_after_ms = c->retry_after_ms[0] ? c->retry_after_ms : NULL,
	    .should_retry = c->should_retry[0] ? c->should_retry : NULL,
	    .date = c->date[0] ? c->date : NULL};
	bool showed = c->stream && api_stream_showed(c->stream);
	struct api_judged j = {.delay_ms = 0};
	unsigned rnd;
	enum api_next next;

	random_bytes(&rnd, sizeof rnd);
	api_turn_usage(c, true);
	next = api_judge(f, how, showed, c->attempts, &headers, clock_wall_ms(), rnd, &j);
	if (!f && why[0]) {
		size_t n = strlen(j.why);

		snprintf(j.why + n, sizeof j.why - n, ": %s", why);
	}
	LOG("api", "%s: %s, attempt %d: %s in %lld ms: %s", c->ep->name,
	    http_end_word(how), c->attempts, api_next_word(next), (long long)j.delay_ms,
	    j.why);
	api_ask_drop(c);
	if (mend(c, next)) {
		c->refusal = j;
		api_wish(c, API_WISH_ASK);
		return;
	}
	switch (next) {
	case API_RETRY:
		/* Nobody there: an operator who has just pressed Enter is told at once.
		 */
		if ((is_unreachable(how) && !c->ran) ||
		    ((is_unreachable(how) || j.delay_ms > LONG_WAIT_MS) &&
			api_has_other(c)))
			go_elsewhere(c, how, &j);
		else {
			if (showed)
				api_say_trouble(
				    c, j.why, "the answer is asked for again");
			wait_for(c, &j);
		}
		break;
	case API_NEXT_ENDPOINT:
	case API_NEW_CREDENTIAL:
		/* A kept connection may have died on the way without a word. */
		if (how == HTTP_SLOW_HEADERS && c->attempts == 1 && !api_has_other(c)) {
			wait_for(c, &j);
			break;
		}
		go_elsewhere(c, how, &j);
		break;
	case API_SHRINK:
		api_turn_shrink(c, j.why);
		break;
	default:
		give_up(c, &j);
	}
}
