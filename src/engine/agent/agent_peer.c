/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_peer.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/agent_proc.h"
#include "engine/agent/agent_side_int.h"
#include "engine/remote/broker.h"
#include "wire/messages.h"

#define PEERS_MAX 64
#define FDS_KEPT 14	  /* more than the operators' side keeps: they come first */
#define INPUT_RETRY_MS 10 /* while a host does not take what a shim has to say */

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

void
agent_side_send(struct agent_side *s, struct js *m)
{
	if (s->host)
		peer_send(s->host, m, false);
	else
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

void
side_tell_up(struct agent_side *s)
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
		side_tell_up(s);
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

void
side_on_peer(uv_stream_t *door, int status)
{
	struct agent_side *s = door->data;
	struct agent_peer *p;
	int fd;

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
	fd = agent_door_take(&s->whose, door, &p->pipe);
	if (fd < 0) {
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
