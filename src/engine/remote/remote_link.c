/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/remote/remote_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/api/dial.h"
#include "engine/remote/custody.h"

#define LINK_STEADY_MS 5000 /* up for so long: the next retry starts at 1 s again */

static void remote_on_timer(uv_timer_t *timer);
static void remote_on_ready(uv_poll_t *poll, int status, int events);

/* ---- words and state ---- */

void
remote_enter(struct remote *r, enum remote_state state)
{
	LOG("remote", "%s: %s -> %s %s", r->name, remote_state_name(r->state),
	    remote_state_name(state), r->why);
	r->state = state;
	r->notify = true;
}

static void
remote_tell(struct remote *r)
{
	while (r->notify && !r->dead) {
		r->notify = false;
		r->on_state(r, r->arg);
	}
}

void
remote_kick(struct remote *r)
{
	r->kicked = true;
	if (!r->turning && !r->dead)
		uv_timer_start(&r->timer, remote_on_timer, 0, 0);
}

/* ---- down ---- */

static void
remote_on_watch_closed(uv_handle_t *handle)
{
	free(handle);
}

static void
remote_unwatch(struct remote *r)
{
	if (!r->watch)
		return;
	uv_close((uv_handle_t *)&r->watch->poll, remote_on_watch_closed);
	close(r->watch->fd); /* libuv allows it from here on */
	r->watch = NULL;
}

static void
remote_hang_up(struct remote *r)
{
	remote_login_end(r);
	remote_ssh_end(r);
	remote_unwatch(r);
	r->asked_ms = 0;
	r->pinged = false;
	r->broken = r->full = false;
}

void
remote_lose(struct remote *r, enum retry retry, const char *words, ...)
{
	int64_t now = clock_mono_ms();
	int n = snprintf(r->why, sizeof r->why, "%s ", r->where);
	va_list ap;

	va_start(ap, words);
	vsnprintf(r->why + n, sizeof r->why - (size_t)n, words, ap);
	va_end(ap);
	if (r->up_ms && now - r->up_ms >= LINK_STEADY_MS)
		r->tries = 0;
	r->up_ms = 0;
	r->timed_out = false;
	r->retry = retry;
	r->down_ms = now;
	r->retry_ms = remote_try_again_ms(r, retry, now);
	remote_hang_up(r);
	remote_enter(r, REMOTE_DOWN);
	remote_runs_lost(r);
}

static bool
remote_is_needed(const struct remote *r)
{
	return r->wanted || r->runs;
}

/* ---- up ---- */

static void
remote_dial(struct remote *r)
{
	struct remote_watch *w;
	struct err err;
	int fd;

	remote_try_begins(r);
	if (r->custody)
		custody_look(r->custody);
	if (!r->key && !r->agent) {
		remote_lose(r, RETRY_NEVER, "cannot be logged in to: %s",
		    r->key_why ? r->key_why : "no SSH key is configured: set key_path");
		return;
	}
	fd = dial_start(r->address, r->port, &err);
	if (fd < 0) {
		remote_lose(
		    r, err.code == ERR_USAGE ? RETRY_NEVER : RETRY_SOON, "%s", err.words);
		return;
	}
	w = mem_alloc(sizeof *w);
	w->fd = fd;
	if (uv_poll_init(r->loop, &w->poll, fd) < 0) {
		free(w);
		close(fd);
		remote_lose(r, RETRY_SOON, "cannot be watched by the event loop");
		return;
	}
	w->poll.data = r;
	r->watch = w;
	remote_enter(r, REMOTE_CONNECTING);
}

/* TCP stands, or failed to. */
static void
remote_begin(struct remote *r)
{
	struct err err;

	if (dial_finish(r->watch->fd, &err) < 0 ||
	    remote_ssh_begin(r, r->watch->fd, &err) < 0) {
		remote_lose(
		    r, err.code == ERR_USAGE ? RETRY_NEVER : RETRY_SOON, "%s", err.words);
		return;
	}
	r->heard_bytes = r->heard_packets = 0;
	remote_try_came_to(r, REMOTE_MARK_TCP);
	remote_enter(r, REMOTE_HANDSHAKE);
}

static void
remote_shake(struct remote *r)
{
	enum step step = remote_ssh_shake(r);

	if (remote_ssh_has_banner(r))
		remote_try_came_to(r, REMOTE_MARK_BANNER);
	if (step == STEP_AGAIN)
		return;
	if (step != STEP_DONE && remote_ssh_heard_bytes(r) == 0)
		remote_lose(r, RETRY_SOON,
		    "closed the connection without a greeting: "
		    "its sshd may be unable to start a process (out of memory or of processes), "
		    "or forbids this address");
	else if (step != STEP_DONE)
		remote_lose(r, RETRY_SOON,
		    "does not get through the SSH handshake: "
		    "%s: is it an sshd, and a current one?",
		    remote_ssh_words(r));
	else if (remote_ssh_note_key(r) < 0)
		remote_lose(r, RETRY_SOON, "showed a host key that cannot be read");
	else {
		remote_try_came_to(r, REMOTE_MARK_KEX);
		remote_enter(r, REMOTE_AUTH);
	}
}

