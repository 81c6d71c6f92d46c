/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/relay.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "engine/agent/agent_door.h"
#include "engine/agent/relay_call.h"
#include "engine/api/http.h"
#include "wire/messages.h"
#include "wire/pump.h"

#define PEERS_MAX 64 /* with those that have shown no token yet */
#define TOKEN_LINE_MAX 256
#define HEAD_MAX 4096 /* read before the token is known */
#define HOST_MAX 256

enum relay_state { RELAY_NEW, RELAY_CALLING, RELAY_OPEN, RELAY_CLOSED };

struct relay_conn {
	struct relay *relay;
	struct relay_conn *next;
	enum relay_state state;
	uv_pipe_t in;
	uv_tcp_t out;
	struct pump pump; /* its clock is also the one of NEW */
	struct relay_call *call;
	char *name; /* of the place it leads to */
	char head[HEAD_MAX];
	size_t head_len;
	int open;
};

struct relay {
	struct relay_config cfg;
	char *path;
	uv_pipe_t *door;
	struct relay_place *place; /* NULL: nobody may come */
	char token[RELAY_TOKEN];
	uint64_t came;
	struct relay_conn *conns;
	int peers, carried; /* carried: CALLING and OPEN */
	int open;
	bool dead;
};

static void
relay_release(struct relay *r)
{
	if (--r->open > 0)
		return;
	explicit_bzero(r->token, sizeof r->token);
	free(r->path);
	free(r);
}

