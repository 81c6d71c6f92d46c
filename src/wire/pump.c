/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "wire/pump.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define REST_MS 2000 /* an old one that moves nothing for so long is at rest */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void
pump_ended(struct pump *p, enum pump_end how, int error)
{
	if (!p->runs)
		return;
	pump_stop(p);
	p->end(p, how, error, p->arg);
}

static void
way_broke(struct pump *p, const uv_stream_t *stream, int error)
{
	pump_ended(p, stream == p->way[0].from ? PUMP_A_BROKE : PUMP_B_BROKE, error);
}

static void
on_alloc(uv_handle_t *handle, size_t want, uv_buf_t *buf)
{
	struct pump_way *w = handle->data;

	*buf = uv_buf_init(w->data, PUMP_CHUNK);
}

static void
way_read(struct pump_way *w)
{
	int rc = uv_read_start(w->from, on_alloc, on_read);

	if (rc < 0)
		way_broke(w->pump, w->from, rc);
}

static void
on_written(uv_write_t *req, int status)
{
	struct pump_way *w = req->data;

	if (!w->pump->runs)
		return;
	w->pump->moved_ms = clock_mono_ms();
	if (status < 0)
		way_broke(w->pump, w->to, status);
	else
		way_read(w);
}

/* What is left of w->data: the way reads on once it is written. */
static void
way_write_rest(struct pump_way *w, char *data, size_t len)
{
	uv_buf_t piece = uv_buf_init(data, (unsigned)len);
	int rc;

	uv_read_stop(w->from);
	w->write.data = w;
	rc = uv_write(&w->write, w->to, &piece, 1, on_written);
	if (rc < 0)
		way_broke(w->pump, w->to, rc);
}

static void
on_shut(uv_shutdown_t *req, int status)
{
	struct pump_way *w = req->data;
	struct pump *p = w->pump;

	if (p->runs && p->way[0].ended && p->way[1].ended)
		pump_ended(p, PUMP_BOTH, 0);
}

static void on_clock(uv_timer_t *clock);

static void
way_end(struct pump_way *w)
{
	struct pump *p = w->pump;

	uv_read_stop(w->from);
	w->ended = true;
	w->shut.data = w;
	if (!p->half_ms)
		p->half_ms = clock_mono_ms();
	if (uv_shutdown(&w->shut, w->to, on_shut) < 0)
		way_broke(p, w->to, UV_EPIPE);
	else
		on_clock(&p->clock); /* the limit is another one now */
}

static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct pump_way *w = stream->data;
	uv_buf_t piece;
	int took;

	if (n == UV_EOF)
		way_end(w);
	else if (n < 0)
		way_broke(w->pump, stream, (int)n);
	if (n <= 0)
		return;
	w->bytes += (uint64_t)n;
	w->pump->moved_ms = clock_mono_ms();
	piece = uv_buf_init(buf->base, (unsigned)n);
	took = uv_try_write(w->to, &piece, 1);
	if (took == UV_EAGAIN)
		took = 0;
	if (took < 0)
		way_broke(w->pump, w->to, took);
	else if (took < n)
		way_write_rest(w, buf->base + took, (size_t)(n - took));
}

/* Woken when something may be due, and not before: what moves only moves the mark. */
static void
on_clock(uv_timer_t *clock)
{
	struct pump *p = clock->data;
	const struct pump_limits *l = &p->limits;
	int64_t now = clock_mono_ms(), idle = now - p->moved_ms, age = now - p->born_ms;
	int64_t half = p->half_ms > p->moved_ms ? p->half_ms : p->moved_ms;
	int64_t next = l->idle_ms - idle;

	if (idle >= l->idle_ms)
		pump_ended(p, PUMP_IDLE, 0);
	else if (p->half_ms && now - half >= l->linger_ms)
		pump_ended(p, PUMP_LINGER, 0);
	else if (age >= 2 * l->total_ms || (age >= l->total_ms && idle >= REST_MS))
		pump_ended(p, PUMP_OLD, 0);
	if (!p->runs)
		return;
	if (p->half_ms && half + l->linger_ms - now < next)
		next = half + l->linger_ms - now;
	if (age >= l->total_ms)
		next = REST_MS < next ? REST_MS : next;
	else if (l->total_ms - age < next)
		next = l->total_ms - age;
	uv_timer_start(clock, on_clock, (uint64_t)(next > 0 ? next : 1), 0);
}

static void
on_begin(uv_timer_t *clock)
{
	struct pump *p = clock->data;
	struct pump_way *w = &p->way[0];

	on_clock(clock);
	if (w->bytes > 0)
		way_write_rest(w, w->data, w->bytes);
	else
		way_read(w);
	if (p->runs)
		way_read(&p->way[1]);
}

void
pump_init(struct pump *p, uv_loop_t *loop)
{
	memset(p, 0, sizeof *p);
	uv_timer_init(loop, &p->clock);
	p->clock.data = p;
}

void
pump_fini(struct pump *p)
{
	free(p->way[0].data);
	free(p->way[1].data);
	p->way[0].data = p->way[1].data = NULL;
}

void
pump_start(struct pump *p, uv_stream_t *a, uv_stream_t *b, const void *head, size_t len,
    const struct pump_limits *limits,
    void (*end)(struct pump *p, enum pump_end how, int error, void *arg), void *arg)
{
	uv_stream_t *side[] = {a, b};

	p->end = end;
	p->arg = arg;
	p->limits = *limits;
	p->born_ms = p->moved_ms = clock_mono_ms();
	p->runs = true;
	for (int i = 0; i < 2; i++) {
		p->way[i].pump = p;
		p->way[i].from = side[i];
		p->way[i].to = side[!i];
		p->way[i].data = mem_alloc(PUMP_CHUNK);
		side[i]->data = &p->way[i];
	}
	p->way[0].bytes = len < PUMP_CHUNK ? len : PUMP_CHUNK;
	if (len > 0)
		memcpy(p->way[0].data, head, p->way[0].bytes);
	uv_timer_start(&p->clock, on_begin, 0, 0);
}

void
pump_stop(struct pump *p)
{
	if (!p->runs)
		return;
	p->runs = false;
	uv_timer_stop(&p->clock);
	uv_read_stop(p->way[0].from);
	uv_read_stop(p->way[1].from);
}
