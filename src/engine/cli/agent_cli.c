/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Calls of the turn only leave a wish (want, prompt, cancelled) and ring the
 * bell; everything happens in cli_advance, from the loop, so that no callback
 * ever comes from inside a call.
 */
#include "engine/cli/cli_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/messages.h"

#define QUIET_MS 60000
#define SILENT_MS 180000
#define GRACE_MS 5000
#define START_LIMIT_MS 60000 /* a cold disk needs its time for 370 MB */

static const char *const state_names[] = {
    "absent", "off", "down", "starting", "ready", "turn", "stopping"};

void
cli_tell_state(
    struct agent_cli *c, enum agent_state state, const char *why, const char *todo)
{
	if (!c->dead)
		c->base.events->state(state, why, todo, c->base.arg);
}

void
cli_tell_trouble(struct agent_cli *c, const char *text, const char *todo)
{
	if (!c->dead)
		c->base.events->trouble(text, todo, c->base.arg);
}

static void on_tick(uv_timer_t *timer);

/* The clock runs only while something may hang: an idle engine is woken by nothing. */
static void
cli_watch_clock(struct agent_cli *c)
{
	bool may_hang =
	    c->state == CLI_STARTING || c->state == CLI_TURN || c->state == CLI_STOPPING;

	if (c->dead)
		return;
	if (!may_hang)
		uv_timer_stop(&c->tick);
	else if (!uv_is_active((uv_handle_t *)&c->tick))
		uv_timer_start(&c->tick, on_tick, CLI_TICK_MS, CLI_TICK_MS);
}

void
cli_enter(struct agent_cli *c, enum cli_state state)
{
	static const enum agent_state told[] = {AGENT_STARTING, AGENT_UNAVAILABLE,
	    AGENT_STARTING, AGENT_STARTING, AGENT_READY, AGENT_WORKING, AGENT_WORKING};

	LOG("cli", "claude %lld: %s -> %s", (long long)c->child, state_names[c->state],
	    state_names[state]);
	c->state = state;
	cli_watch_clock(c);
	if (state == CLI_OFF)
		cli_tell_state(c, AGENT_UNAVAILABLE, c->why, c->todo);
	else if (state == CLI_STOPPING && !c->prompt)
		cli_tell_state(c, AGENT_STARTING, "claude is started afresh", NULL);
	else
		cli_tell_state(c, told[state],
		    state == CLI_STOPPING ? "ending the turn" : NULL, NULL);
}

void
cli_off(struct agent_cli *c, const char *todo, const char *why, const char *detail)
{
	snprintf(c->why, sizeof c->why, "%s%s%s", why, *detail ? ": " : "", detail);
	snprintf(c->todo, sizeof c->todo, "%s", todo);
	cli_enter(c, CLI_OFF);
}

/* Another conversation: a claude that has this one in its head is ended. */
static void
cli_begin_afresh(struct agent_cli *c)
{
	c->fresh = false;
	if (!c->known)
		return; /* nothing was said */
	cli_session_fresh(c);
	c->deaths = 0;
	c->respawn_ms = CLI_TICK_MS;
	if (c->state == CLI_STARTING || c->state == CLI_READY)
		cli_end_child(c);
}

void
cli_advance(struct agent_cli *c)
{
	if (c->fresh && c->state != CLI_TURN && c->state != CLI_STOPPING)
		cli_begin_afresh(c);
	if (c->prompt && !c->sent && c->cancelled)
		cli_turn_fail(c, "cancelled", NULL, NULL);
	if (c->state == CLI_TURN && c->cancelled)
		cli_turn_stop(c, NULL);
	if (c->state == CLI_OFF && c->may_retry && c->prompt) {
		c->may_retry = false;
		c->deaths = CLI_DEATHS_MAX - 1;
		cli_enter(c, CLI_DOWN);
	}
	if (c->state == CLI_DOWN && (c->want || c->prompt) &&
	    !uv_is_active((uv_handle_t *)&c->respawn))
		cli_spawn(c);
	if (c->state == CLI_READY && c->prompt && !c->sent)
		cli_send_prompt(c);
}

void
cli_end_child(struct agent_cli *c)
{
	c->stop_step = 1;
	c->stop_ms = clock_mono_ms();
	agent_side_child_signal(c->side, c->child, "TERM");
	cli_enter(c, CLI_STOPPING);
}

static void
on_bell(uv_timer_t *timer)
{
	cli_advance(timer->data);
}

