/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "console/replay/player.h"

#define SEEK_MS 10000
#define NOTICE_MS 6000

struct source {
	struct link *link; /* one of the two */
	struct player *player;
	uv_timer_t *timer; /* of the player */
	struct source_opts opts;
};

/* --- a replay --- */

static void
on_timer(uv_timer_t *timer)
{
	struct source *s = timer->data;
	int wait = player_advance(s->player, clock_mono_ms());

	if (wait >= 0)
		uv_timer_start(timer, on_timer, (uint64_t)wait, 0);
	s->opts.on_time(s->opts.arg);
}

/* All else but keys has its turn between two looks at the file. */
static void
advance_soon(struct source *s)
{
	uv_timer_start(s->timer, on_timer, 0, 0);
}

static void
on_begin(uv_timer_t *timer)
{
	struct source *s = timer->data;

	s->opts.on_state(s->opts.arg, LINK_UP, "");
	on_timer(timer);
}

static int
start_player(struct source *s, uv_loop_t *loop, const struct console_opts *console,
    struct err *err)
{
	struct player_calls calls = {.fact = s->opts.on_fact,
	    .clear = s->opts.on_clear,
	    .jumped = s->opts.on_jump,
	    .arg = s->opts.arg};

	s->player = player_open(console->replay, &calls, err);
	if (!s->player)
		return -1;
	player_speed(s->player, console->speed < 0 ? 1 : console->speed);
	s->timer = mem_alloc(sizeof *s->timer);
	uv_timer_init(loop, s->timer);
	s->timer->data = s;
	uv_timer_start(s->timer, on_begin, 0, 0);
	return 0;
}

static void
go_on(struct source *s, enum play play, bool paused)
{
	if (play == PLAY_PAUSE)
		player_pause(s->player, !paused);
	else if (play == PLAY_FASTER)
		player_faster(s->player, 1);
	else
		player_faster(s->player, -1);
}

void
source_play(struct source *s, enum play play, const char *text)
{
	struct player *p = s->player;
	struct player_view v;

	if (!p)
		return;
	player_advance(p, clock_mono_ms()); /* up to now, as it was */
	player_look(p, &v);
	if (play == PLAY_BACK || play == PLAY_ON)
		player_seek(p, play == PLAY_ON ? SEEK_MS : -SEEK_MS);
	else if (play == PLAY_NEXT || play == PLAY_PREVIOUS)
		player_to_action(p, play == PLAY_NEXT ? 1 : -1);
	else if (play == PLAY_START)
		player_to_start(p);
	else if (play == PLAY_END)
		player_to_end(p);
	else if (play == PLAY_FIND || play == PLAY_FIND_BACK)
		player_find(p, text, play == PLAY_FIND ? 1 : -1);
	else
		go_on(s, play, v.paused);
	advance_soon(s);
}

void
source_look(struct source *s, struct screen *screen)
{
	struct replay *r = &screen->replay;
	const char *said = s->player ? player_said(s->player) : NULL;

	if (!s->player)
		return;
	player_look(s->player, &r->view);
	screen->model.skew = player_mono(s->player) - screen->now;
	if (r->view.records == r->view.bad && !r->view.opening &&
	    screen->model.chat.count == 0)
		model_local(&screen->model, TONE_BAD,
		    r->view.bad > 0
			? "Nothing in this file can be read as a journal's record."
			: "No record is in this journal yet.");
	if (!said)
		return;
	snprintf(r->notice, sizeof r->notice, "%s", said);
	r->notice_look = LOOK_STRONG;
	r->notice_until = screen->now + NOTICE_MS;
}

/* --- an engine --- */

static struct link *
make_link(
    uv_loop_t *loop, const struct console_opts *console, const struct source_opts *opts)
{
	struct link_opts lo = {.socket_path = console->socket_path,
	    .name = console->name,
	    .role = "console",
	    .tty = ttyname(STDIN_FILENO),
	    .starter = console->starter,
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

	s->opts = *opts;
	if (!console->replay) {
		s->link = make_link(loop, console, opts);
		return s;
	}
	if (start_player(s, loop, console, err) == 0)
		return s;
	source_free(s);
	return NULL;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle);
}

void
source_free(struct source *s)
{
	if (!s)
		return;
	link_free(s->link);
	player_close(s->player);
	if (s->timer)
		uv_close((uv_handle_t *)s->timer, on_closed);
	free(s);
}

int
source_send(struct source *s, struct js *request, struct err *err)
{
	if (s->link)
		return link_send(s->link, request, err);
	js_free(request);
	return err_set(err, ERR_DENIED, "this is a replay");
}

int
source_unlock(
    struct source *s, const char *name, const char *password, size_t len, struct err *err)
{
	if (s->link)
		return link_unlock(s->link, name, password, len, err);
	return err_set(err, ERR_DENIED, "this is a replay");
}

void
source_restart(struct source *s)
{
	source_since(s, 0);
	if (s->link)
		link_restart(s->link);
}

void
source_since(struct source *s, int64_t seq)
{
	if (s->link)
		link_since(s->link, seq);
}

struct link *
source_link(struct source *s)
{
	return s->link;
}
