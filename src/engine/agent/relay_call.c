/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/relay_call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/agent/relay.h"
#include "engine/api/dial.h"

#define ADDRESSES_MAX 8
#define ADDRESS_LEN 64
#define FRESH_MS 60000	/* an answer of the name server serves for so long */
#define STEP_MIN_MS 500 /* no address is given up sooner */

struct list {
	char at[ADDRESSES_MAX][ADDRESS_LEN];
	int n;
};

struct relay_place {
	uv_loop_t *loop;
	char *host, *name; /* name: with the port */
	int port;
	int64_t name_ms, connect_ms;
	struct list given, found;
	int64_t found_ms;
	uv_getaddrinfo_t look;
	bool literal, looking, dead;
	struct relay_call *calls;
};

struct relay_call {
	struct relay_place *place;
	struct relay_call *next;
	relay_call_fn *done; /* NULL: cancelled */
	void *arg;
	uv_timer_t timer;
	uv_poll_t poll;
	struct list list;
	int i;	/* of list, the one that is tried */
	int fd; /* -1: none */
	bool polls, named, over;
	int open;
	int64_t born_ms;
	char why[RELAY_WHY_MAX];
};

static void call_next(struct relay_call *c);

static void
place_release(struct relay_place *p)
{
	if (!p->dead || p->looking || p->calls)
		return;
	free(p->host);
	free(p->name);
	free(p);
}

static void
on_call_closed(uv_handle_t *handle)
{
	struct relay_call *c = handle->data;
	struct relay_place *p = c->place;

	if (--c->open > 0)
		return;
	if (c->fd >= 0)
		close(c->fd);
	for (struct relay_call **at = &p->calls; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	free(c);
	place_release(p);
}

static void
on_poll_closed(uv_handle_t *handle)
{
	struct relay_call *c = handle->data;

	c->polls = false;
	if (c->over)
		on_call_closed(handle);
	else {
		close(c->fd);
		c->fd = -1;
		c->i++;
		call_next(c);
	}
}

/* The descriptor is handed over once libuv has let go of it. */
static void
call_over(struct relay_call *c, const char *why)
{
	int fd = why ? -1 : c->fd;

	if (c->over)
		return;
	c->over = true;
	if (!why) {
		uv_poll_stop(&c->poll);
		fd = dial_dup(c->fd);
		why = fd < 0 ? "the engine has no descriptor left" : NULL;
	}
	if (c->polls && !uv_is_closing((uv_handle_t *)&c->poll))
		uv_close((uv_handle_t *)&c->poll, on_poll_closed);
	if (c->polls)
		c->open++;
	uv_close((uv_handle_t *)&c->timer, on_call_closed);
	if (c->done)
		c->done(fd, why, c->arg);
}

static void
call_words(struct relay_call *c, int errnum)
{
	const char *name = c->place->name;

	if (errnum == ECONNREFUSED)
		snprintf(c->why, sizeof c->why, "%s refuses the connection", name);
	else if (errnum == ETIMEDOUT)
		snprintf(c->why, sizeof c->why, "%s does not answer (%s)", name,
		    c->list.n ? c->list.at[c->i] : "no address");
	else if (errnum == EACCES || errnum == EPERM)
		snprintf(c->why, sizeof c->why,
		    "%s: this machine's own firewall or network policy forbids it", name);
	else
		snprintf(c->why, sizeof c->why, "%s cannot be reached: %s", name,
		    strerror(errnum));
}

static void
on_step_late(uv_timer_t *timer)
{
	struct relay_call *c = timer->data;

	call_words(c, ETIMEDOUT);
	if (c->polls && !uv_is_closing((uv_handle_t *)&c->poll))
		uv_close((uv_handle_t *)&c->poll, on_poll_closed);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct relay_call *c = poll->data;
	int errnum = 0;
	socklen_t len = sizeof errnum;

	uv_poll_stop(poll);
	uv_timer_stop(&c->timer);
	/* libuv only says that there is an error, the socket which. */
	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &errnum, &len) < 0)
		errnum = errno;
	if (!errnum && status < 0)
		errnum = -status;
	if (!errnum) {
		call_over(c, NULL);
		return;
	}
	call_words(c, errnum);
	uv_close((uv_handle_t *)poll, on_poll_closed);
}

/* The next address, as long as there is one. */
static void
call_next(struct relay_call *c)
{
	struct relay_place *p = c->place;
	int64_t left = p->connect_ms - (clock_mono_ms() - c->born_ms);
	int64_t step = c->i < c->list.n ? left / (c->list.n - c->i) : 0;
	int errnum;

	for (; c->i < c->list.n && left > 0; c->i++) {
		c->fd = dial_begin(c->list.at[c->i], p->port, &errnum);
		if (c->fd < 0) {
			call_words(c, errnum ? errnum : EINVAL);
			continue;
		}
		if (uv_poll_init(p->loop, &c->poll, c->fd) < 0) {
			close(c->fd);
			c->fd = -1;
			continue;
		}
		c->polls = true;
		c->poll.data = c;
		uv_poll_start(&c->poll, UV_WRITABLE, on_poll);
		uv_timer_start(&c->timer, on_step_late,
		    (uint64_t)(step > STEP_MIN_MS ? step : STEP_MIN_MS), 0);
		return;
	}
	call_over(c, c->why[0] ? c->why : "no address to connect to");
}

