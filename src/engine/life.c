/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "engine/engine_int.h"

#define LIFE_IDLE_LEAVE_MS ((int64_t)12 * 3600 * 1000)
#define LIFE_QUIET_WHY     \
	INCIDENT_QUIET_WHY \
	"; after 12 this engine leaves, and the next command starts another"
#define LIFE_IDLE_LOOK_MS ((int64_t)10 * 60 * 1000)
#define LIFE_NEW_MS (60 * 1000)	  /* a command's connection may want something so long */
#define LIFE_PLACE_MS (60 * 1000) /* how often the run directory is looked at */
#define LIFE_TAKEN_MS 200
#define LIFE_TAKEN_TIMES 3
#define LIFE_ALONE_MS (30 * 1000) /* a one-shot whose starter never came leaves */
#define LIFE_HOLD_MS 2000	  /* for a verb at a host program that dies with us */
#define LIFE_SETTLE_MS 700	  /* for what else is under way, at the end */
#define LIFE_GUARD_MS (LIFE_LEAVE_MS + 400) /* a call that does not come back */

/* --- the deadline --- */

static volatile sig_atomic_t guard_exit;

static void
on_guard(int signum)
{
	_exit(guard_exit);
}

/* A library or a disk that holds the loop itself must not hold the process. */
static void
start_deadline(struct engine *e)
{
	struct itimerval limit = {.it_value = {.tv_sec = LIFE_GUARD_MS / 1000,
				      .tv_usec = LIFE_GUARD_MS % 1000 * 1000}};
	struct sigaction sa = {.sa_handler = on_guard};

	if (e->leave_by_ms)
		return;
	e->leave_by_ms = clock_mono_ms() + LIFE_LEAVE_MS;
	guard_exit = e->exit;
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &limit, NULL);
}

static void
leave(struct engine *e, const char *why)
{
	LOG("engine", "leaving: %s", why);
	start_deadline(e);
	if (!e->leaving)
		incident_leave(e->incident, why);
	/* where a journal is open, its last record says so */
	if (!e->leaving && !incident_id(e->incident)[0] && !e->opts->one_shot)
		mirror_say_left(e->mirror, why);
	e->leaving = true;
}

/* --- idle --- */

/* A follower of the events stays for months and wants nothing: it takes the next one. */
static int
peers_wanting(const struct engine *e)
{
	if (e->opts->one_shot)
		return hub_peers(e->hub);
	return hub_wanting(
	    e->hub, e->opts->idle_ms > 0 ? e->opts->idle_ms / 4 : LIFE_NEW_MS);
}

/* Records that no disk has taken would be lost with us: that is no time to leave. */
static bool
is_idle(const struct engine *e)
{
	return peers_wanting(e) == 0 && !power_is_busy(e->power) &&
	    !turn_is_busy(e->turn) && !unfinished_is_open(e->unfinished) &&
	    incident_pressure(e->incident) == 0 && !notify_is_busy(e->hook);
}

static int64_t
idle_leave_ms(const struct engine *e)
{
	if (e->opts->one_shot)
		return e->had_peer	    ? 0
		    : e->opts->alone_ms > 0 ? e->opts->alone_ms
					    : LIFE_ALONE_MS;
	if (!e->opts->background)
		return INT64_MAX;
	return e->opts->idle_ms > 0 ? e->opts->idle_ms : LIFE_IDLE_LEAVE_MS;
}

/* Of the 12 hours that end with leaving the incident has the first 4. */
static int64_t
idle_quiet_ms(const struct engine *e)
{
	return e->opts->idle_ms > 0 ? e->opts->idle_ms / 3 : INCIDENT_QUIET_MS;
}

/* What the engine alone does is no reason to stay. */
void
life_see(struct engine *e, const struct js *fact)
{
	if (!js_is(fact, "by", "engine"))
		e->idle_since_ms = clock_mono_ms();
}

/*
 * Somebody may have come in this very moment: the socket goes first, then who knocked
 * before that is let in; only when nobody did there is nobody to disappoint.  The
 * loop is not running here.
 */
static void
leave_unless_wanted(struct engine *e, const char *why)
{
	struct err err;

	place_close(&e->place);
	uv_run(&e->loop, UV_RUN_NOWAIT);
	if (e->leaving)
		return;
	if (is_idle(e))
		leave(e, why);
	else if (life_listen(e, &err) < 0)
		leave(e, err.words);
}

