/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * remote_login.c: a login with the operator's ssh-agent.
 *
 * libssh asks an agent with a read that has no end.  So it does that in a thread of
 * the pool, which has the session to itself for the time: the loop calls nothing of
 * libssh for it, and waits for neither of them.  After AGENT_MS the loop shuts the
 * connection to the agent down; that ends the read.  Who hangs up meanwhile leaves
 * the session behind, and it is freed when the thread has given it back.
 */
#include "engine/remote/remote_int.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/remote/ssh_agent.h"

#define AGENT_MS 5000

struct remote_login {
	uv_work_t work;
	uv_timer_t limit;
	struct remote *remote; /* NULL: nobody waits for it any more */
	struct remote_ssh *ssh;
	char *path;
	bool running;
	int64_t deadline_ms;
	atomic_int door; /* our own descriptor of the connection to the agent; -1 */
	atomic_bool late;
	bool connected, stepped;
	enum step step;
	struct err err;
};

/* --- in the pool --- */

static int
login_connect(struct remote_login *l)
{
	int fd = ssh_agent_open(l->path, l->deadline_ms, &l->err);

	if (fd < 0)
		return -1;
	atomic_store(&l->door, fcntl(fd, F_DUPFD_CLOEXEC, 3));
	if (remote_ssh_use_agent(l->ssh, fd) < 0) {
		close(fd);
		return err_set(&l->err, ERR_SYSTEM, "libssh does not take the ssh-agent");
	}
	l->connected = true;
	return 0;
}

static void
on_step(uv_work_t *work)
{
	struct remote_login *l = work->data;

	l->step = STEP_FAILED;
	if (atomic_load(&l->late) || (!l->connected && login_connect(l) < 0))
		return;
	if (!atomic_load(&l->late))
		l->step = remote_ssh_agent_step(l->ssh);
}

/* --- in the loop --- */

static void
on_limit_closed(uv_handle_t *handle)
{
	struct remote_login *l = handle->data;
	int door = atomic_load(&l->door);

	if (door >= 0)
		close(door);
	free(l->path);
	free(l);
}

static void
login_free(struct remote_login *l)
{
	uv_close((uv_handle_t *)&l->limit, on_limit_closed);
}

static void
login_interrupt(struct remote_login *l)
{
	int door;

	atomic_store(&l->late, true);
	door = atomic_load(&l->door);
	if (door >= 0)
		shutdown(door, SHUT_RDWR);
}

static void
on_limit(uv_timer_t *timer)
{
	struct remote_login *l = timer->data;

	if (!l->running)
		return;
	login_interrupt(l);
}

static void
on_stepped(uv_work_t *work, int status)
{
	struct remote_login *l = work->data;

	l->running = false;
	uv_timer_stop(&l->limit);
	if (!l->remote) {
		remote_ssh_drop(l->ssh);
		login_free(l);
		return;
	}
	if (status < 0)
		l->step = STEP_FAILED;
	l->stepped = true;
	remote_kick(l->remote);
}

static struct remote_login *
login_new(struct remote *r)
{
	struct remote_login *l = mem_alloc(sizeof *l);

	l->remote = r;
	l->ssh = r->ssh;
	l->path = mem_dup(r->agent);
	l->work.data = l;
	atomic_init(&l->door, -1);
	atomic_init(&l->late, false);
	uv_timer_init(r->loop, &l->limit);
	l->limit.data = l;
	return l;
}

static void
login_words(struct remote *r)
{
	struct remote_login *l = r->login;

	if (atomic_load(&l->late))
		snprintf(r->agent_why, sizeof r->agent_why,
		    "the ssh-agent at %.120s did not answer within %d s: is it stopped, locked, or does it ask somebody?",
		    l->path, AGENT_MS / 1000);
	else if (!l->connected)
		snprintf(r->agent_why, sizeof r->agent_why, "%.300s", l->err.words);
}

enum step
remote_login_step(struct remote *r)
{
	struct remote_login *l = r->login;

	if (!l)
		l = r->login = login_new(r);
	if (l->running)
		return STEP_AGAIN;
	if (l->stepped) {
		l->stepped = false;
		if (l->step == STEP_FAILED)
			login_words(r);
		/* AGAIN: it is the host's turn; the next call asks it. */
		return l->step;
	}
	l->deadline_ms = clock_mono_ms() + AGENT_MS;
	if (uv_queue_work(r->loop, &l->work, on_step, on_stepped) < 0)
		return STEP_FAILED;
	l->running = true;
	uv_timer_start(&l->limit, on_limit, AGENT_MS, 0);
	return STEP_AGAIN;
}

bool
remote_login_has_session(const struct remote *r)
{
	return r->login && r->login->running;
}

void
remote_login_end(struct remote *r)
{
	struct remote_login *l = r->login;

	r->login = NULL;
	if (!l)
		return;
	if (!l->running) {
		login_free(l);
		return;
	}
	LOG("remote", "%s: hung up while the ssh-agent was asked", r->name);
	l->remote = NULL;
	r->ssh = NULL; /* the thread's until it is over */
	login_interrupt(l);
	uv_cancel((uv_req_t *)&l->work);
}
