/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * claude's way to the API: from api.sock, in our folder, to the engine's relay.sock.
 *
 *   claude ==api.sock==> here --token line, then bytes--> relay.sock ==> engine
 *
 * Only claude's own session may use it, as with its key (host_door.c): a command of
 * the agent is in another one and gets nothing, so it has no network at all.  The
 * engine checks the token, knows where to connect to, and has the limits.
 */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/host.h"
#include "base/log.h"
#include "base/mem.h"
#include "wire/messages.h"
#include "wire/pump.h"

#define RELAYS_MAX 32 /* the engine takes fewer, and says so */
#define TOKEN_MAX 128
#define DAY_MS (24 * 3600 * 1000LL) /* the engine's limits are far below */
#define LINGER_MS 30000

struct host_relay {
	struct host *h;
	struct host_relay *next;
	uv_pipe_t claude, engine;
	uv_connect_t connect;
	struct pump pump;
	bool closing;
	int open;
};

static void
on_closed(uv_handle_t *handle)
{
	struct host_relay *r = handle->data;

	if (--r->open > 0)
		return;
	for (struct host_relay **at = &r->h->relays; *at; at = &(*at)->next)
		if (*at == r) {
			*at = r->next;
			break;
		}
	pump_fini(&r->pump);
	free(r);
}

static void
relay_close(struct host_relay *r)
{
	uv_handle_t *handles[] = {(uv_handle_t *)&r->claude, (uv_handle_t *)&r->engine,
	    (uv_handle_t *)&r->pump.clock};

	if (r->closing)
		return;
	r->closing = true;
	pump_stop(&r->pump);
	for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
		handles[i]->data = r;
		uv_close(handles[i], on_closed);
	}
}

static void
on_end(struct pump *p, enum pump_end how, int error, void *arg)
{
	relay_close(arg);
}

static int
send_token(struct host_relay *r)
{
	struct js *m = message_new(agent_out_names[AGENT_OUT_RELAY]);
	struct buf line;
	uv_buf_t piece;
	int rc = -1;

	js_set_str(m, "token", r->h->relay_token);
	buf_init(&line, 2 * TOKEN_MAX);
	if (js_print(m, &line) == 0 && buf_add(&line, "\n", 1) == 0) {
		piece = uv_buf_init(line.data, (unsigned)line.len);
		rc = uv_try_write((uv_stream_t *)&r->engine, &piece, 1) == (int)line.len
		    ? 0
		    : -1;
		explicit_bzero(line.data, line.len);
	}
	buf_fini(&line);
	js_free(m);
	return rc;
}

static void
on_connected(uv_connect_t *req, int status)
{
	static const struct pump_limits limits = {
	    .idle_ms = DAY_MS, .linger_ms = LINGER_MS, .total_ms = DAY_MS};
	struct host_relay *r = req->data;

	if (r->closing)
		return;
	if (status < 0 || !r->h->relay_token || send_token(r) < 0) {
		LOG("relay", "the engine's relay cannot be reached: %s",
		    status < 0 ? uv_strerror(status) : "it takes nothing");
		relay_close(r);
		return;
	}
	pump_start(&r->pump, (uv_stream_t *)&r->claude, (uv_stream_t *)&r->engine, NULL,
	    0, &limits, on_end, r);
}

static bool
is_one_too_many(const struct host *h)
{
	int n = 0;

	for (const struct host_relay *r = h->relays; r; r = r->next)
		n++;
	return n > RELAYS_MAX;
}

/* The engine's two sockets lie in one folder. */
static void
relay_connect(struct host_relay *r)
{
	char *copy = mem_dup(r->h->socket);
	char *path = mem_printf("%s/relay.sock", dirname(copy));

	r->connect.data = r;
	uv_pipe_connect(&r->connect, &r->engine, path, on_connected);
	free(path);
	free(copy);
}

static void
on_peer(uv_stream_t *door, int status)
{
	struct host *h = door->data;
	struct host_relay *r;

	if (status < 0)
		return;
	r = mem_alloc(sizeof *r);
	r->h = h;
	r->open = 3;
	r->next = h->relays;
	h->relays = r;
	uv_pipe_init(&h->loop, &r->claude, 0);
	uv_pipe_init(&h->loop, &r->engine, 0);
	pump_init(&r->pump, &h->loop);
	if (host_door_take(h, door, &r->claude) && h->relay_token &&
	    !is_one_too_many(h)) {
		relay_connect(r);
		return;
	}
	LOG("relay",
	    "a process that is not claude's asked for the way to the API: refused");
	relay_close(r);
}

void
host_relay_set(struct host *h, const char *token)
{
	host_relay_end(h);
	if (h->relay_token) {
		explicit_bzero(h->relay_token, strlen(h->relay_token));
		free(h->relay_token);
	}
	h->relay_token =
	    token && *token && strlen(token) < TOKEN_MAX ? mem_dup(token) : NULL;
}

void
host_relay_end(struct host *h)
{
	for (struct host_relay *r = h->relays; r; r = r->next)
		relay_close(r);
}

void
host_relay_env(const struct host *h, struct args *a)
{
	if (!h->relay_token)
		return;
	args_add(a, "--env");
	args_add(a, "ANTHROPIC_UNIX_SOCKET=%s/api.sock", h->dir);
}

int
host_relay_open(struct host *h, struct err *err)
{
	if (host_door_open(h, &h->relay_door, "api.sock", on_peer, err) < 0)
		return err_wrap(err, "claude's way to the API");
	return 0;
}
