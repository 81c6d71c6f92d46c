/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * linear_replay.c: an incident again, line by line, each with its time.
 *
 * There is nothing to press: it is for pipes and for those who listen.  Without a
 * speed it is as fast as it can be read.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "console/linear/linear.h"
#include "console/replay/player.h"
#include "console/linear/said.h"
#include "console/term/tty.h"

struct linear {
	struct screen screen;
	struct said said;
	struct player *player;
	char day[12];
};

static void
on_fact(void *arg, const struct js *fact)
{
	struct linear *n = arg;

	model_apply(&n->screen.model, fact, 0);
}

static void
on_clear(void *arg, bool all)
{
	struct linear *n = arg;

	if (!all) {
		model_forget(&n->screen.model);
		return;
	}
	screen_reset(&n->screen);
	memset(&n->said, 0, sizeof n->said);
}

static void
say_news(struct linear *n)
{
	struct player_view v;
	char at[CLOCK_AT_LEN] = "", stamp[12];

	player_look(n->player, &v);
	if (v.wall >= 0)
		clock_at(v.wall, at);
	n->screen.model.skew = player_mono(n->player);
	if (at[0] && strncmp(n->day, at, 10) != 0) {
		snprintf(n->day, sizeof n->day, "%.10s", at);
		said_stamp("");
		said_line("UTC, ", n->day, 10);
	}
	snprintf(stamp, sizeof stamp, "%.8s", at[0] ? at + 11 : "");
	said_stamp(stamp);
	said_news(&n->said, &n->screen);
}

/* All that is left, or what is due; false: that was all. */
static bool
go_on(struct linear *n, int speed, struct err *err)
{
	struct player_view v;
	int wait;

	if (speed == 0) {
		bool more = player_step(n->player, err) > 0;

		say_news(n);
		return more;
	}
	wait = player_advance(n->player, clock_mono_ms());
	say_news(n);
	fflush(stdout);
	player_look(n->player, &v);
	if (v.end)
		return false;
	poll(NULL, 0, wait);
	return true;
}

static void
say_end(struct linear *n)
{
	struct player_view v;
	char text[160];

	player_look(n->player, &v);
	said_stamp("");
	snprintf(text, sizeof text, "End of the replay: %zu records%s.", v.records,
	    v.live ? "; an engine may write more" : "");
	said_line("", text, strlen(text));
	if (v.bad > 0) {
		snprintf(text, sizeof text,
		    "%zu of them cannot be read: \"breakglass journal verify\" looks closer.",
		    v.bad);
		said_line("", text, strlen(text));
	}
}

int
linear_replay(const char *path, int speed)
{
	struct linear *n = mem_alloc(sizeof *n);
	struct player_calls calls = {.fact = on_fact, .clear = on_clear, .arg = n};
	struct err err = {0};

	tty_utf8();
	n->player = player_open(path, &calls, &err);
	if (n->player) {
		screen_init(&n->screen);
		n->screen.linear = true;
		n->screen.replay.on = n->screen.link_up = true;
		player_speed(n->player, speed);
		printf("Replay of an incident. Nothing is sent.\n");
		while (go_on(n, speed, &err))
			;
		say_end(n);
		screen_fini(&n->screen);
	}
	if (err.words[0])
		fprintf(stderr, "breakglass: %s\n", err.words);
	player_close(n->player);
	free(n);
	return err.words[0] ? 1 : 0;
}
