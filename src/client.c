/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

#define CLIENT_PING_MS 10000 /* a peer that is silent for 30 s is dropped */

void
client_init(struct client *c, int fd,
    bool (*on_fact)(struct client *c, int kind, const struct js *m, void *arg), void *arg)
{
	struct timeval limit = {.tv_sec = CLIENT_SILENCE_MS / 1000};

	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->reader_fd = -1;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	c->on_fact = on_fact;
	c->arg = arg;
	frame_init(&c->frame, 1024 * 1024);
	buf_init(&c->out, FRAME_LINE_MAX);
}

void
client_fini(struct client *c)
{
	frame_fini(&c->frame);
	buf_fini(&c->out);
	close(c->fd);
}

static bool on_line(char *line, size_t len, void *arg);

/* The engine does not take our bytes: what it said last tells why. */
static int
client_gone(struct client *c, struct err *err)
{
	char data[16384];
	ssize_t n;

	while (!c->refusal.words[0] &&
	    (n = recv(c->fd, data, sizeof data, MSG_DONTWAIT)) > 0)
		frame_feed(&c->frame, data, (size_t)n, on_line, c);
	if (c->refusal.words[0])
		*err = c->refusal;
	else
		err_set(err, ERR_UNREACHABLE,
		    "the engine has gone: breakglass status starts another one, which says what was under way");
	return -1;
}

static int
client_flush(struct client *c, struct err *err)
{
	while (c->out.len > 0) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return client_gone(c, err);
		buf_drop(&c->out, (size_t)n);
	}
	return 0;
}

int
client_send(struct client *c, struct js *m, struct err *err)
{
	int rc = js_print(m, &c->out);

	js_free(m);
	if (rc < 0 || buf_add(&c->out, "\n", 1) < 0) {
		buf_clear(&c->out);
		return err_set(err, ERR_LIMIT, "the text is too long: at most 64 KiB go");
	}
	return client_flush(c, err);
}

int
client_hello(struct client *c, const char *name, struct err *err)
{
	return client_hello_since(c, name, &(struct client_past){0}, err);
}

int
client_hello_since(
    struct client *c, const char *name, const struct client_past *past, struct err *err)
{
	struct js *m = message_new(request_names[REQUEST_HELLO]);

	js_set_int(m, "v", WIRE_VERSION);
	js_set_str(m, "name", name);
	js_set_str(m, "role", "command");
	if (past->incident) {
		js_set_int(m, "since", past->since);
		js_set_str(m, "incident", past->incident);
		js_set_str(m, "started", past->started);
	} else {
		js_set_int(m, "tail", past->tail);
	}
	return client_send(c, m, err);
}

/* An error instead of the welcome is about us, not about a request. */
static void
client_refused(struct client *c, const struct js *m)
{
	const char *text = js_str(m, "text"), *todo = js_str(m, "todo");
	enum err_code code = js_is(m, "where", "access") ? ERR_DENIED
	    : js_is(m, "where", "busy")			 ? ERR_BUSY
							 : ERR_PROTOCOL;

	err_set(&c->refusal, code, "%s%s%s", text ? text : "refused", todo ? ": " : "",
	    todo ? todo : "");
	c->stopped = true;
}

static void
client_asked(struct client *c, const struct js *m)
{
	const char *text = js_str(m, "text");

	snprintf(c->gate_text, sizeof c->gate_text, "%s",
	    text ? text : "the engine asks for a password");
	c->gate = c->stopped = true;
}

static bool
on_line(char *line, size_t len, void *arg)
{
	struct client *c = arg;
	struct err err;
	struct js *m = js_parse(line, len, &err);
	int kind = m ? message_fact(m) : -1;

	c->welcome |= kind == FACT_WELCOME;
	if (kind == FACT_WELCOME && js_str(m, "you"))
		snprintf(c->you, sizeof c->you, "%s", js_str(m, "you"));
	if (kind == FACT_GATE && !c->welcome)
		client_asked(c, m);
	else if (kind == FACT_ERROR && !c->welcome)
		client_refused(c, m);
	else if (m && !c->on_fact(c, kind, m, c->arg))
		c->stopped = true;
	js_free(m);
	return !c->stopped;
}

static int
client_read(struct client *c, struct err *err)
{
	char data[16384];
	ssize_t n = read(c->fd, data, sizeof data);

	if (n < 0 && errno == EINTR)
		return 0;
	if (n <= 0)
		return client_gone(c, err);
	c->heard_ms = clock_mono_ms();
	frame_feed(&c->frame, data, (size_t)n, on_line, c);
	return 0;
}

/* What has come; -1: the engine is gone, or has not said a word for too long. */
static int
client_wait(struct client *c, int64_t until, struct err *err)
{
	struct pollfd p[2] = {{.fd = c->fd, .events = POLLIN}, {.fd = c->reader_fd}};
	int64_t now = clock_mono_ms(), wait = until - now;

	if (poll(p, 2, wait > 0 ? (int)wait : 0) <= 0) {
		if (now - c->heard_ms < CLIENT_SILENCE_MS)
			return 0;
		return err_set(err, ERR_UNREACHABLE,
		    "the engine has not said a word for 30 s: " CLIENT_HUNG);
	}
	if (p[1].revents & (POLLERR | POLLHUP | POLLNVAL))
		c->stopped = c->reader_gone = true;
	return p[0].revents ? client_read(c, err) : 0;
}

int
client_run(struct client *c, int64_t wait_ms, struct err *err)
{
	int64_t now = clock_mono_ms();
	int64_t until = wait_ms < 0 ? INT64_MAX : now + wait_ms,
		ping = now + CLIENT_PING_MS;

	c->stopped = false;
	c->heard_ms = now;
	while (!c->stopped) {
		int64_t next;

		now = clock_mono_ms();
		if (now >= until)
			return 1;
		if (now >= ping) {
			ping = now + CLIENT_PING_MS;
			if (client_send(
				c, message_new(request_names[REQUEST_PING]), err) < 0)
				return -1;
		}
		next = ping < until ? ping : until;
		if (client_wait(c, next, err) < 0)
			return -1;
	}
	if (c->refusal.words[0]) {
		*err = c->refusal;
		return -1;
	}
	return 0;
}
