/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/starter.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct starter {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_process_t *child; /* NULL: none runs */
	char *program;
	int64_t tried_ms[STARTER_TRIES]; /* the last ones, 0: none */
	starter_done_fn *done;		 /* NULL: freed */
	void *arg;
};

static void
on_child_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
on_exit_status(uv_process_t *child, int64_t status, int sig)
{
	struct starter *s = child->data;
	char why[80];

	uv_close((uv_handle_t *)child, on_child_closed);
	if (!s)
		return;
	s->child = NULL;
	uv_timer_stop(&s->timer);
	if (sig)
		snprintf(why, sizeof why, "its start was ended by signal %d", sig);
	else
		snprintf(why, sizeof why,
		    "it does not start (exit %lld); \"breakglass engine\" says why",
		    (long long)status);
	s->done(s->arg, status == 0 && sig == 0 ? NULL : why);
}

static void
on_late(uv_timer_t *timer)
{
	struct starter *s = timer->data;

	if (s->child)
		uv_process_kill(s->child, SIGTERM);
}

bool
starter_is_busy(const struct starter *s)
{
	return s && s->child;
}

bool
starter_start(struct starter *s)
{
	char engine[] = "engine", ensure[] = "--ensure";
	char *argv[] = {s->program, engine, ensure, NULL};
	uv_process_options_t o = {.file = s->program,
	    .args = argv,
	    .exit_cb = on_exit_status,
	    .flags = UV_PROCESS_DETACHED}; /* our terminal's end is not its end */
	int64_t now = clock_mono_ms();
	int rc;

	if (s->child || (s->tried_ms[0] && now - s->tried_ms[0] < STARTER_SPAN_MS))
		return false;
	for (int i = 0; i + 1 < STARTER_TRIES; i++)
		s->tried_ms[i] = s->tried_ms[i + 1];
	s->tried_ms[STARTER_TRIES - 1] = now;
	s->child = mem_alloc(sizeof *s->child);
	rc = uv_spawn(s->loop, s->child, &o);
	LOG("link", "engine --ensure: %s", rc < 0 ? uv_strerror(rc) : "started");
	if (rc < 0) {
		uv_close((uv_handle_t *)s->child, on_child_closed);
		s->child = NULL;
		return false;
	}
	s->child->data = s;
	uv_timer_start(&s->timer, on_late, STARTER_WAIT_MS, 0);
	return true;
}

struct starter *
starter_new(uv_loop_t *loop, const char *program, starter_done_fn *done, void *arg)
{
	struct starter *s = mem_alloc(sizeof *s);

	s->loop = loop;
	s->program = mem_dup(program);
	s->done = done;
	s->arg = arg;
	uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	return s;
}

static void
on_freed(uv_handle_t *handle)
{
	struct starter *s = handle->data;

	free(s->program);
	free(s);
}

void
starter_free(struct starter *s)
{
	if (!s)
		return;
	if (s->child)
		s->child->data = NULL; /* an engine that starts may go on to do so */
	if (s->child)
		uv_unref((uv_handle_t *)s->child);
	uv_close((uv_handle_t *)&s->timer, on_freed);
}
