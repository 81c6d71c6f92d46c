/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_side.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_door.h"
#include "engine/agent/agent_orphans.h"
#include "engine/agent/agent_peer.h"
#include "engine/agent/agent_proc.h"
#include "engine/agent/agent_side_int.h"
#include "engine/agent/agent_tool.h"
#include "engine/agent/relay.h"
#include "engine/remote/broker.h"
#include "wire/messages.h"

#define HELLO_MS 10000 /* a peer that has not said who it is by then is closed */
#define SWEEP_MS 2000

/* ---- the end ---- */

void
side_release(struct agent_side *s)
{
	if (--s->open > 0)
		return;
	js_free(s->info);
	agent_orphans_free(s->orphans);
	agent_tools_free(s->tools);
	free(s->dir);
	free(s->socket);
	free(s->host_dir);
	free(s->libexec);
	free(s->claude);
	free(s->net);
	free(s->group);
	free(s);
}

static void
on_handle_closed(uv_handle_t *handle)
{
	side_release(handle->data);
}

static void on_sweep(uv_timer_t *timer);

/* Somebody may be late from now on: looked for until nobody is. */
void
side_sweep(struct agent_side *s)
{
	if (!s->dead && !uv_is_active((uv_handle_t *)&s->sweep))
		uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

/* ---- the side's own life ---- */

static void
on_sweep(uv_timer_t *timer)
{
	struct agent_side *s = timer->data;
	int64_t late = clock_mono_ms() - HELLO_MS;
	bool any = s->proc && !s->host;

	for (struct agent_peer *p = s->peers; p; p = p->next) {
		if (p->state != AGENT_PEER_NEW && p->state != AGENT_PEER_SHIM)
			continue;
		any = true;
		if (p->since_ms < late)
			agent_peer_close(p);
	}
	if (s->proc && !s->host && agent_proc_age_ms(s->proc) > HELLO_MS)
		agent_proc_kill(s->proc, SIGKILL);
	if (!any)
		uv_timer_stop(&s->sweep);
}

static void
on_door_closed(uv_handle_t *handle)
{
	on_handle_closed(handle);
	free(handle);
}

static void
side_close_door(struct agent_side *s)
{
	if (s->door)
		uv_close((uv_handle_t *)s->door, on_door_closed);
	s->door = NULL;
}

static int
side_listen(struct agent_side *s, struct err *err)
{
	if (agent_door_folder(&s->whose, s->dir, s->uid, s->group, err) < 0)
		return -1;
	s->door = mem_alloc(sizeof *s->door);
	uv_pipe_init(s->loop, s->door, 0);
	s->door->data = s;
	s->open++;
	if (agent_door_open(&s->whose, s->socket, s->door, side_on_peer, err) == 0)
		return 0;
	side_close_door(s);
	return -1;
}

static void
side_close_handles(struct agent_side *s)
{
	side_close_door(s);
	uv_close((uv_handle_t *)&s->sweep, on_handle_closed);
	uv_close((uv_handle_t *)&s->restart, on_handle_closed);
	uv_close((uv_handle_t *)&s->input, on_handle_closed);
	uv_close((uv_handle_t *)&s->soon, on_handle_closed);
	uv_close((uv_handle_t *)&s->hard, on_handle_closed);
}

static void
on_relay_trouble(const char *why, void *arg)
{
	struct agent_side *s = arg;

	if (s->ev && s->ev->way)
		s->ev->way(why, s->arg);
}

/* Without it claude works all the same, with a port of IP: said where it is used. */
static void
side_relay(struct agent_side *s)
{
	struct relay_config cfg = {
	    .loop = s->loop, .door = &s->whose, .trouble = on_relay_trouble, .arg = s};
	char *path = mem_printf("%s/relay.sock", s->dir);
	struct err err;

	cfg.path = path;
	s->relay = relay_new(&cfg, &err);
	if (!s->relay)
		LOG("agent", "%s", err.words);
	free(path);
}

struct agent_side *
agent_side_new(const struct agent_side_config *cfg, struct err *err)
{
	struct agent_side *s = mem_alloc(sizeof *s);
	uv_timer_t *timers[] = {&s->sweep, &s->restart, &s->input, &s->soon, &s->hard};

	s->loop = cfg->loop;
	s->broker = cfg->broker;
	s->uid = cfg->uid;
	s->group = mem_dup(cfg->group ? cfg->group : "");
	s->dir = s->uid ? mem_dup(cfg->dir) : mem_printf("%s/agent", cfg->run_dir);
	s->socket = mem_printf("%s/agent.sock", s->dir);
	s->host_dir = mem_printf("%s/agent-host", cfg->run_dir);
	s->libexec = mem_dup(*cfg->libexec_dir ? cfg->libexec_dir : BG_PKGLIBEXECDIR);
	s->claude = mem_dup(cfg->claude);
	s->net = cfg->net ? mem_dup(cfg->net) : NULL;
	s->sandbox = cfg->sandbox;
	s->sandbox_arg = cfg->sandbox_arg;
	s->restart_ms = RESTART_MS;
	s->tools = agent_tools_new(s);
	s->open = ARRAY_LEN(timers);
	for (size_t i = 0; i < ARRAY_LEN(timers); i++) {
		uv_timer_init(s->loop, timers[i]);
		timers[i]->data = s;
	}
	if (s->uid && !*s->dir)
		err_set(err, ERR_USAGE,
		    "agent_uid is set and agent_dir is not: name a folder that both can reach, "
		    "run_dir is the engine's alone");
	if ((s->uid && !*s->dir) || side_listen(s, err) < 0) {
		err_wrap(err, "agent side");
		s->dead = true;
		side_close_handles(s);
		return NULL;
	}
	side_relay(s);
	if (s->uid)
		side_absent(s, "has not connected: is its container up?");
	else {
		s->orphans = agent_orphans_new(s->loop);
		side_host_start(s);
	}
	return s;
}

void
agent_side_free(struct agent_side *s)
{
	if (!s)
		return;
	s->dead = true;
	s->ev = NULL;
	agent_side_tools(s, NULL, NULL);
	for (struct agent_peer *p = s->peers; p; p = p->next)
		if (p != s->host)
			agent_peer_close(p);
	if (s->host) {
		struct agent_peer *host = s->host;

		s->host = NULL; /* it ends by itself when its connection does */
		agent_peer_close(host);
	}
	if (s->proc)
		agent_proc_kill(s->proc, SIGTERM);
	unlink(s->socket);
	relay_free(s->relay);
	s->relay = NULL;
	side_close_handles(s);
}

void
agent_side_again(struct agent_side *s)
{
	struct err err;
	bool gone;

	if (!s)
		return;
	gone = access(s->dir, F_OK) < 0; /* agent-host's view still has the old one */
	if (access(s->socket, F_OK) == 0) {
		relay_again(s->relay);
		return;
	}
	side_close_door(s);
	if (side_listen(s, &err) < 0)
		LOG("agent", "%s", err.words);
	relay_again(s->relay);
	if (s->proc && (gone || access(s->host_dir, F_OK) < 0))
		agent_proc_kill(s->proc, SIGTERM); /* and a new one makes it anew */
}

struct agent_tools *
agent_side_tools_state(const struct agent_side *s)
{
	return s->tools;
}

struct relay *
agent_side_relay(const struct agent_side *s)
{
	return s->relay;
}

void
agent_side_told_way(struct agent_side *s, bool by_relay)
{
	s->by_relay = by_relay;
}

bool
agent_side_by_relay(const struct agent_side *s)
{
	return s->by_relay;
}

bool
agent_side_has_host(const struct agent_side *s)
{
	return s->host != NULL;
}

uv_loop_t *
agent_side_loop(const struct agent_side *s)
{
	return s->loop;
}

const char *
agent_side_socket(const struct agent_side *s)
{
	return s->socket;
}

void
side_on_soon(uv_timer_t *timer)
{
	struct agent_side *s = timer->data;

	side_tell_absent(s);
	if (s->host && s->info)
		side_tell_up(s);
}

void
agent_side_watch(struct agent_side *s, const struct agent_host_events *ev, void *arg)
{
	s->ev = ev;
	s->arg = arg;
	s->untold |= s->uid && !s->host && !s->dead;
	if (ev)
		uv_timer_start(&s->soon, side_on_soon, 0, 0);
}
