/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent-host as the agent side has it: started here, or come by itself. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "base/fd.h"
#include "base/log.h"
#include "engine/agent/agent_orphans.h"
#include "engine/agent/agent_proc.h"
#include "engine/agent/agent_side_int.h"
#include "engine/agent/relay.h"

#define LIVED_MS 60000	     /* after so long a death counts as the first again */
#define KILL_MS 100	     /* agent-host has so long to kill what it runs, and end */
#define RESTART_MAX_MS 15000 /* between two starts, at most about so long */

/* ---- agent-host's process ---- */

static void
on_restart(uv_timer_t *timer)
{
	side_host_start(timer->data);
}

static void
on_host_end(struct agent_proc *proc, const char *why, void *arg)
{
	struct agent_side *s = arg;

	if (agent_proc_age_ms(proc) > LIVED_MS)
		s->restart_ms = RESTART_MS;
	s->proc = NULL;
	agent_orphans_kill(s->orphans);
	if (s->host)
		agent_peer_close(s->host);
	js_free(s->info);
	s->info = NULL;
	if (!s->dead) {
		uv_timer_start(&s->restart, on_restart, (uint64_t)s->restart_ms, 0);
		s->restart_ms *= s->restart_ms * 2 < RESTART_MAX_MS ? 2 : 1;
		if (s->ev)
			s->ev->down(why, s->arg);
		agent_tools_down(s->tools, why);
	}
	side_release(s);
}

void
side_host_start(struct agent_side *s)
{
	struct agent_proc_config cfg = {.libexec = s->libexec,
	    .socket = s->socket,
	    .dir = s->host_dir,
	    .claude = s->claude,
	    .net = s->net ? s->net : "any"};

	s->open++;
	s->proc = agent_proc_start(s->loop, &cfg, on_host_end, s);
	side_sweep(s);
}

/* ---- an agent-host that comes by itself ---- */

/* Told from the loop: what leads here may be a call of who is to hear it. */
void
side_absent(struct agent_side *s, const char *words)
{
	if (s->uid == 0 || s->dead)
		return;
	snprintf(
	    s->absent, sizeof s->absent, "agent-host of uid %ld %s", (long)s->uid, words);
	s->untold = true;
	uv_timer_start(&s->soon, side_on_soon, 0, 0);
}

void
side_tell_absent(struct agent_side *s)
{
	if (!s->untold)
		return;
	s->untold = false;
	LOG("agent", "%s", s->absent);
	js_free(s->info);
	s->info = NULL;
	relay_cut(s->relay);
	if (s->ev)
		s->ev->down(s->absent, s->arg);
	agent_tools_down(s->tools, s->absent);
	if (s->sandbox)
		s->sandbox(s->absent, NULL, s->sandbox_arg);
}

static bool
peer_has_ended(const struct agent_peer *p)
{
	struct pollfd at = {.events = POLLRDHUP};
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)&p->pipe, &fd) < 0)
		return true;
	at.fd = fd;
	return poll(&at, 1, 0) > 0 && (at.revents & (POLLHUP | POLLRDHUP | POLLERR));
}

/* Of another container, so its pid says nothing; the door has let in its uid alone. */
const char *
side_host_comes(struct agent_side *s)
{
	if (s->host && peer_has_ended(s->host))
		agent_peer_close(s->host);
	if (s->host)
		return "another agent-host is connected, and there is one at a time: end it first";
	side_tell_absent(s);
	return NULL;
}

const char *
side_host_is_ours(struct agent_side *s, const struct agent_peer *p)
{
	uv_os_fd_t fd;
	uid_t uid;
	pid_t pid;

	if (s->host || !s->proc || uv_fileno((const uv_handle_t *)&p->pipe, &fd) < 0 ||
	    fd_peer(fd, &uid, &pid) < 0 || pid <= 0 || pid != agent_proc_pid(s->proc))
		return "agent-host is started by the engine, and you are not it";
	return NULL;
}

/* ---- the kill switch, and what is told ---- */

static void
on_hard(uv_timer_t *timer)
{
	struct agent_side *s = timer->data;

	if (s->proc)
		agent_proc_kill(s->proc, SIGKILL);
}

/* Another container's processes are not ours to kill: agent-host ends all that it runs
 * when its connection does, and then comes again. */
static void
side_cut(struct agent_side *s)
{
	relay_cut(s->relay);
	if (!s->host)
		return;
	agent_peer_close(s->host);
	side_absent(s, "was sent away by the kill switch: it comes back by itself");
}

/* Told to end it kills all that it runs; of one that is stopped the orphans are ours.
 * Shims are told by the broker why they are refused. */
void
agent_side_kill(struct agent_side *s)
{
	if (s && s->uid)
		side_cut(s);
	if (!s || !s->proc)
		return;
	s->restart_ms = RESTART_MS;
	agent_proc_kill(s->proc, SIGTERM);
	agent_orphans_kill(s->orphans);
	uv_timer_start(&s->hard, on_hard, KILL_MS, 0);
}

pid_t
agent_side_pid(const struct agent_side *s)
{
	return s->proc ? agent_proc_pid(s->proc) : 0;
}

const char *
agent_side_todo(const struct agent_side *s)
{
	return s->uid
	    ? "start the container of the agent: agent-host --wait connects by itself"
	    : "it is started again by itself; the F-keys need no agent";
}

const char *
agent_side_absent(const struct agent_side *s)
{
	return s->uid && !s->host ? s->absent : NULL;
}
