/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pump.h: bytes both ways between two streams, nothing read and nothing kept.
 *
 *   a ==read==> 64 KiB ==write==> b        each way for itself; it reads again when
 *   a <==write== 64 KiB <==read== b        the other side has taken all of it
 *
 * The end of one side is handed on as the end of writing to the other; the pump
 * ends when both have ended, at the first error, or at a limit.  It closes nothing:
 * whoever started it closes both streams and the clock, and frees behind that.
 */
#ifndef WIRE_PUMP_H
#define WIRE_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define PUMP_CHUNK (64 * 1024) /* bytes held each way, at most */

enum pump_end {
	PUMP_BOTH,    /* both sides have ended */
	PUMP_A_BROKE, /* reset, or cannot be written to */
	PUMP_B_BROKE,
	PUMP_IDLE,   /* no byte for idle_ms */
	PUMP_LINGER, /* one side has ended, and no byte moved for linger_ms */
	PUMP_OLD     /* older than total_ms and at rest, or twice as old */
};

struct pump;

struct pump_limits {
	int64_t idle_ms, linger_ms, total_ms;
};

struct pump_way {
	struct pump *pump;
	uv_stream_t *from, *to;
	uv_write_t write;
	uv_shutdown_t shut;
	char *data;
	bool ended; /* from has nothing more */
	uint64_t bytes;
};

struct pump {
	struct pump_way way[2]; /* a to b, b to a */
	uv_timer_t clock;
	struct pump_limits limits;
	void (*end)(struct pump *p, enum pump_end how, int error, void *arg);
	void *arg;
	int64_t born_ms, moved_ms, half_ms; /* half_ms: when the first side ended, or 0 */
	bool runs;
};

/* The clock is a handle of the loop from now on: close it, whatever happens. */
void pump_init(struct pump *p, uv_loop_t *loop);
void pump_fini(struct pump *p); /* once all three handles are closed */

/*
 * head: what a said before and b has not got yet, at most PUMP_CHUNK bytes.  The
 * streams' data becomes the pump's.  end comes once, from the loop and never from
 * inside of this call; error is libuv's, 0 where nothing broke.
 */
void pump_start(struct pump *p, uv_stream_t *a, uv_stream_t *b, const void *head,
    size_t len, const struct pump_limits *limits,
    void (*end)(struct pump *p, enum pump_end how, int error, void *arg), void *arg);
void pump_stop(struct pump *p); /* no end any more; call it before closing */

#endif