static void
remote_log_in(struct remote *r)
{
	struct err err;

	if (r->custody && custody_is_looking(r->custody))
		return; /* the file may hold another key by now */
	if (remote_ssh_take_key(r, &err) < 0) {
		remote_lose(r, RETRY_NEVER, "%s", err.words);
		return;
	}
	switch (remote_ssh_log_in(r)) {
	case STEP_AGAIN:
		break;
	case STEP_DONE:
		r->why[0] = '\0';
		r->up_ms = r->heard_ms = clock_mono_ms();
		remote_try_came_to(r, REMOTE_MARK_AUTH);
		remote_enter(r, REMOTE_UP);
		remote_ping(r);
		break;
	case STEP_REFUSED:
		remote_lose(r, RETRY_PATIENTLY,
		    "refused our %s key for user %s: is its public half "
		    "in that user's authorized_keys, and does from= allow this address?",
		    remote_ssh_key_name(r), r->user);
		break;
	case STEP_FAILED:
		if (r->agent_why[0]) {
			remote_lose(r, RETRY_PATIENTLY, "cannot be logged in to: %s",
			    r->agent_why);
			r->agent_why[0] = '\0';
			break;
		}
		remote_lose(r, RETRY_SOON,
		    "ended the connection during the login (%s): look at "
		    "its sshd's log",
		    remote_ssh_words(r));
		break;
	}
}

static void
remote_judge(struct remote *r)
{
	int64_t now = clock_mono_ms();

	switch (r->state) {
	case REMOTE_CONNECTING:
	case REMOTE_HANDSHAKE:
	case REMOTE_AUTH:
		remote_judge_try(r, now);
		break;
	case REMOTE_UP:
	case REMOTE_SILENT:
		remote_judge_silence(r, now);
		break;
	default:
		break;
	}
}

/* ---- the turn ---- */

static void
remote_idle(struct remote *r)
{
	remote_hang_up(r);
	remote_enter(r, REMOTE_IDLE);
}

static void
remote_progress_login(struct remote *r)
{
	uint64_t bytes;
	enum remote_state state;
	int rounds = 0;

	do {
		bytes = remote_ssh_heard_bytes(r);
		state = r->state;
		if (state == REMOTE_HANDSHAKE)
			remote_shake(r);
		else if (state == REMOTE_AUTH)
			remote_log_in(r);
	} while (++rounds < REMOTE_ROUNDS &&
	    (state != r->state || bytes != remote_ssh_heard_bytes(r)));
}

/* Bytes in, runs on, bytes out: again while something waits that can go at once. */
static void
remote_serve(struct remote *r)
{
	int rounds = 0;

	do {
		remote_ssh_pump(r);
		if (!r->broken && !r->dead)
			remote_runs_negotiate(r);
		remote_note_heard(r);
		if (!r->broken && !r->dead)
			remote_runs_step(r);
	} while (++rounds < 4 && !r->broken && !r->dead && !r->paused &&
	    remote_ssh_wants_write(r));
	if (r->dead)
		return;
	if (!r->broken && remote_ssh_is_alive(r))
		return;
	if (r->full && remote_ssh_is_alive(r))
		remote_lose(r, RETRY_SOON,
		    "refuses another command on this connection: earlier "
		    "ones may still run there; connecting anew");
	else
		remote_lose(r, RETRY_SOON, "ended the connection (%s): connecting again",
		    remote_ssh_words(r));
}

static void
remote_drive(struct remote *r, int events)
{
	bool needed = remote_is_needed(r);

	switch (r->state) {
	case REMOTE_IDLE:
		if (needed)
			remote_dial(r);
		break;
	case REMOTE_DOWN:
		if (!needed)
			remote_idle(r);
		else if (r->retry_ms >= 0 && clock_mono_ms() >= r->retry_ms)
			remote_dial(r);
		break;
	case REMOTE_CONNECTING:
	case REMOTE_HANDSHAKE:
	case REMOTE_AUTH:
		if (!needed)
			remote_idle(r);
		else if (r->state == REMOTE_CONNECTING && events)
			remote_begin(r);
		remote_progress_login(r);
		break;
	default:
		if (r->stale)
			remote_lose(r, RETRY_SOON,
			    "did not answer on the old connection, or is another machine by now: connecting anew");
		break;
	}
	r->stale = false;
	remote_tell(r); /* up is said before anything is sent */
	if (!r->dead && (r->state == REMOTE_UP || r->state == REMOTE_SILENT))
		remote_serve(r);
	needed = remote_is_needed(r);
	if (!r->dead && !needed && (r->state == REMOTE_UP || r->state == REMOTE_SILENT))
		remote_idle(r);
}

static void
remote_arm_watch(struct remote *r)
{
	struct remote_watch *w = r->watch;
	int events = 0;

	if (!w)
		return;
	if (remote_login_has_session(r))
		events = 0;
	else if (r->state == REMOTE_CONNECTING)
		events = UV_WRITABLE;
	else if (!r->paused)
		events = UV_READABLE | (remote_ssh_wants_write(r) ? UV_WRITABLE : 0);
	if (events == w->events)
		return;
	w->events = events;
	if (events)
		uv_poll_start(&w->poll, events, remote_on_ready);
	else
		uv_poll_stop(&w->poll);
}