static void
on_idle_late(uv_timer_t *t)
{
	struct engine *e = t->data;
	int64_t idle_ms;

	if (!is_idle(e)) {
		e->idle_since_ms = clock_mono_ms();
		return;
	}
	idle_ms = clock_mono_ms() - e->idle_since_ms;
	if (idle_ms >= idle_leave_ms(e))
		e->idle_why = e->opts->one_shot ? "the command has its answer"
		    : e->opts->idle_ms ? "idle for long, without a console and work"
				       : "12 hours without a console and work";
	else if (idle_ms > idle_quiet_ms(e) && !broker_killed_by(e->broker))
		incident_close(e->incident, "engine",
		    e->opts->background ? LIFE_QUIET_WHY : INCIDENT_QUIET_WHY);
	if (e->idle_why)
		uv_stop(&e->loop); /* life_goes_on has the last word */
}

bool
life_goes_on(struct engine *e)
{
	const char *why = e->idle_why;

	e->idle_why = NULL;
	if (why && !e->leaving)
		leave_unless_wanted(e, why);
	return !e->leaving;
}

static uint64_t
idle_look_ms(const struct engine *e)
{
	int64_t limit = idle_leave_ms(e);

	/* a timer may come a moment early: one that misses its time looks again */
	if (e->opts->one_shot)
		return (uint64_t)limit;
	return (
	    uint64_t)(limit / 4 < LIFE_IDLE_LOOK_MS ? limit / 4 + 1 : LIFE_IDLE_LOOK_MS);
}

void
life_peer_gone(struct engine *e)
{
	if (e->opts->one_shot)
		uv_timer_start(&e->idle, on_idle_late, 0, 1000);
}

/* --- the run directory --- */

int
life_listen(struct engine *e, struct err *err)
{
	int fd = place_listen(&e->place, err);

	return fd < 0 ? -1 : hub_listen(e->hub, fd, err);
}

static void
tell_place(struct engine *e, const char *text, const char *todo)
{
	struct js *f;

	if (strcmp(text, e->place_told) == 0)
		return;
	snprintf(e->place_told, sizeof e->place_told, "%s", text);
	f = incident_fact(FACT_ERROR, "engine");
	js_set_str(f, "where", "run_dir");
	js_set_str(f, "text", text);
	js_set_str(f, "todo", todo);
	incident_emit(e->incident, FACT_ERROR, f);
}

static void on_place_timer(uv_timer_t *t);

/* The next one is where everybody goes: what we have in hand is all we are for. */
static void
on_taken(struct engine *e, const struct err *err)
{
	char *text;

	/* one that only starts sees our socket and ends: it is looked at again */
	if (e->place_taken++ < LIFE_TAKEN_TIMES) {
		uv_timer_start(&e->look, on_place_timer, LIFE_TAKEN_MS, LIFE_TAKEN_MS);
		return;
	}
	text = mem_printf("the run directory was removed, and %.300s", err->words);
	tell_place(e, text,
	    "this engine ends when what it has in hand has ended; detach and attach again");
	free(text);
	if (!power_is_busy(e->power) && !turn_is_busy(e->turn))
		engine_leave(e, "another engine has its place");
}

static void watch_dir(struct engine *e);

static void
look_at_place(struct engine *e)
{
	enum place_state state;
	struct err err;
	char *text;

	if (e->leaving || !e->place.ino) /* not listening yet */
		return;
	state = place_look(&e->place, &err);
	if (state != PLACE_TAKEN && e->place_taken) {
		e->place_taken = 0;
		uv_timer_start(&e->look, on_place_timer, LIFE_PLACE_MS, LIFE_PLACE_MS);
	}
	switch (state) {
	case PLACE_AGAIN:
		if (life_listen(e, &err) == 0) {
			watch_dir(e);
			agent_side_again(e->agent_side);
			e->place_told[0] = '\0';
			text = mem_printf(
			    "somebody removed the lock or the socket in %.300s: they are made anew",
			    e->place.dir);
			tell_place(e, text,
			    "set run_dir to a directory that no cleaner of /tmp visits");
			free(text);
			return;
		}
		/* fall through */
	case PLACE_BROKEN:
		text = mem_printf("nobody can attach any more: %.400s", err.words);
		tell_place(e, text, "who is attached can work; mend run_dir");
		free(text);
		return;
	case PLACE_TAKEN:
		on_taken(e, &err);
		return;
	default:
		return;
	}
}

static void
on_place_timer(uv_timer_t *t)
{
	look_at_place(t->data);
}

static void
on_place_signal(uv_signal_t *s, int signum)
{
	look_at_place(s->data);
}

/* The next command comes within the minute: a removal is seen when it happens. */
static void
on_place_event(uv_poll_t *p, int status, int events)
{
	struct engine *e = p->data;
	char data[4096];
	bool any = false;

	while (read(e->notify_fd, data, sizeof data) > 0)
		any = true;
	if (any)
		uv_timer_start(&e->look, on_place_timer, 20, LIFE_PLACE_MS);
}

