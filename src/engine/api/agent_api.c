/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of the turn only leave a wish and ring the bell; everything happens
 * from the loop, so that no callback ever comes from inside a call.  For the
 * same reason an answer's last byte never starts the next request itself: it
 * may stand in the middle of libcurl.
 */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "wire/messages.h"

#define EVENT_MS 300000
#define QUIET_MS 20000
#define PROBE_MS 800
#define FRESH_MS 2000
#define CONNECT_MS 3000
#define RETRY_MS 1000
#define BODY_MAX (64 * 1024 * 1024)

static void on_tick(uv_timer_t *timer);

void
api_say_trouble(struct agent_api *c, const char *text, const char *todo)
{
	if (!c->dead)
		c->base.events->trouble(text, todo, c->base.arg);
}

void
api_say_progress(struct agent_api *c, const char *text)
{
	if (c->dead || (!text && !c->progress_told))
		return;
	c->progress_told = text != NULL;
	c->base.events->progress(text, c->base.arg);
}

void
api_say_wait(struct agent_api *c, const struct agent_wait *w)
{
	if (!c->dead && c->base.events->waits)
		c->base.events->waits(w, c->base.arg);
}

/* The clock runs only while something may hang: an idle engine is woken by nothing. */
static void
api_watch_clock(struct agent_api *c)
{
	if (c->dead)
		return;
	if (c->state == API_IDLE || c->state == API_CHOOSING || c->state == API_TOOLS ||
	    c->state == API_STOPPING)
		uv_timer_stop(&c->tick);
	else if (!uv_is_active((uv_handle_t *)&c->tick))
		uv_timer_start(&c->tick, on_tick, API_TICK_MS, API_TICK_MS);
}

void
api_enter(struct agent_api *c, enum api_state state, const char *why)
{
	static const char *const names[API_STATES] = {"idle", "choosing", "credential",
	    "asking", "streaming", "tools", "waiting", "stopping"};
	enum agent_state told = state == API_IDLE ? AGENT_READY
	    : state == API_WAITING		  ? AGENT_WAITING
						  : AGENT_WORKING;

	LOG("api", "%s -> %s%s%s", names[c->state], names[state], why ? ": " : "",
	    why ? why : "");
	c->state = state;
	api_watch_clock(c);
	if (c->dead || (told == c->told && told != AGENT_WAITING))
		return;
	c->told = told;
	/* how a turn went is in its result; ready needs no reason */
	c->base.events->state(told, told == AGENT_READY ? NULL : why, NULL, c->base.arg);
}

static bool
api_ready(const struct agent *a, const char **why, const char **todo)
{
	const struct agent_api *c = (const struct agent_api *)a;
	const char *w = "no endpoint is configured", *t = "see breakglass.conf(5)";

	for (int i = 0; i < endpoints_count(c->endpoints); i++)
		if (endpoint_is_usable(endpoints_at(c->endpoints, i), &w, &t))
			return true;
	if (why)
		*why = w;
	if (todo)
		*todo = t;
	return false;
}

/* Outside of a turn: can it take a prompt, and if not, why? */
static void
api_tell_idle(struct agent_api *c)
{
	const char *why = NULL, *todo = NULL;

	if (c->state != API_IDLE || c->dead || endpoints_look(c->endpoints, INT64_MAX))
		return;
	c->told = api_ready(&c->base, &why, &todo) ? AGENT_READY : AGENT_UNAVAILABLE;
	snprintf(c->told_why, sizeof c->told_why, "%s", why ? why : "");
	c->base.events->state(c->told, why, todo, c->base.arg);
}

/* What the credentials are read from was looked at: is that news? */
static void
on_looked(void *arg)
{
	struct agent_api *c = arg;
	const char *why = "", *todo;
	bool ready;

	if (c->dead)
		return;
	if (c->looks && !endpoints_look(c->endpoints, INT64_MAX)) {
		c->looks = false;
		api_choose(c);
		return;
	}
	if (c->state != API_IDLE || !c->started)
		return;
	ready = api_ready(&c->base, &why, &todo);
	if (c->told == (ready ? AGENT_READY : AGENT_UNAVAILABLE) &&
	    (ready || strncmp(why, c->told_why, sizeof c->told_why - 1) == 0))
		return;
	api_wish(c, API_WISH_NONE);
}

static void
on_bell(uv_timer_t *timer)
{
	struct agent_api *c = timer->data;
	enum api_wish wish = c->wish;

	c->wish = API_WISH_NONE;
	if (c->cancelled && c->in_turn && c->state != API_STOPPING) {
		api_turn_cancel(c);
		return;
	}
	switch (wish) {
	case API_WISH_NONE:
		api_tell_idle(c);
		break;
	case API_WISH_BEGIN:
		api_turn_begin(c);
		break;
	case API_WISH_STEP:
		api_turn_step(c);
		break;
	case API_WISH_ASK:
		api_ask(c);
		break;
	case API_WISH_RESULTS:
		api_calls_results(c);
		api_turn_step(c);
		break;
	}
}

void
api_wish(struct agent_api *c, enum api_wish wish)
{
	if (wish != API_WISH_NONE)
		c->wish = wish;
	if (!c->dead)
		uv_timer_start(&c->bell, on_bell, 0, 0);
}

static void
on_tick(uv_timer_t *timer)
{
	struct agent_api *c = timer->data;
	int64_t now = clock_mono_ms();

	if (c->state == API_WAITING)
		api_waiting_tick(c, now);
	else
		api_ask_tick(c, now);
}

static void
api_start(struct agent *a)
{
	struct agent_api *c = (struct agent_api *)a;

	c->started = true;
	api_wish(c, API_WISH_NONE);
}