int64_t
remote_earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < 0 || (b_ms >= 0 && b_ms < a_ms) ? b_ms : a_ms;
}

/* When the next turn is due by the clock; -1: not at all. */
static int64_t
remote_due_ms(const struct remote *r)
{
	int64_t due = -1;

	if (r->kicked)
		return 0;
	if (r->state == REMOTE_CONNECTING || r->state == REMOTE_HANDSHAKE ||
	    r->state == REMOTE_AUTH)
		due = remote_try_due_ms(r);
	else if (r->state == REMOTE_DOWN)
		due = remote_is_needed(r) ? r->retry_ms : 0;
	else if (r->state != REMOTE_IDLE && !r->paused)
		due = remote_live_due_ms(r);
	return remote_earlier(due, remote_runs_due_ms(r));
}

static void
remote_arm(struct remote *r)
{
	int64_t due = remote_due_ms(r), now = clock_mono_ms();

	remote_arm_watch(r);
	if (due < 0)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, remote_on_timer,
		    due > now ? (uint64_t)(due - now) + 1 : 0, 0);
}

static void remote_destroy(struct remote *r);

static void
remote_turn(struct remote *r, int events)
{
	r->turning = true;
	r->kicked = false;
	if (r->watch && r->state != REMOTE_CONNECTING)
		dial_quickack(r->watch->fd);
	remote_drive(r, events);
	if (!r->dead)
		remote_judge(r);
	remote_runs_step(r);
	if (r->watch && r->state != REMOTE_CONNECTING)
		dial_quickack(r->watch->fd); /* what we sent has ended it */
	remote_tell(r);
	r->turning = false;
	if (r->dead)
		remote_destroy(r);
	else
		remote_arm(r);
}

static void
remote_on_ready(uv_poll_t *poll, int status, int events)
{
	remote_turn(poll->data, status < 0 ? UV_WRITABLE : events);
}

static void
remote_on_timer(uv_timer_t *timer)
{
	remote_turn(timer->data, 0);
}

/* ---- what others call ---- */

struct remote *
remote_new(uv_loop_t *loop, const struct remote_config *cfg, remote_state_fn *on_state,
    void *arg)
{
	struct remote *r = mem_alloc(sizeof *r);

	r->loop = loop;
	r->name = mem_dup(cfg->name);
	r->address = mem_dup(cfg->address);
	r->port = cfg->port;
	r->second = cfg->second;
	r->user = mem_dup(cfg->user);
	r->key = cfg->key;
	r->key_why = mem_dup(cfg->key_why);
	r->custody = cfg->custody;
	r->agent = cfg->agent ? mem_dup(cfg->agent) : NULL;
	r->hostkeys = cfg->hostkeys;
	r->where = mem_printf(strchr(cfg->address, ':') ? "%s [%s]:%d" : "%s %s:%d",
	    cfg->name, cfg->address, cfg->port);
	r->on_state = on_state;
	r->arg = arg;
	r->rtt_ms = r->retry_ms = -1;
	for (int i = 0; i < REMOTE_MARKS; i++)
		r->marks_ms[i] = -1;
	hostkeys_use_loop(r->hostkeys, loop);
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	return r;
}

static void
remote_on_timer_closed(uv_handle_t *handle)
{
	struct remote *r = handle->data;

	free(r->name);
	free(r->address);
	free(r->user);
	free(r->key_why);
	free(r->agent);
	free(r->where);
	free(r->key_type);
	free(r->key_blob);
	free(r->fingerprint);
	free(r);
}

static void
remote_destroy(struct remote *r)
{
	remote_hang_up(r);
	remote_runs_free(r);
	uv_close((uv_handle_t *)&r->timer, remote_on_timer_closed);
}

void
remote_free(struct remote *r)
{
	if (!r || r->dead)
		return;
	r->dead = true;
	if (!r->turning)
		remote_destroy(r);
}

void
remote_want(struct remote *r, bool want)
{
	r->wanted = want;
	remote_kick(r);
}

void
remote_retry_now(struct remote *r)
{
	if (r->state == REMOTE_DOWN)
		r->retry_ms = clock_mono_ms();
	remote_kick(r);
}

void
remote_set_key(struct remote *r, const struct secret *key)
{
	r->key = key;
	if (r->state == REMOTE_DOWN && r->retry != RETRY_SOON)
		r->retry_ms = clock_mono_ms();
	remote_kick(r);
}

void
remote_key_is_known(struct remote *r)
{
	if (r->state == REMOTE_AUTH)
		remote_kick(r);
}

void
remote_pause(struct remote *r)
{
	r->paused++;
	remote_kick(r);
}

void
remote_resume(struct remote *r)
{
	if (r->paused > 0 && --r->paused == 0) {
		/* What was not read is no silence. */
		r->heard_ms = clock_mono_ms();
		r->asked_ms = r->asked_ms ? r->heard_ms : 0;
		remote_runs_resumed(r);
	}
	remote_kick(r);
}
