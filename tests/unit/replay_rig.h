/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay_rig.h: a canned journal, its player and who looks on, for the tests of a replay;
 * the clock is the test's own.  Each file that includes it has one of its own.
 */
#ifndef UNIT_REPLAY_RIG_H
#define UNIT_REPLAY_RIG_H

#include <criterion/criterion.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "console/replay/player.h"
#include "pictures.h"

#define UNUSED __attribute__((unused))

#define WALL_0 INT64_C(1769829121000) /* 2026-01-31T03:12:01Z */
#define ID "20260131T031201Z-9f3c"

static char path[64];
static FILE *file;
static int64_t mono, wall, seq;
static struct screen s;
static struct player *player;
static int told, cleared, forgot, jumped;
static char last_text[64];

/* --- a journal --- */

static void line(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void record(const char *kind, int64_t ms, const char *fmt, ...) PRINTF_LIKE(3, 4);

UNUSED static void
line(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(file, fmt, args);
	va_end(args);
	fputc('\n', file);
	fflush(file);
}

/* A record ms after the one before; more: its own members. */
UNUSED static void
record(const char *kind, int64_t ms, const char *fmt, ...)
{
	char at[CLOCK_AT_LEN], more[2048];
	va_list args;

	mono += ms;
	wall += ms;
	va_start(args, fmt);
	vsnprintf(more, sizeof more, fmt, args);
	va_end(args);
	line("{\"t\":\"%s\",\"seq\":%" PRId64 ",\"at\":\"%s\",\"mono_ms\":%" PRId64
	     ",\"by\":\"anna\"%s%s}",
	    kind, ++seq, clock_at(wall, at), mono, more[0] ? "," : "", more);
}

UNUSED static void
note(int64_t ms, const char *text)
{
	record("note", ms, "\"text\":\"%s\"", text);
}

UNUSED static void
init(void)
{
	int fd;

	setlocale(LC_CTYPE, "C.UTF-8");
	snprintf(path, sizeof path, "/tmp/bgreplay.XXXXXX");
	fd = mkstemp(path);
	cr_assert(fd >= 0);
	file = fdopen(fd, "w");
	mono = 500000;
	wall = WALL_0;
	seq = 0;
	record("incident", 0, "\"state\":\"opened\",\"id\":\"" ID "\",\"v\":2");
}

UNUSED static void
fini(void)
{
	player_close(player);
	screen_fini(&s);
	fclose(file);
	unlink(path);
}

/* --- who looks --- */

UNUSED static void
on_fact(void *arg, const struct js *fact)
{
	const char *text = js_str(fact, "text");

	told++;
	if (text)
		snprintf(last_text, sizeof last_text, "%s", text);
	model_apply(&s.model, fact, 0);
}

UNUSED static void
on_clear(void *arg, bool all)
{
	if (all) {
		screen_reset(&s);
		cleared++;
		told = 0;
	} else {
		model_forget(&s.model);
		forgot++;
	}
}

UNUSED static void
on_jumped(void *arg, bool in_output)
{
	jumped++;
}

UNUSED static void
play(void)
{
	static const struct player_calls calls = {on_fact, on_clear, on_jumped, NULL};
	struct err err = {0};

	screen_init(&s);
	s.replay.on = s.link_up = true;
	player = player_open(path, &calls, &err);
	cr_assert_not_null(player, "%s", err.words);
	told = cleared = forgot = jumped = 0;
}

UNUSED static struct player_view
view(void)
{
	struct player_view v;

	player_look(player, &v);
	return v;
}

UNUSED static void
look(void)
{
	player_look(player, &s.replay.view);
	s.now = 0;
	s.model.skew = player_mono(player);
}

UNUSED static const char *
looked(int cols, int rows)
{
	look();
	/* Where a pane that follows has its top depends on what was drawn before. */
	memset(&s.chat.scroll, 0, sizeof s.chat.scroll);
	memset(&s.tools.scroll, 0, sizeof s.tools.scroll);
	return drawn(&s, cols, rows);
}

UNUSED static void
a_cycle(void)
{
	record("prompt", 5000, "\"turn\":1,\"text\":\"look\",\"state\":\"queued\"");
	record("prompt", 100, "\"turn\":1,\"text\":\"look\",\"state\":\"started\"");
	record("verdict", 1000, "\"word\":\"hung\",\"advice\":\"cycle\",\"why\":\"x\"");
	record("verdict", 1000, "\"word\":\"hung\",\"advice\":\"cycle\",\"why\":\"x\"");
	record("verb", 5000,
	    "\"id\":\"v1\",\"verb\":\"cycle\",\"asked\":\"operator\",\"state\":\"asked\"");
	record("verb", 1, "\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"sent\"");
	record("verb", 9000,
	    "\"id\":\"v1\",\"verb\":\"cycle\",\"state\":\"finished\",\"exit\":0,\"ms\":9000,\"result\":\"running\"");
	note(9000, "the end");
}

#endif
