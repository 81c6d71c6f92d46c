/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is shown of an answer while it comes. */
#include "engine/api/api_int.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

static void
shown_forget(struct agent_api *c)
{
	c->open_block = -1;
	buf_clear(&c->shown);
}

/* Text that was shown and whose end will not come. */
void
api_shown_cut(struct agent_api *c)
{
	if (c->open_block >= 0 && c->shown.len && !c->dead)
		c->base.events->text(
		    c->open_block, c->shown.data, c->shown.len, false, true, c->base.arg);
	shown_forget(c);
}

static int
block_number(struct agent_api *c, int block)
{
	if (block >= c->blocks)
		c->blocks = block + 1;
	return c->block_base + block;
}

static void
tell_session(struct agent_api *c, const char *model)
{
	if (c->session_told && strcmp(c->told_model, model) == 0)
		return;
	c->session_told = true;
	snprintf(c->told_model, sizeof c->told_model, "%s", model);
	c->base.events->session(c->session, c->told_model, c->ep->version, c->base.arg);
}

static void
on_started(const char *message_id, const char *model, void *arg)
{
	struct agent_api *c = arg;

	LOG("api", "%s answers with %s, request %s", c->ep->name, message_id, c->request);
	tell_session(c, *model ? model : api_model(c));
}

static void
on_delta(int block, size_t off, const char *text, size_t len, void *arg)
{
	struct agent_api *c = arg;

	block = block_number(c, block);
	if (block != c->open_block) {
		api_shown_cut(c);
		api_say_progress(c, NULL);
	}
	c->open_block = block;
	buf_add_some(&c->shown, text, len);
	c->base.events->delta(block, off, text, len, c->base.arg);
}

static void
on_text(int block, const char *text, size_t len, bool thinking, void *arg)
{
	struct agent_api *c = arg;

	block = block_number(c, block);
	if (!thinking) {
		shown_forget(c);
		api_digest_add(c, "You said", text, len);
	}
	c->base.events->text(block, text, len, thinking, false, c->base.arg);
}

static void
on_thinking(int64_t tokens, void *arg)
{
	struct agent_api *c = arg;
	char text[64];

	if (tokens >= 1000)
		snprintf(text, sizeof text, "thinking, %lld,%03lld tokens",
		    (long long)(tokens / 1000), (long long)(tokens % 1000));
	else if (tokens > 0)
		snprintf(text, sizeof text, "thinking, %lld tokens", (long long)tokens);
	else
		snprintf(text, sizeof text, "thinking");
	api_say_progress(c, text);
}

static void
on_tool_begins(const char *id, const char *name, void *arg)
{
	char text[64];

	snprintf(text, sizeof text, "writes a call of %.40s", name);
	api_say_progress(arg, text);
}

static void
on_fallback(const char *from, const char *to, void *arg)
{
	char text[256];

	snprintf(text, sizeof text, "%.80s refuses this; %.80s answers in its place",
	    from, to);
	api_say_trouble(arg, text, NULL);
	if (*to)
		tell_session(arg, to);
}

static void
on_alive(void *arg)
{
	struct agent_api *c = arg;

	c->event_at_ms = clock_mono_ms();
}

static void
on_usage(const struct api_usage *u, void *arg)
{
	api_turn_usage(arg, false);
}

const struct api_stream_events api_shown_events = {.started = on_started,
    .delta = on_delta,
    .text = on_text,
    .thinking = on_thinking,
    .tool_begins = on_tool_begins,
    .fallback = on_fallback,
    .alive = on_alive,
    .usage = on_usage};