/* The name is looked up, or will not be: with what is known now. */
static void
call_named(struct relay_call *c, const char *why)
{
	struct relay_place *p = c->place;

	if (c->named || c->over)
		return;
	c->named = true;
	uv_timer_stop(&c->timer);
	if (why) {
		snprintf(c->why, sizeof c->why, "%s", why);
		c->list = p->given.n ? p->given : p->found;
	} else
		c->list = p->found;
	if (c->list.n && why)
		LOG("relay", "%s: its addresses of before are tried", why);
	c->born_ms = clock_mono_ms();
	call_next(c);
}

static void
on_name_late(uv_timer_t *timer)
{
	struct relay_call *c = timer->data;
	char why[RELAY_WHY_MAX];

	snprintf(why, sizeof why, "no name server has answered for %s in %lld s",
	    c->place->host, (long long)(c->place->name_ms + 999) / 1000);
	call_named(c, why);
}

static void
place_keep(struct relay_place *p, const struct addrinfo *list)
{
	struct list *to = &p->found;

	to->n = 0;
	for (; list && to->n < ADDRESSES_MAX; list = list->ai_next) {
		const struct sockaddr *sa = list->ai_addr;
		int rc = sa->sa_family == AF_INET
		    ? uv_ip4_name((const struct sockaddr_in *)(const void *)sa,
			  to->at[to->n], ADDRESS_LEN)
		    : uv_ip6_name((const struct sockaddr_in6 *)(const void *)sa,
			  to->at[to->n], ADDRESS_LEN);

		to->n += rc == 0;
	}
	p->found_ms = clock_mono_ms();
}

static void
on_looked(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct relay_place *p = req->data;
	char why[RELAY_WHY_MAX];

	p->looking = false;
	if (status == 0)
		place_keep(p, list);
	uv_freeaddrinfo(list);
	if (status == UV_EAI_NONAME || status == UV_EAI_NODATA)
		snprintf(why, sizeof why, "no name server knows %s", p->host);
	else if (status < 0)
		snprintf(why, sizeof why, "no name server answers for %s (%s)", p->host,
		    uv_strerror(status));
	for (struct relay_call *c = p->calls, *next; c; c = next) {
		next = c->next;
		call_named(c, status < 0 ? why : NULL);
	}
	place_release(p);
}

static void
place_look(struct relay_place *p)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};

	if (p->looking)
		return;
	p->look.data = p;
	p->looking =
	    uv_getaddrinfo(p->loop, &p->look, on_looked, p->host, NULL, &hints) == 0;
}

static void
on_start(uv_timer_t *timer)
{
	struct relay_call *c = timer->data;
	struct relay_place *p = c->place;

	if (p->literal || (p->found.n && clock_mono_ms() - p->found_ms < FRESH_MS)) {
		call_named(c, NULL);
		return;
	}
	uv_timer_start(timer, on_name_late, (uint64_t)p->name_ms, 0);
	place_look(p);
}

struct relay_call *
relay_call_start(struct relay_place *p, relay_call_fn *done, void *arg)
{
	struct relay_call *c = mem_alloc(sizeof *c);

	c->place = p;
	c->done = done;
	c->arg = arg;
	c->fd = -1;
	c->open = 1;
	c->born_ms = clock_mono_ms();
	c->next = p->calls;
	p->calls = c;
	uv_timer_init(p->loop, &c->timer);
	c->timer.data = c;
	uv_timer_start(&c->timer, on_start, 0, 0);
	return c;
}

void
relay_call_cancel(struct relay_call *c)
{
	c->done = NULL;
	call_over(c, "cancelled");
}

struct relay_place *
relay_place_new(uv_loop_t *loop, const char *host, int port, const char *const *addresses,
    int64_t name_ms, int64_t connect_ms)
{
	struct relay_place *p = mem_alloc(sizeof *p);
	struct in6_addr a6;
	struct in_addr a4;

	p->loop = loop;
	p->host = mem_dup(host);
	p->port = port;
	p->name = mem_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host, port);
	p->name_ms = name_ms;
	p->connect_ms = connect_ms;
	p->literal =
	    inet_pton(AF_INET, host, &a4) == 1 || inet_pton(AF_INET6, host, &a6) == 1;
	if (p->literal) {
		snprintf(p->found.at[0], ADDRESS_LEN, "%.60s", host);
		p->found.n = 1;
	}
	for (int i = 0; addresses && addresses[i] && i < ADDRESSES_MAX; i++)
		snprintf(p->given.at[p->given.n++], ADDRESS_LEN, "%.60s", addresses[i]);
	return p;
}

void
relay_place_free(struct relay_place *p)
{
	if (!p)
		return;
	p->dead = true;
	for (struct relay_call *c = p->calls, *next; c; c = next) {
		next = c->next;
		relay_call_cancel(c);
	}
	if (p->looking)
		uv_cancel((uv_req_t *)&p->look);
	place_release(p);
}

const char *
relay_place_name(const struct relay_place *p)
{
	return p->name;
}

bool
relay_place_is(const struct relay_place *p, const char *host, int port)
{
	return strcmp(p->host, host) == 0 && p->port == port;
}