static void
watch_dir(struct engine *e)
{
	if (e->notify_fd >= 0 &&
	    inotify_add_watch(e->notify_fd, e->place.dir,
		IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVE_SELF) < 0)
		LOG("life", "watch %s: %s", e->place.dir, strerror(errno));
}

static void
start_watching(struct engine *e)
{
	e->notify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (e->notify_fd >= 0 && uv_poll_init(&e->loop, &e->notify, e->notify_fd) < 0) {
		close(e->notify_fd);
		e->notify_fd = -1;
	}
	uv_timer_init(&e->loop, &e->look);
	e->notify.data = e->look.data = e;
	uv_timer_start(&e->look, on_place_timer, LIFE_PLACE_MS, LIFE_PLACE_MS);
	if (e->notify_fd >= 0)
		uv_poll_start(&e->notify, UV_READABLE, on_place_event);
	watch_dir(e);
}

/* --- leaving --- */

int64_t
life_left_ms(const struct engine *e, int64_t reserve_ms)
{
	int64_t left = e->leave_by_ms - reserve_ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

void
engine_leave(struct engine *e, const char *why)
{
	leave(e, why);
	uv_stop(&e->loop);
}

static void
on_held_enough(uv_timer_t *t)
{
	struct engine *e = t->data;

	engine_leave(e, e->leaving_soon);
}

/*
 * The next signal does not wait.  An old host program dies with its reader: its
 * last words are given a moment to come, and that is all that can be done for it.
 */
static void
on_signal(uv_signal_t *s, int signum)
{
	struct engine *e = s->data;
	const char *why = signum == SIGTERM ? "terminated" : "interrupted";

	start_deadline(e);
	if (e->leaving_soon || !power_is_read_by_old(e->power)) {
		engine_leave(e, why);
		return;
	}
	e->leaving_soon = why;
	uv_timer_start(&e->hold, on_held_enough, LIFE_HOLD_MS, 0);
}

void
life_verb_over(struct engine *e)
{
	if (e->leaving_soon)
		engine_leave(e, e->leaving_soon);
}

static void
on_ignored(uv_signal_t *s, int signum)
{
}

static void
watch_signals(struct engine *e)
{
	static const struct {
		int signum;
		uv_signal_cb cb;
	} table[ENGINE_SIGNALS] = {{SIGTERM, on_signal}, {SIGINT, on_signal},
	    {SIGHUP, on_ignored}, {SIGUSR1, on_place_signal}};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		uv_signal_init(&e->loop, &e->signals[i]);
		e->signals[i].data = e;
		uv_signal_start(&e->signals[i], table[i].cb, table[i].signum);
	}
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a limit of the file's size is a disk that refuses */
}

void
life_start(struct engine *e)
{
	uint64_t look_ms = idle_look_ms(e);

	watch_signals(e);
	uv_timer_init(&e->loop, &e->idle);
	uv_timer_init(&e->loop, &e->hold);
	e->idle.data = e->hold.data = e;
	e->idle_since_ms = clock_mono_ms();
	uv_timer_start(&e->idle, on_idle_late, look_ms, look_ms);
	start_watching(e);
}

void
life_end(struct engine *e)
{
	if (!e->idle.data)
		return;
	uv_close((uv_handle_t *)&e->idle, NULL);
	uv_close((uv_handle_t *)&e->hold, NULL);
	uv_close((uv_handle_t *)&e->look, NULL);
	if (e->notify_fd >= 0) {
		uv_close((uv_handle_t *)&e->notify, NULL);
		close(e->notify_fd);
	}
	for (size_t i = 0; i < ARRAY_LEN(e->signals); i++)
		uv_close((uv_handle_t *)&e->signals[i], NULL);
}

static void
on_walk(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle) && uv_has_ref(handle))
		LOG("engine", "a %s handle was still open",
		    uv_handle_type_name(handle->type));
}

static void
on_settle_limit(uv_timer_t *t)
{
	uv_stop(t->loop);
}

bool
life_settle(struct engine *e)
{
	uv_timer_t *limit = &e->settle;
	int64_t left = e->leave_by_ms ? life_left_ms(e, 0) : LIFE_SETTLE_MS;
	bool settled;

	uv_timer_init(&e->loop, limit);
	uv_timer_start(limit, on_settle_limit,
	    (uint64_t)(left < LIFE_SETTLE_MS ? left : LIFE_SETTLE_MS), 0);
	uv_unref((uv_handle_t *)limit);
	uv_run(&e->loop, UV_RUN_DEFAULT);
	settled = uv_loop_alive(&e->loop) == 0;
	uv_walk(&e->loop, on_walk, NULL);
	uv_close((uv_handle_t *)limit, NULL);
	uv_run(&e->loop, UV_RUN_NOWAIT);
	return settled && uv_loop_close(&e->loop) == 0;
}
