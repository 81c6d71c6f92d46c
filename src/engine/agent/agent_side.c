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

#define PEERS_MAX 64
#define FDS_KEPT 14    /* more than the operators' side keeps: they come first */
#define HELLO_MS 10000 /* a peer that has not said who it is by then is closed */
#define SWEEP_MS 2000
#define INPUT_RETRY_MS 10 /* while a host does not take what a shim has to say */

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

/* ---- peers ---- */

struct peer_write {
	uv_write_t req;
	struct agent_peer *peer;
	char *data;
	size_t len;
};

static void
on_peer_closed(uv_handle_t *handle)
{
	struct agent_peer *p = handle->data;
	struct agent_side *s = p->side;

	for (struct agent_peer **at = &s->peers; *at; at = &(*at)->next)
		if (*at == p) {
			*at = p->next;
			break;
		}
	s->peer_count--;
	frame_fini(&p->frame);
	free(p);
	side_release(s);
}

void
agent_peer_close(struct agent_peer *p)
{
	if (p->closing)
		return;
	p->closing = true;
	if (p->state == AGENT_PEER_RUNNING)
		agent_shim_gone(p);
	if (p->side->host == p) {
		p->side->host = NULL;
		if (p->side->proc)
			agent_proc_kill(
			    p->side->proc, SIGKILL); /* its end tells the rest */
		side_absent(p->side, "is gone: is its container up?");
	}
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void
on_written(uv_write_t *req, int status)
{
	struct peer_write *w = req->data;
	struct agent_peer *p = w->peer;

	if (p->state == AGENT_PEER_HOST)
		explicit_bzero(w->data, w->len); /* it may have been the credential */
	free(w->data);
	free(w);
	if (p->closing)
		return;
	if (status < 0 || (p->last_written && p->pipe.write_queue_size == 0))
		agent_peer_close(p);
	else if (p->state == AGENT_PEER_RUNNING)
		agent_shim_written(p);
}

void
agent_peer_write(struct agent_peer *p, char *data, size_t len, bool last)
{
	struct peer_write *w;
	uv_buf_t piece = uv_buf_init(data, (unsigned)len);

	if (p->closing || p->last_written) {
		free(data);
		return;
	}
	w = mem_alloc(sizeof *w);
	w->peer = p;
	w->data = data;
	w->len = len;
	w->req.data = w;
	p->last_written = last;
	if (uv_write(&w->req, (uv_stream_t *)&p->pipe, &piece, 1, on_written) < 0) {
		free(data);
		free(w);
	}
}

static void
peer_send(struct agent_peer *p, struct js *m, bool last)
{
	struct buf text;

	buf_init(&text, FRAME_LINE_MAX);
	if (js_print(m, &text) == 0 && buf_add(&text, "\n", 1) == 0)
		agent_peer_write(p, text.data, text.len, last);
	else
		buf_fini(&text);
	js_free(m);
}

static void
peer_deny(struct agent_peer *p, const char *text)
{
	struct js *m = message_new(agent_in_names[AGENT_IN_DENIED]);

	LOG("agent", "a peer on the agent side is refused: %s", text);
	js_set_str(m, "text", text);
	peer_send(p, m, true);
}

/* The same for what is no request at all: on record, too. */
static void
peer_refuse(struct agent_peer *p, const char *text)
{
	char words[320];

	if (p->last_written)
		return;
	snprintf(words, sizeof words,
	    "refused what was no request on the agent's side: %.200s", text);
	peer_deny(p, text);
	broker_agent_refused(p->side->broker, words, NULL, 0);
}

struct broker *
agent_peer_broker(const struct agent_peer *p)
{
	return p->side->broker;
}

int
agent_peer_shims(const struct agent_peer *p)
{
	int n = 0;

	for (struct agent_peer *q = p->side->peers; q; q = q->next)
		n += q->state == AGENT_PEER_RUNNING && !q->closing;
	return n;
}

/* ---- agent-host speaks ---- */

static void
host_tell_up(struct agent_side *s)
{
	struct agent_host_info info = {.claude = js_str(s->info, "claude"),
	    .version = js_str(s->info, "version"),
	    .pinned = js_str(s->info, "pinned"),
	    .why = js_str(s->info, "why")};

	if (s->ev)
		s->ev->up(&info, s->arg);
}

static void
host_on_message(struct agent_side *s, struct js *m)
{
	int kind = message_agent_out(m);

	if (s->sandbox && js_has(m, "sandbox"))
		s->sandbox(js_str(m, "sandbox"), js_get_array(m, "open"), s->sandbox_arg);
	if (kind == AGENT_OUT_HOST) {
		js_free(s->info);
		s->info = js_ref(m);
		host_tell_up(s);
	} else if (kind == AGENT_OUT_TOOL_OUTPUT || kind == AGENT_OUT_TOOL_END)
		agent_tools_receive(s->tools, kind, m);
	else if (s->ev)
		agent_child_receive(s->ev, s->arg, kind, m);
}

/* ---- hello ---- */

static void
peer_welcome_host(struct agent_peer *p)
{
	struct agent_side *s = p->side;
	const char *why = s->uid ? side_host_comes(s) : side_host_is_ours(s, p);
	struct js *m;

	if (why) {
		if (s->uid) /* a second container tries every second: no line each */
			peer_deny(p, why);
		else
			peer_refuse(p, why);
		return;
	}
	p->state = AGENT_PEER_HOST;
	s->host = p;
	m = message_new(agent_in_names[AGENT_IN_WELCOME]);
	js_set_int(m, "v", WIRE_VERSION);
	peer_send(p, m, false);
	agent_tools_up(s->tools);
}

static void
peer_on_hello(struct agent_peer *p, const struct js *m)
{
	struct err err;

	if (message_only(m, "v role", &err) < 0)
		peer_refuse(p, err.words);
	else if (js_int(m, "v", -1) != WIRE_VERSION)
		peer_deny(p, "another version of breakglass: restart the engine");
	else if (js_is(m, "role", "shim"))
		p->state = AGENT_PEER_SHIM;
	else if (js_is(m, "role", "agent-host"))
		peer_welcome_host(p);
	else
		peer_refuse(p, "role must be shim or agent-host");
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct agent_peer *p = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);
	int kind = m ? message_agent_out(m) : -1;

	if (p->state == AGENT_PEER_HOST && m)
		host_on_message(p->side, m);
	else if (p->state == AGENT_PEER_NEW && kind == AGENT_OUT_HELLO)
		peer_on_hello(p, m);
	else if (p->state == AGENT_PEER_SHIM && kind == AGENT_OUT_RUN)
		agent_shim_run(p, m);
	else if (p->state == AGENT_PEER_SHIM && kind == AGENT_OUT_REFUSED)
		agent_shim_refused(p, m);
	else if (p->state != AGENT_PEER_HOST)
		peer_refuse(p, "hello first, then run");
	js_free(m);
	return !p->closing;
}

