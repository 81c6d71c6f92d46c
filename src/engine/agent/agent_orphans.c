/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/agent/agent_orphans.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pidstat.h"
#include "base/self.h"
#include "engine/agent/agent_box.h"

#define ROUND_MS 10  /* between two rounds */
#define KILL_MS 3000 /* then what still lives cannot be killed (a hung disk) */

struct agent_orphans {
	uv_loop_t *loop;
	uv_timer_t timer;
	uv_signal_t ends;
	int64_t until_ms;
	int open; /* handles */
	bool over;
};

static bool
is_our_child(const char *pid)
{
	struct pidstat s;

	return pidstat_read(pid, &s) && s.parent == getpid();
}

struct search {
	pid_t pid;
	bool found;
};

static void
on_handle(uv_handle_t *handle, void *arg)
{
	struct search *s = arg;

	if (handle->type == UV_PROCESS && ((uv_process_t *)handle)->pid == s->pid)
		s->found = true;
}

/* The ends of these are the loop's to take: with one taken from it, it waits for ever. */
static bool
is_the_loops(const struct agent_orphans *o, pid_t pid)
{
	struct search s = {.pid = pid};

	uv_walk(o->loop, on_handle, &s);
	return s.found;
}

/*
 * Only our own children: their ends are ours to take, so a number cannot have become
 * another process.  Returns whether there was one to kill, even if it is gone now: what
 * it leaves may have been passed already.
 */
static bool
look(const struct agent_orphans *o, bool kills)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	bool any = false;

	while (d && (e = readdir(d)) != NULL) {
		pid_t pid = (pid_t)atol(e->d_name);

		if (pid <= 0 || !is_our_child(e->d_name) || is_the_loops(o, pid))
			continue;
		if (kills && agent_box_holds(pid)) {
			kill(pid, SIGKILL);
			any = true;
		}
		waitpid(pid, NULL, WNOHANG);
	}
	if (d)
		closedir(d);
	return any;
}

static void
on_closed(uv_handle_t *handle)
{
	struct agent_orphans *o = handle->data;

	if (--o->open == 0)
		free(o);
}

static void
close_handles(struct agent_orphans *o)
{
	uv_close((uv_handle_t *)&o->timer, on_closed);
	uv_close((uv_handle_t *)&o->ends, on_closed);
}

static void
on_round(uv_timer_t *timer)
{
	struct agent_orphans *o = timer->data;
	bool any = look(o, true);

	if (any && clock_mono_ms() < o->until_ms)
		return;
	if (any)
		LOG("agent", "what an agent-host left does not die in %d ms", KILL_MS);
	uv_timer_stop(timer);
	if (o->over)
		close_handles(o);
}

static void
on_end(uv_signal_t *ends, int sig)
{
	(void)sig;
	look(ends->data, false);
}

struct agent_orphans *
agent_orphans_new(uv_loop_t *loop)
{
	struct agent_orphans *o = mem_alloc(sizeof *o);

	if (self_adopt() < 0)
		LOG("agent", "no subreaper: %s", strerror(errno));
	o->loop = loop;
	o->open = 2;
	uv_timer_init(loop, &o->timer);
	uv_signal_init(loop, &o->ends);
	o->timer.data = o->ends.data = o;
	uv_signal_start(&o->ends, on_end, SIGCHLD);
	return o;
}

void
agent_orphans_kill(struct agent_orphans *o)
{
	if (!agent_box_tells() || !look(o, true))
		return;
	LOG("agent", "an agent-host left processes: they are killed");
	o->until_ms = clock_mono_ms() + KILL_MS;
	uv_timer_start(&o->timer, on_round, ROUND_MS, ROUND_MS);
}

void
agent_orphans_free(struct agent_orphans *o)
{
	if (!o)
		return;
	o->over = true;
	if (!uv_is_active((uv_handle_t *)&o->timer))
		close_handles(o);
}