static void relay_trouble(struct relay *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void
relay_trouble(struct relay *r, const char *fmt, ...)
{
	char why[RELAY_WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof why, fmt, ap);
	va_end(ap);
	LOG("relay", "%s", why);
	if (!r->dead && r->cfg.trouble)
		r->cfg.trouble(why, r->cfg.arg);
}

/* ---- a connection's end ---- */

static void
on_conn_closed(uv_handle_t *handle)
{
	struct relay_conn *c = handle->data;
	struct relay *r = c->relay;

	if (--c->open > 0)
		return;
	for (struct relay_conn **at = &r->conns; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	r->peers--;
	pump_fini(&c->pump);
	free(c->name);
	free(c);
	relay_release(r);
}

static void
conn_close(struct relay_conn *c)
{
	uv_handle_t *handles[] = {
	    (uv_handle_t *)&c->in, (uv_handle_t *)&c->out, (uv_handle_t *)&c->pump.clock};

	if (c->state == RELAY_CLOSED)
		return;
	pump_stop(&c->pump);
	c->relay->carried -= c->state != RELAY_NEW;
	c->state = RELAY_CLOSED;
	if (c->call)
		relay_call_cancel(c->call);
	c->call = NULL;
	for (size_t i = 0; i < ARRAY_LEN(handles); i++) {
		handles[i]->data = c;
		uv_close(handles[i], on_conn_closed);
	}
}

static void
on_end(struct pump *p, enum pump_end how, int error, void *arg)
{
	struct relay_conn *c = arg;

	LOG("relay", "%s: %llu bytes there, %llu back, end %d (%s)", c->name,
	    (unsigned long long)p->way[0].bytes, (unsigned long long)p->way[1].bytes,
	    (int)how, error ? uv_err_name(error) : "in order");
	if (how == PUMP_B_BROKE && error == UV_ETIMEDOUT)
		relay_trouble(c->relay, "%s no longer answers", c->name);
	else if (how == PUMP_B_BROKE)
		relay_trouble(c->relay, "%s broke the connection off (%s)", c->name,
		    uv_err_name(error));
	conn_close(c);
}

/* ---- from the token to the open connection ---- */

static void
on_called(int fd, const char *why, void *arg)
{
	struct relay_conn *c = arg;
	struct relay_config *cfg = &c->relay->cfg;
	struct pump_limits limits = {.idle_ms = cfg->idle_ms,
	    .linger_ms = cfg->linger_ms,
	    .total_ms = cfg->total_ms};

	c->call = NULL;
	if (fd >= 0 && uv_tcp_open(&c->out, fd) < 0) {
		close(fd);
		why = "the engine cannot use the connection";
	}
	if (why) {
		relay_trouble(c->relay, "%s", why);
		conn_close(c);
		return;
	}
	c->state = RELAY_OPEN;
	pump_start(&c->pump, (uv_stream_t *)&c->in, (uv_stream_t *)&c->out, c->head,
	    c->head_len, &limits, on_end, c);
}

/* In a time that does not tell how much of it was right. */
static bool
token_is(const struct relay *r, const char *said)
{
	unsigned char other = 0;

	if (!said || !r->place || strlen(said) != RELAY_TOKEN - 1)
		return false;
	for (int i = 0; i < RELAY_TOKEN - 1; i++)
		other |= (unsigned char)(said[i] ^ r->token[i]);
	return other == 0;
}

static bool
line_is_right(struct relay_conn *c, size_t len)
{
	struct err err;
	struct js *m = js_parse(c->head, len, &err);
	bool ok = m && message_agent_out(m) == AGENT_OUT_RELAY &&
	    message_only(m, "token", &err) == 0 && token_is(c->relay, js_str(m, "token"));

	js_free(m);
	return ok;
}

static void
conn_refuse(struct relay_conn *c, const char *why)
{
	LOG("relay", "a connection is refused: %s", why);
	conn_close(c);
}

static void
conn_go(struct relay_conn *c)
{
	struct relay *r = c->relay;

	r->came++;
	if (r->carried >= RELAY_MAX) {
		relay_trouble(r, "%d connections to %s are open: one more is refused",
		    RELAY_MAX, relay_place_name(r->place));
		conn_close(c);
		return;
	}
	uv_timer_stop(&c->pump.clock);
	c->pump.clock.data = &c->pump;
	r->carried++;
	c->state = RELAY_CALLING;
	c->name = mem_dup(relay_place_name(r->place));
	c->call = relay_call_start(r->place, on_called, c);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct relay_conn *c = handle->data;

	*buf = uv_buf_init(c->head + c->head_len, (unsigned)(HEAD_MAX - c->head_len));
}

static void
on_head(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct relay_conn *c = stream->data;
	const char *lf;
	size_t line;

	if (n < 0) {
		conn_close(c);
		return;
	}
	c->head_len += (size_t)n;
	lf = memchr(c->head, '\n', c->head_len);
	line = lf ? (size_t)(lf - c->head) : c->head_len;
	if (line >= TOKEN_LINE_MAX) {
		conn_refuse(c, "its first line is too long");
		return;
	}
	if (!lf)
		return;
	uv_read_stop(stream);
	if (!line_is_right(c, line)) {
		conn_refuse(c, "it has not the token of this claude");
		return;
	}
	c->head_len -= line + 1;
	memmove(c->head, lf + 1, c->head_len);
	conn_go(c);
}

static void
on_token_late(uv_timer_t *clock)
{
	conn_refuse(clock->data, "it has shown no token");
}

static void
on_peer(uv_stream_t *door, int status)
{
	struct relay *r = door->data;
	struct relay_conn *c;

	if (status < 0)
		return;
	c = mem_alloc(sizeof *c);
	c->relay = r;
	c->open = 3;
	r->open++;
	r->peers++;
	c->next = r->conns;
	r->conns = c;
	uv_pipe_init(r->cfg.loop, &c->in, 0);
	uv_tcp_init(r->cfg.loop, &c->out);
	pump_init(&c->pump, r->cfg.loop);
	c->in.data = c->out.data = c->pump.clock.data = c;
	uv_timer_start(&c->pump.clock, on_token_late, (uint64_t)r->cfg.token_ms, 0);
	if (agent_door_take(r->cfg.door, door, &c->in) < 0 || r->peers > PEERS_MAX ||
	    uv_read_start((uv_stream_t *)&c->in, on_alloc, on_head) < 0)
		conn_refuse(c, "of another user, or one of too many");
}

/* ---- the relay's own life ---- */

static void
on_door_closed(uv_handle_t *handle)
{
	struct relay *r = handle->data;

	free(handle);
	relay_release(r);
}

static void
relay_close_door(struct relay *r)
{
	if (r->door)
		uv_close((uv_handle_t *)r->door, on_door_closed);
	r->door = NULL;
}

static int
relay_listen(struct relay *r, struct err *err)
{
	r->door = mem_alloc(sizeof *r->door);
	uv_pipe_init(r->cfg.loop, r->door, 0);
	r->door->data = r;
	r->open++;
	if (agent_door_open(r->cfg.door, r->path, r->door, on_peer, err) == 0)
		return 0;
	relay_close_door(r);
	return -1;
}

struct relay *
relay_new(const struct relay_config *cfg, struct err *err)
{
	struct relay *r = mem_alloc(sizeof *r);
	struct {
		int64_t *ms, usual;
	} times[] = {{&r->cfg.token_ms, 5000}, {&r->cfg.name_ms, 5000},
	    {&r->cfg.connect_ms, 10000}, {&r->cfg.idle_ms, 300000},
	    {&r->cfg.linger_ms, 30000}, {&r->cfg.total_ms, 3600000}};

	r->cfg = *cfg;
	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (*times[i].ms == 0)
			*times[i].ms = times[i].usual;
	r->path = mem_dup(cfg->path);
	r->open = 1;
	if (relay_listen(r, err) == 0)
		return r;
	err_wrap(err, "relay");
	r->dead = true;
	relay_release(r);
	return NULL;
}

void
relay_cut(struct relay *r)
{
	if (!r)
		return;
	for (struct relay_conn *c = r->conns; c; c = c->next)
		conn_close(c);
	relay_place_free(r->place);
	r->place = NULL;
}

void
relay_free(struct relay *r)
{
	if (!r)
		return;
	r->dead = true;
	relay_cut(r);
	unlink(r->path);
	relay_close_door(r);
	relay_release(r);
}

void
relay_again(struct relay *r)
{
	struct err err;

	if (!r || access(r->path, F_OK) == 0)
		return;
	relay_close_door(r);
	if (relay_listen(r, &err) < 0)
		LOG("relay", "%s", err.words);
}

static void
token_new(char out[RELAY_TOKEN])
{
	unsigned char b[(RELAY_TOKEN - 1) / 2];

	random_bytes(b, sizeof b);
	for (size_t i = 0; i < sizeof b; i++)
		snprintf(out + 2 * i, 3, "%02x", b[i]);
	explicit_bzero(b, sizeof b);
}

/* Those that are on their way to the old place are cancelled with it. */
static void
relay_leave_place(struct relay *r)
{
	for (struct relay_conn *c = r->conns; c; c = c->next)
		if (c->state == RELAY_CALLING)
			conn_close(c);
	relay_place_free(r->place);
	r->place = NULL;
}

const char *
relay_allow(
    struct relay *r, const char *url, const char *const *addresses, struct err *err)
{
	char host[HOST_MAX];
	int port;

	if (!r->door) {
		err_set(err, ERR_SYSTEM, "the relay does not listen");
		return NULL;
	}
	if (http_origin(url, host, sizeof host, &port, err) < 0)
		return NULL;
	if (!r->place || !relay_place_is(r->place, host, port)) {
		relay_leave_place(r);
		r->place = relay_place_new(r->cfg.loop, host, port, addresses,
		    r->cfg.name_ms, r->cfg.connect_ms);
	}
	token_new(r->token);
	r->came = 0;
	return r->token;
}

uint64_t
relay_came(const struct relay *r)
{
	return r->came;
}