/* Lines until a shim's run, frames after it, perhaps in one read. */
static void
peer_receive(struct agent_peer *p, const char *data, size_t len)
{
	while (len > 0 && !p->closing && p->state != AGENT_PEER_RUNNING) {
		const char *lf = memchr(data, '\n', len);
		size_t n = lf ? (size_t)(lf - data) + 1 : len;

		if (!frame_feed(&p->frame, data, n, on_line, p))
			return;
		data += n;
		len -= n;
	}
	if (len > 0 && !p->closing)
		agent_shim_receive(p, data, len);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	static char data[64 * 1024];

	*buf = uv_buf_init(data, sizeof data);
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct agent_peer *p = stream->data;

	if (n < 0)
		agent_peer_close(p);
	else if (n > 0)
		peer_receive(p, buf->base, (size_t)n);
}

static void
on_input_retry(uv_timer_t *timer)
{
	struct agent_side *s = timer->data;
	bool waits = false;

	for (struct agent_peer *p = s->peers; p; p = p->next) {
		if (p->closing || p->input.len == 0)
			continue;
		if (agent_shim_retry(p))
			uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
		else
			waits = true;
	}
	if (!waits)
		uv_timer_stop(timer);
}

void
agent_peer_input_waits(struct agent_peer *p)
{
	uv_read_stop((uv_stream_t *)&p->pipe);
	if (!uv_is_active((uv_handle_t *)&p->side->input))
		uv_timer_start(
		    &p->side->input, on_input_retry, INPUT_RETRY_MS, INPUT_RETRY_MS);
}

static void
on_peer(uv_stream_t *door, int status)
{
	struct agent_side *s = door->data;
	struct agent_peer *p;
	uv_os_fd_t fd;

	if (status < 0)
		return;
	p = mem_alloc(sizeof *p);
	p->side = s;
	p->since_ms = clock_mono_ms();
	frame_init(&p->frame, FRAME_LINE_MAX);
	uv_pipe_init(s->loop, &p->pipe, 0);
	p->pipe.data = p;
	p->next = s->peers;
	s->peers = p;
	s->peer_count++;
	s->open++;
	side_sweep(s);
	if (uv_accept(door, (uv_stream_t *)&p->pipe) < 0 ||
	    uv_fileno((uv_handle_t *)&p->pipe, &fd) < 0 ||
	    !agent_door_lets(&s->whose, fd)) {
		LOG("agent", "a peer on the agent side is not let in");
		agent_peer_close(p);
		return;
	}
	/* said at once, and closed: its own descriptor is one of the last */
	if (fd_is_of_the_last(fd, FDS_KEPT))
		peer_deny(p,
		    "the engine has no descriptor left for one more command: nothing was run; "
		    "wait until one has ended");
	else if (s->peer_count > PEERS_MAX)
		peer_deny(p,
		    "64 connections of the agent are open already: nothing was run; wait until "
		    "one has ended");
	else if (uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read) == 0)
		return;
	agent_peer_close(p);
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
	int fd;

	if (agent_door_folder(&s->whose, s->dir, s->uid, s->group, err) < 0)
		return -1;
	fd = agent_door_listen(&s->whose, s->socket, err);
	if (fd < 0)
		return -1;
	s->door = mem_alloc(sizeof *s->door);
	uv_pipe_init(s->loop, s->door, 0);
	s->door->data = s;
	s->open++;
	if (fd_nonblock(fd) < 0 || uv_pipe_open(s->door, fd) < 0 ||
	    uv_listen((uv_stream_t *)s->door, 64, on_peer) < 0) {
		close(fd);
		return err_set(err, ERR_SYSTEM, "listen on %s", s->socket);
	}
	return 0;
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

void
agent_side_send(struct agent_side *s, struct js *m)
{
	if (s->host)
		peer_send(s->host, m, false);
	else
		js_free(m);
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
		host_tell_up(s);
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