static void
on_tick(uv_timer_t *timer)
{
	struct agent_cli *c = timer->data;
	int64_t now = clock_mono_ms();

	cli_turn_tick(c, now);
	if (c->state == CLI_STARTING && now - c->born_ms > START_LIMIT_MS) {
		static const char late[] = "it was not ready within 60 s\n";

		cli_complaint(c, late, sizeof late - 1);
		agent_side_child_signal(c->side, c->child, "KILL");
		c->born_ms = now;
	}
}

static void
on_host_up(const struct agent_host_info *info, void *arg)
{
	struct agent_cli *c = arg;

	if (c->state != CLI_ABSENT && c->state != CLI_OFF)
		return;
	c->may_retry = false;
	if (!info->claude)
		cli_off(c,
		    "install claude (it is noticed), or set claude = PATH and start the engine anew",
		    "claude cannot be run", info->why ? info->why : "");
	else if (!c->key && !c->oauth)
		cli_off(c,
		    "put the API key into a file, chmod 600, set api_key_file (a subscription's token: oauth_token_file), start the engine anew",
		    "there is no API key", "");
	else {
		c->deaths = 0;
		cli_enter(c, CLI_DOWN);
		cli_advance(c);
	}
	if (c->state == CLI_OFF && c->prompt)
		cli_turn_fail(c, "unavailable", c->why, c->todo);
}

static void
on_host_down(const char *why, void *arg)
{
	struct agent_cli *c = arg;

	c->child_lives = false;
	c->may_retry = false;
	uv_timer_stop(&c->respawn);
	cli_off(c, agent_side_todo(c->side), why, "");
	if (c->prompt)
		cli_turn_fail(c, "died", c->why, c->todo);
}

static void
on_child_started(int64_t child, int64_t pid, void *arg)
{
	LOG("cli", "claude %lld is pid %lld", (long long)child, (long long)pid);
}

static void
on_child_output(int64_t child, bool is_err, const char *data, size_t len, void *arg)
{
	struct agent_cli *c = arg;

	if (child != c->child)
		return;
	if (is_err)
		cli_complaint(c, data, len);
	else
		cli_stream_feed(&c->stream, data, len);
}

static void
on_child_exited(int64_t child, int status, int sig, const char *why, void *arg)
{
	struct agent_cli *c = arg;

	if (child != c->child || !c->child_lives)
		return;
	if (!why) {
		cli_on_exit(c, status, sig);
		return;
	}
	c->child_lives = false;
	c->may_retry = true;
	cli_off(c, "mend that, then send a prompt", "claude cannot be started", why);
	if (c->prompt)
		cli_turn_fail(c, "unavailable", c->why, c->todo);
}

static void
on_way(const char *why, void *arg)
{
	struct agent_cli *c = arg;

	snprintf(c->way, sizeof c->way, "%s", why);
}

static const struct agent_host_events host_events = {.up = on_host_up,
    .down = on_host_down,
    .started = on_child_started,
    .output = on_child_output,
    .way = on_way,
    .exited = on_child_exited};

static void
ring(struct agent_cli *c)
{
	uv_timer_start(&c->bell, on_bell, 0, 0);
}

static void
cli_start(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	c->want = true;
	ring(c);
}

static bool
cli_ready(const struct agent *a, const char **why, const char **todo)
{
	const struct agent_cli *c = (const struct agent_cli *)a;

	if (c->state == CLI_ABSENT) {
		*why = "agent-host is not here yet";
		*todo = "it is started by itself";
		return false;
	}
	if (c->state != CLI_OFF || c->may_retry)
		return true;
	*why = c->why;
	*todo = c->todo;
	return false;
}

static int
cli_prompt(struct agent *a, const struct agent_prompt *p, struct err *err)
{
	struct agent_cli *c = (struct agent_cli *)a;

	if (c->prompt)
		return err_set(err, ERR_BUSY, "a turn runs already");
	if (p->len == 0 || p->len > WIRE_PROMPT_MAX)
		return err_set(
		    err, ERR_LIMIT, "a prompt has 1 to %d bytes", WIRE_PROMPT_MAX);
	if (c->state == CLI_OFF && !c->may_retry)
		return err_set(err, ERR_UNREACHABLE, "%s", c->why);
	cli_prompt_keep(c, p);
	c->sent = c->cancelled = c->waiting = c->quiet_told = false;
	c->forced = NULL;
	c->open_tools = 0;
	c->any_tool = false;
	cli_usage_begin(c);
	c->api_status = 0;
	c->api_text[0] = c->way[0] = '\0';
	ring(c);
	return 0;
}

