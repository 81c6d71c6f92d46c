/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/later.h"

#include <stdlib.h>

#include "base/mem.h"

struct later {
	uv_timer_t timer;
	later_fn *fn;
	void *arg;
};

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
on_soon(uv_timer_t *timer)
{
	struct later *l = (struct later *)timer;

	l->fn(l->arg);
	uv_close((uv_handle_t *)timer, on_closed);
}

void
later(uv_loop_t *loop, later_fn *fn, void *arg)
{
	struct later *l = mem_alloc(sizeof *l);

	l->fn = fn;
	l->arg = arg;
	uv_timer_init(loop, &l->timer);
	uv_timer_start(&l->timer, on_soon, 0, 0);
}
