/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/hub.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/peer.h"

static void
on_connection(uv_stream_t *listener, int status)
{
	struct hub *h = listener->data;

	if (status == 0)
		peer_accept(h);
	else
		LOG("hub", "accept: %s", uv_strerror(status));
}

static void
on_look(uv_timer_t *t)
{
	struct hub *h = t->data;
	struct peer *next;

	for (struct peer *p = h->peers; p; p = next) {
		next = p->next;
		if (p->state == PEER_GATE && p->asked)
			continue; /* a person looks for a password: the gate has its own
				     end */
		if (clock_mono_ms() - p->heard_ms > h->silence_ms) {
			LOG("hub", "%s was silent, dropped", p->name);
			peer_close(p);
		}
	}
	if (!h->peers)
		uv_timer_stop(t);
}

/* Before the loop waits: what a round of it said goes out in one write a peer. */
static void
on_flush(uv_prepare_t *flush)
{
	struct hub *h = flush->data;
	struct peer *next;

	for (struct peer *p = h->peers; p; p = next) {
		next = p->next;
		peer_flush(p);
	}
}

struct hub *
hub_new(
    uv_loop_t *loop, struct incident *incident, const struct hub_events *ev, void *arg)
{
	struct hub *h = mem_alloc(sizeof *h);

	h->loop = loop;
	h->incident = incident;
	h->ev = ev;
	h->arg = arg;
	h->version = "";
	h->silence_ms = HUB_SILENCE_MS;
	clock_at(clock_wall_ms(), h->started);
	uv_timer_init(loop, &h->timer);
	uv_unref((uv_handle_t *)&h->timer);
	h->timer.data = h;
	uv_prepare_init(loop, &h->flush);
	uv_unref((uv_handle_t *)&h->flush);
	h->flush.data = h;
	uv_prepare_start(&h->flush, on_flush);
	uv_timer_init(loop, &h->reads);
	uv_unref((uv_handle_t *)&h->reads);
	h->reads.data = h;
	h->handles = 3;
	return h;
}

void
hub_release(struct hub *h)
{
	if (--h->handles == 0)
		free(h);
}

static void
on_hub_closed(uv_handle_t *handle)
{
	hub_release(handle->data);
}

static void
on_listener_closed(uv_handle_t *handle)
{
	on_hub_closed(handle);
	free(handle);
}

int
hub_listen(struct hub *h, int fd, struct err *err)
{
	int rc;

	if (h->listener)
		uv_close((uv_handle_t *)h->listener, on_listener_closed);
	h->listener = mem_alloc(sizeof *h->listener);
	uv_pipe_init(h->loop, h->listener, 0);
	h->listener->data = h;
	h->handles++;
	rc = uv_pipe_open(h->listener, fd);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)h->listener, 64, on_connection);
	if (rc < 0)
		return err_set(
		    err, ERR_SYSTEM, "listen for operators: %s", uv_strerror(rc));
	return 0;
}

void
hub_free(struct hub *h)
{
	struct peer *p;

	if (!h)
		return;
	while ((p = h->peers) != NULL) {
		peer_flush_all(p);
		if (h->peers == p)
			peer_close(p);
	}
	h->freed = true;
	uv_close((uv_handle_t *)&h->timer, on_hub_closed);
	uv_close((uv_handle_t *)&h->reads, on_hub_closed);
	uv_close((uv_handle_t *)&h->flush, on_hub_closed);
	if (h->listener)
		uv_close((uv_handle_t *)h->listener, on_listener_closed);
}

void
hub_tell(struct hub *h, struct line *line)
{
	struct peer *next;

	for (struct peer *p = h->peers; p; p = next) {
		next = p->next;
		if (p->state == PEER_LIVE)
			peer_send(p, line);
	}
}

int
hub_consoles(const struct hub *h)
{
	int n = 0;

	for (const struct peer *p = h->peers; p; p = p->next)
		n += p->state >= PEER_REPLAYING && p->console;
	return n;
}

int
hub_peers(const struct hub *h)
{
	int n = 0;

	for (const struct peer *p = h->peers; p; p = p->next)
		n++;
	return n;
}

int
hub_wanting(const struct hub *h, int64_t new_ms)
{
	int64_t since = clock_mono_ms() - new_ms;
	int n = 0;

	for (const struct peer *p = h->peers; p; p = p->next)
		n += p->console || p->came_ms > since;
	return n;
}

void
hub_set_version(struct hub *h, const char *version)
{
	h->version = version;
}

void
hub_set_foreground(struct hub *h, bool foreground)
{
	h->foreground = foreground;
}

void
hub_set_strangers(struct hub *h, bool strangers)
{
	h->strangers = strangers;
}

void
hub_set_silence(struct hub *h, int64_t ms)
{
	h->silence_ms = ms;
}

void
hub_watch_silence(struct hub *h)
{
	uint64_t look_ms = (uint64_t)h->silence_ms / 10;

	if (!uv_is_active((uv_handle_t *)&h->timer))
		uv_timer_start(&h->timer, on_look, look_ms, look_ms);
}

void
hub_error(struct hub *h, const struct peer *maybe, const struct js *m, const char *where,
    const char *text)
{
	for (struct peer *p = h->peers; p; p = p->next)
		if (p == maybe) {
			peer_error(p, m, where, text, NULL);
			return;
		}
}