static void
cli_cancel(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	if (!c->prompt)
		return;
	c->cancelled = true;
	ring(c);
}

static void
on_closed(uv_handle_t *handle)
{
	struct agent_cli *c = handle->data;

	if (--c->open > 0)
		return;
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->key);
	if (c->oauth)
		explicit_bzero(c->oauth, strlen(c->oauth));
	free(c->oauth);
	free(c->agent);
	free(c->tool_names);
	free(c->model);
	free(c->api_url);
	free(c->ca);
	cli_prompt_forget(c);
	buf_fini(&c->agents);
	buf_fini(&c->complaints);
	buf_fini(&c->notes);
	cli_stream_fini(&c->stream);
	free(c);
}

static void
cli_free(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	c->dead = true;
	if (c->child_lives)
		agent_side_child_signal(c->side, c->child, "KILL");
	agent_side_watch(c->side, NULL, NULL);
	uv_close((uv_handle_t *)&c->bell, on_closed);
	uv_close((uv_handle_t *)&c->tick, on_closed);
	uv_close((uv_handle_t *)&c->respawn, on_closed);
}

static void
cli_notice(struct agent *a, const char *text)
{
	struct agent_cli *c = (struct agent_cli *)a;

	cli_note_add(c, text);
}

static void
cli_fresh(struct agent *a)
{
	struct agent_cli *c = (struct agent_cli *)a;

	c->fresh = true;
	buf_clear(&c->notes);
	ring(c);
}

static const struct agent_ops ops = {.start = cli_start,
    .prompt = cli_prompt,
    .ready = cli_ready,
    .notice = cli_notice,
    .cancel = cli_cancel,
    .fresh = cli_fresh,
    .free = cli_free};

static char *
dup_or_null(const char *s)
{
	return s && *s ? mem_dup(s) : NULL;
}

static void
cli_configure(struct agent_cli *c, const struct agent_cli_config *cfg)
{
	c->side = cfg->side;
	c->agent = mem_dup(cfg->definition->name);
	c->tool_names = mem_dup(cfg->definition->tools);
	c->model = dup_or_null(cfg->model);
	c->api_url = dup_or_null(cfg->api_url);
	c->ca = dup_or_null(cfg->ca);
	c->addresses = cfg->addresses;
	c->key = dup_or_null(cfg->api_key);
	if (!c->key && !c->api_url)
		c->oauth = dup_or_null(cfg->oauth_token);
	if (!c->key && c->api_url)
		c->key = mem_dup("no-key"); /* a server of the site's own may want none */
	c->quiet_ms = cfg->quiet_ms ? cfg->quiet_ms : QUIET_MS;
	c->silent_ms = cfg->silent_ms ? cfg->silent_ms : SILENT_MS;
	c->grace_ms = cfg->grace_ms ? cfg->grace_ms : GRACE_MS;
	buf_init(&c->agents, 4 * DEFINITION_MAX);
	if (definition_cli_agents(cfg->definition, &c->agents) < 0)
		abort(); /* the definition has a maximum that fits */
	buf_init(&c->complaints, CLI_STDERR_MAX);
	buf_init(&c->notes, CLI_NOTES_MAX);
}

struct agent *
agent_cli_new(
    const struct agent_cli_config *cfg, const struct agent_events *events, void *arg)
{
	struct agent_cli *c = mem_alloc(sizeof *c);
	uv_timer_t *timers[] = {&c->bell, &c->tick, &c->respawn};

	c->base.ops = &ops;
	c->base.name = "cli";
	c->base.events = events;
	c->base.arg = arg;
	cli_configure(c, cfg);
	cli_stream_init(&c->stream, &cli_turn_events, c);
	c->respawn_ms = CLI_TICK_MS;
	c->open = ARRAY_LEN(timers);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(cfg->loop, timers[i]);
		timers[i]->data = c;
	}
	cli_session_fresh(c);
	if (cfg->session && strlen(cfg->session) == CLI_UUID_LEN - 1) {
		memcpy(c->session, cfg->session, CLI_UUID_LEN);
		c->known = true;
		c->total_usd = -1;
	}
	agent_side_watch(c->side, &host_events, c);
	return &c->base;
}
