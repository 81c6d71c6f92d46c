/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * console_browse.c: a search that takes longer than a slice goes on while the loop has
 * nothing else to do.
 */
#include <stdio.h>

#include "console/console_int.h"

static void
on_idle(uv_idle_t *idle)
{
	struct console *c = idle->data;
	enum browse_find_state before = c->screen.browse.find.state;

	if (!browse_work(&c->screen))
		uv_idle_stop(idle);
	if (c->screen.browse.find.state == before)
		return;
	console_browse(c);
	console_paint_key(c);
}

void
console_browse_start(struct console *c)
{
	uv_idle_init(&c->loop, &c->search);
	c->search.data = c;
}

void
console_browse(struct console *c)
{
	struct browse_find *f = &c->screen.browse.find;

	if (f->state == BROWSE_FIND_LOOKING || f->state == BROWSE_FIND_COUNTING)
		uv_idle_start(&c->search, on_idle);
	if (f->state != BROWSE_FIND_NOTHING || !f->missing[0])
		return;
	snprintf(c->ctx.not_found, sizeof c->ctx.not_found, "%s", f->missing);
	f->missing[0] = '\0';
	history_asked(&c->history, &c->ctx);
}