static int
api_prompt(struct agent *a, const struct agent_prompt *p, struct err *err)
{
	struct agent_api *c = (struct agent_api *)a;
	const char *why, *todo;

	if (c->in_turn)
		return err_set(err, ERR_BUSY, "a turn runs already");
	if (p->len == 0 || p->len > WIRE_PROMPT_MAX)
		return err_set(
		    err, ERR_LIMIT, "a prompt has 1 to %d bytes", WIRE_PROMPT_MAX);
	if (!api_ready(a, &why, &todo) && !endpoints_look(c->endpoints, API_SEEN_MS))
		return err_set(err, ERR_UNREACHABLE, "%s", why);
	c->in_turn = true;
	c->cancelled = false;
	api_prompt_compose(c, p);
	api_wish(c, API_WISH_BEGIN);
	return 0;
}

static void
api_notice(struct agent *a, const char *text)
{
	struct agent_api *c = (struct agent_api *)a;

	api_transcript_notice(c->transcript, text);
	api_digest_add(c, "Notice", text, strlen(text));
}

static void
api_cancel(struct agent *a)
{
	struct agent_api *c = (struct agent_api *)a;

	if (!c->in_turn || c->cancelled)
		return;
	c->cancelled = true;
	api_wish(c, API_WISH_NONE);
}

static void
on_closed(uv_handle_t *handle)
{
	struct agent_api *c = handle->data;

	if (--c->open > 0)
		return;
	free(c->model);
	free(c->effort);
	free(c->system);
	free(c->asked);
	buf_fini(&c->prompt);
	buf_fini(&c->digest);
	buf_fini(&c->body);
	buf_fini(&c->shown);
	api_transcript_free(c->transcript);
	free(c);
}

static void
api_free(struct agent *a)
{
	struct agent_api *c = (struct agent_api *)a;

	c->dead = true;
	endpoints_unwatch(c->endpoints, c);
	api_ask_drop(c);
	api_chosen_drop(c);
	api_calls_free(c);
	uv_close((uv_handle_t *)&c->bell, on_closed);
	uv_close((uv_handle_t *)&c->tick, on_closed);
}

/* Between turns: nothing of the transcript is lent to a request. */
static void
api_fresh(struct agent *a)
{
	struct agent_api *c = (struct agent_api *)a;

	buf_clear(&c->digest);
	api_session_fresh(c);
}

static const struct agent_ops ops = {.start = api_start,
    .prompt = api_prompt,
    .ready = api_ready,
    .notice = api_notice,
    .cancel = api_cancel,
    .fresh = api_fresh,
    .free = api_free};

void
api_session_fresh(struct agent_api *c)
{
	unsigned char b[16];

	random_bytes(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	snprintf(c->session, sizeof c->session,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
	    b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
	    b[13], b[14], b[15]);
	c->session_told = false;
	api_framing_end(c);
	api_transcript_free(c->transcript);
	c->transcript = api_transcript_new();
}

static int64_t
or_else(int64_t value, int64_t def)
{
	return value ? value : def;
}

static void
api_configure(struct agent_api *c, const struct agent_api_config *cfg)
{
	const char *model =
	    cfg->model && *cfg->model ? cfg->model : cfg->definition->model;

	c->http = cfg->http;
	c->endpoints = cfg->endpoints;
	c->tools = cfg->tools;
	c->redact = cfg->redact;
	c->model = mem_dup(model);
	c->effort = mem_dup(cfg->effort && *cfg->effort ? cfg->effort : "medium");
	c->system = mem_dup(cfg->definition->prompt);
	c->event_ms = or_else(cfg->event_ms, EVENT_MS);
	c->quiet_ms = or_else(cfg->quiet_ms, QUIET_MS);
	c->probe_ms = or_else(cfg->probe_ms, PROBE_MS);
	c->fresh_ms = or_else(cfg->fresh_ms, FRESH_MS);
	c->connect_ms = or_else(cfg->connect_ms, CONNECT_MS);
	c->idle_ms = cfg->idle_ms;
	c->retry_ms = or_else(cfg->retry_ms, RETRY_MS);
	c->max_first = cfg->max_tokens;
}

struct agent *
agent_api_new(
    const struct agent_api_config *cfg, const struct agent_events *events, void *arg)
{
	struct agent_api *c = mem_alloc(sizeof *c);
	uv_timer_t *timers[] = {&c->bell, &c->tick};

	c->base.ops = &ops;
	c->base.name = "api";
	c->base.events = events;
	c->base.arg = arg;
	api_configure(c, cfg);
	c->told = AGENT_STATES;
	c->open_block = -1;
	buf_init(&c->prompt, 8 * WIRE_PROMPT_MAX);
	buf_init(&c->digest, API_DIGEST_MAX);
	buf_init(&c->body, BODY_MAX);
	buf_init(&c->shown, BODY_MAX);
	c->open = ARRAY_LEN(timers);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(cfg->loop, timers[i]);
		timers[i]->data = c;
	}
	endpoints_watch(c->endpoints, on_looked, c);
	api_session_fresh(c);
	return &c->base;
}

int
agent_api_prefer(struct agent *a, const char *endpoint, struct err *err)
{
	struct agent_api *c = (struct agent_api *)a;
	struct endpoint *ep = endpoint ? endpoints_find(c->endpoints, endpoint) : NULL;
	char names[256] = "";
	size_t len = 0;

	if (endpoint && !ep) {
		for (int i = 0; i < endpoints_count(c->endpoints) && len < sizeof names;
		     i++)
			len += (size_t)snprintf(names + len, sizeof names - len, "%s%s",
			    i ? ", " : "", endpoints_at(c->endpoints, i)->name);
		return err_set(err, ERR_USAGE, "no endpoint \"%.64s\"; there are: %s",
		    endpoint, names);
	}
	c->first = ep;
	return 0;
}
