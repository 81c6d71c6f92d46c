/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/source.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

struct source {
	struct link *link;
};

static struct link *
make_link(
    uv_loop_t *loop, const struct console_opts *console, const struct source_opts *opts)
{
	struct link_opts lo = {.socket_path = console->socket_path,
	    .name = console->name,
	    .role = "console",
	    .tty = ttyname(STDIN_FILENO),
	    .cols = opts->cols,
	    .rows = opts->rows,
	    .read_only = console->read_only,
	    .tail = opts->tail,
	    .on_fact = opts->on_fact,
	    .on_state = opts->on_state,
	    .arg = opts->arg};

	return link_new(loop, &lo);
}

struct source *
source_new(uv_loop_t *loop, const struct console_opts *console,
    const struct source_opts *opts, struct err *err)
{
	struct source *s = mem_alloc(sizeof *s);

	s->link = make_link(loop, console, opts);
	return s;
}

void
source_free(struct source *s)
{
	if (!s)
		return;
	link_free(s->link);
	free(s);
}

int
source_send(struct source *s, struct js *request, struct err *err)
{
	return link_send(s->link, request, err);
}

void
source_restart(struct source *s)
{
	link_since(s->link, 0);
	link_restart(s->link);
}

void
source_since(struct source *s, int64_t seq)
{
	link_since(s->link, seq);
}

struct link *
source_link(struct source *s)
{
	return s->link;
}
