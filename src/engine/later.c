/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/later.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct later {
	uv_timer_t timer;
	later_fn *fn;
	void *arg;
	struct later *next;
};

static bool stopped;
static struct later *all; /* of this process, which has one loop */

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
later_forget(struct later *l)
{
	struct later **at = &all;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
}

static void
on_soon(uv_timer_t *timer)
{
	struct later *l = (struct later *)timer;

	later_forget(l);
	l->fn(l->arg);
	uv_close((uv_handle_t *)timer, on_closed);
}

void
later(uv_loop_t *loop, later_fn *fn, void *arg)
{
	struct later *l;

	if (stopped)
		return;
	l = mem_alloc(sizeof *l);
	l->fn = fn;
	l->arg = arg;
	l->next = all;
	all = l;
	uv_timer_init(loop, &l->timer);
	uv_timer_start(&l->timer, on_soon, 0, 0);
}

void
later_stop(void)
{
	stopped = true;
	while (all) {
		struct later *l = all;

		all = l->next;
		uv_close((uv_handle_t *)&l->timer, on_closed);
	}
}
