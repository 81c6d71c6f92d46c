/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/replay/player.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "console/replay/player_int.h"
#include "wire/messages.h"

#define WINDOW_RECORDS 3000 /* told before a place that was jumped to */
#define WINDOW_BYTES ((int64_t)8 * 1024 * 1024)
#define SLICE_RECORDS 200 /* told at once, at most */
#define SLICE_BYTES (1024 * 1024)
#define POLL_MS 500 /* a file that may grow */

/* So often the time that is shown moves. */
#define TICK_MS 500
#define FAST_TICK_MS 200

/* While it plays, "previous" skips what was that short ago. */
#define SAME_PLACE_MS 1500

void
player_say(struct player *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->said, sizeof p->said, fmt, args);
	va_end(args);
}

const char *
player_said(struct player *p)
{
	static char said[sizeof p->said];

	if (!p->said[0])
		return NULL;
	memcpy(said, p->said, sizeof said);
	p->said[0] = '\0';
	return said;
}

/* --- telling --- */

static void
tell(struct player *p, struct js *fact)
{
	p->calls.fact(p->calls.arg, fact);
	js_free(fact);
}

static void
tell_welcome(struct player *p, const char *started)
{
	struct js *m = message_new("welcome");

	js_set_int(m, "v", WIRE_VERSION);
	js_set_str(m, "incident", p->reel->id);
	js_set_str(m, "started", started);
	tell(p, m);
	tell(p, message_new("caught_up"));
}

/* What is true where a screen begins: as an engine tells it, before the past. */
static void
tell_present(void *arg, size_t mark)
{
	struct player *p = arg;
	struct js *fact = reel_read(p->reel, mark);

	if (!fact)
		return;
	js_set_int(fact, "seq", 0);
	tell(p, fact);
}

static void
tell_mark(void *arg, size_t mark)
{
	struct player *p = arg;
	const struct reel_mark *m = &p->reel->marks[mark];
	struct js *fact = m->kind == REEL_BAD ? NULL : reel_read(p->reel, mark);
	bool engine = m->kind == REEL_ENGINE || m->kind == REEL_REBOOT;
	char at[CLOCK_AT_LEN] = "";

	if (!fact)
		return;
	if (js_str(fact, "at")) {
		snprintf(at, sizeof at, "%s", js_str(fact, "at"));
		p->wall = clock_from(at);
	}
	if (m->kind == REEL_REBOOT)
		p->calls.clear(p->calls.arg, false);
	tell(p, fact);
	if (engine)
		tell_welcome(p, at); /* runs of the one before get no end */
}

static size_t
window_begin(const struct player *p, size_t upto)
{
	size_t from = upto > WINDOW_RECORDS ? upto - WINDOW_RECORDS : 0;

	while (from < upto && reel_bytes(p->reel, from, upto) > WINDOW_BYTES)
		from += (upto - from + 15) / 16;
	return from;
}

static void
begin_at(struct player *p, size_t mark)
{
	p->calls.clear(p->calls.arg, true);
	p->begun = true;
	p->wall = -1;
	reel_present(p->reel, mark, tell_present, p);
	tell_welcome(p, "");
	reel_open_at(p->reel, mark, tell_mark, p);
	p->next = mark;
}

/* Tells all up to upto, which is not told. */
static void
tell_upto(struct player *p, size_t upto)
{
	size_t from = window_begin(p, upto);

	if (!p->begun || upto < p->next || from > p->next)
		begin_at(p, from);
	while (p->next < upto)
		tell_mark(p, p->next++);
}

static int64_t
played_at(const struct player *p, size_t next)
{
	return next > 0 && p->reel->count > 0 ? p->reel->marks[next - 1].played : 0;
}

void
player_show(struct player *p, size_t mark, bool in_output)
{
	tell_upto(p, mark + 1);
	p->played = (double)played_at(p, p->next);
	if (p->calls.jumped)
		p->calls.jumped(p->calls.arg, in_output);
}

/* --- the file --- */

static int
read_on(struct player *p, struct err *err)
{
	int rc = reel_more(p->reel, err);

	if (rc < 0)
		player_say(p, "%s", err->words);
	p->reading = rc > 0;
	return rc;
}

static bool
is_end(const struct player *p)
{
	return !p->reading && p->next >= p->reel->count;
}

static bool
is_live(const struct player *p)
{
	return is_end(p) && !p->reel->closed && !p->reel->too_long;
}

struct player *
player_open(const char *path, const struct player_calls *calls, struct err *err)
{
	struct reel *reel = reel_open(path, err);
	struct player *p;

	if (!reel)
		return NULL;
	p = mem_alloc(sizeof *p);
	p->reel = reel;
	p->calls = *calls;
	p->speed = 1;
	p->now = p->wall = -1;
	if (read_on(p, err) < 0) {
		player_close(p);
		return NULL;
	}
	return p;
}

void
player_close(struct player *p)
{
	if (!p)
		return;
	reel_close(p->reel);
	free(p);
}

/* What comes to a live incident is shown when it comes. */
static void
look_for_more(struct player *p, int64_t now)
{
	size_t had = p->reel->count;
	struct err err = {0};

	if (now - p->polled < POLL_MS)
		return;
	p->polled = now;
	read_on(p, &err);
	if (p->reel->count > had)
		p->played = (double)p->reel->marks[had].played;
}

/* --- time --- */

static void
tell_due(struct player *p)
{
	struct reel *r = p->reel;
	size_t from = p->next;

	if (!p->begun)
		begin_at(p, 0);
	while (p->next < r->count && p->next - from < SLICE_RECORDS &&
	    reel_bytes(r, from, p->next) < SLICE_BYTES) {
		if (p->speed > 0 && (double)r->marks[p->next].played > p->played)
			return;
		tell_mark(p, p->next++);
	}
	if (p->speed == 0 || p->next == r->count)
		p->played = (double)played_at(p, p->next);
}

static int
next_wait(const struct player *p)
{
	const struct reel *r = p->reel;
	double due;
	int tick = p->speed == 1 ? TICK_MS : FAST_TICK_MS;

	if (p->find.dir || p->reading)
		return 0;
	if (p->next >= r->count)
		return is_live(p) && !p->paused ? POLL_MS : -1;
	if (p->paused)
		return -1;
	if (p->speed == 0)
		return 0;
	due = ((double)r->marks[p->next].played - p->played) / p->speed;
	if (r->marks[p->next].when - played_at(p, p->next) > REEL_PAUSE_MS)
		tick = FAST_TICK_MS; /* the clock runs through a pause */
	return due < 0 ? 0 : due < tick ? (int)due + 1 : tick;
}

int
player_advance(struct player *p, int64_t now)
{
	int64_t passed = p->now < 0 ? 0 : now - p->now;
	struct err err = {0};

	p->now = now;
	if (p->reading && p->begun) /* the first records are shown first */
		read_on(p, &err);
	if (p->find.dir)
		player_find_on(p);
	if (!p->begun)
		begin_at(p, 0);
	if (p->paused || p->find.dir)
		return next_wait(p);
	if (is_live(p))
		look_for_more(p, now);
	p->played += (double)passed * p->speed;
	tell_due(p);
	return next_wait(p);
}

int
player_read(struct player *p, struct err *err)
{
	int rc = 1;

	while (p->reading && rc > 0)
		rc = read_on(p, err);
	return rc < 0 ? -1 : 0;
}

int
player_step(struct player *p, struct err *err)
{
	int rc = 1;

	if (!p->begun)
		begin_at(p, 0);
	while (p->next >= p->reel->count && (rc = read_on(p, err)) > 0)
		;
	if (p->next >= p->reel->count)
		return rc < 0 ? -1 : 0;
	tell_mark(p, p->next++);
	p->played = (double)played_at(p, p->next);
	return 1;
}

int64_t
player_due(const struct player *p)
{
	return p->next < p->reel->count ? p->reel->marks[p->next].played : -1;
}

/* --- wishes --- */

void
player_pause(struct player *p, bool pause)
{
	p->paused = pause;
}

void
player_speed(struct player *p, int speed)
{
	p->speed = speed < 0 || speed > PLAYER_SPEED_MAX ? 0 : speed;
}

void
player_faster(struct player *p, int steps)
{
	int speed = p->speed > 0 ? p->speed : 2 * PLAYER_SPEED_MAX;

	for (; steps > 0 && speed <= PLAYER_SPEED_MAX; steps--)
		speed *= 2;
	for (; steps < 0 && speed > 1; steps++)
		speed /= 2;
	player_speed(p, speed);
}

static int64_t
length(const struct player *p)
{
	return played_at(p, p->reel->count);
}

void
player_seek(struct player *p, int64_t by_ms)
{
	int64_t to = (int64_t)p->played + by_ms;
	struct err err = {0};
	size_t upto;

	while (p->reading && length(p) < to && read_on(p, &err) > 0)
		;
	if (to > length(p))
		to = length(p);
	if (to < 0)
		to = 0;
	upto = reel_after(p->reel, to);
	tell_upto(p, upto);
	p->played = (double)to;
}

void
player_to_start(struct player *p)
{
	tell_upto(p, p->reel->count > 0 ? 1 : 0);
	p->played = 0;
}

void
player_to_end(struct player *p)
{
	struct err err = {0};

	if (player_read(p, &err) < 0)
		LOG("replay", "%s", err.words); /* it is said, too */
	tell_upto(p, p->reel->count);
	p->played = (double)length(p);
}

void
player_to_record(struct player *p, size_t record)
{
	struct err err = {0};

	while (p->reading && p->reel->count < record && read_on(p, &err) > 0)
		;
	if (record > p->reel->count)
		record = p->reel->count;
	if (record > 0)
		player_show(p, record - 1, false);
}

static const char *
action_words(enum reel_action action)
{
	static const char *const words[] = {
	    "a verb", "a mutating verb", "a verb's end", "a prompt", "a verdict"};

	return words[action];
}

static const struct reel_tick *
next_action(const struct player *p, int dir)
{
	const struct reel *r = p->reel;
	int64_t edge = (int64_t)p->played - (p->paused || is_end(p) ? 0 : SAME_PLACE_MS);
	const struct reel_tick *best = NULL;

	for (size_t i = 0; i < r->tick_count; i++) {
		const struct reel_tick *t = &r->ticks[i];

		if (dir > 0 && t->mark >= p->next)
			return t;
		if (dir < 0 && t->mark + 1 < p->next && t->played <= edge)
			best = t;
	}
	return best;
}

void
player_to_action(struct player *p, int dir)
{
	const struct reel_tick *best = next_action(p, dir);
	const struct reel *r = p->reel;
	struct err err = {0};

	while (!best && dir > 0 && p->reading && read_on(p, &err) > 0)
		best = next_action(p, dir);
	if (!best) /* the last piece may have brought one */
		best = next_action(p, dir);
	if (!best) {
		player_say(p, "There is no %s action.", dir > 0 ? "later" : "earlier");
		return;
	}
	player_show(p, best->mark, false);
	player_say(p, "%zu of %zu: %s.", (size_t)(best - r->ticks) + 1, r->tick_count,
	    action_words(best->action));
}

/* --- looking --- */

/* ms of the incident between the record that was told last and this moment. */
static int64_t
since_mark(const struct player *p, int64_t *pause)
{
	const struct reel *r = p->reel;
	const struct reel_mark *a, *b;
	double part;

	*pause = 0;
	if (p->next == 0 || p->next >= r->count)
		return 0;
	a = &r->marks[p->next - 1];
	b = &r->marks[p->next];
	if (b->played <= a->played || p->played <= (double)a->played)
		return 0;
	part = (p->played - (double)a->played) / (double)(b->played - a->played);
	if (part > 1)
		part = 1;
	if (b->when - a->when > REEL_PAUSE_MS)
		*pause = b->when - a->when;
	return (int64_t)((double)(b->when - a->when) * part + 0.5);
}

int64_t
player_mono(const struct player *p)
{
	int64_t pause;

	if (p->next == 0)
		return reel_mono(p->reel, 0, 0);
	return reel_mono(p->reel, p->next - 1, since_mark(p, &pause));
}

void
player_look(const struct player *p, struct player_view *view)
{
	const struct reel *r = p->reel;
	int64_t since = since_mark(p, &view->pause);
	size_t last = r->count > 0 ? r->count - 1 : 0;

	view->paused = p->paused;
	view->end = is_end(p);
	view->live = is_live(p) && !r->left && (r->bad == 0 || r->bad < r->count);
	view->opening = p->reading;
	view->searching = p->find.dir != 0;
	view->speed = p->speed;
	view->when = p->next > 0 ? r->marks[p->next - 1].when + since : 0;
	view->total = r->count > 0 ? r->marks[last].when : 0;
	view->played = (int64_t)p->played;
	view->length = length(p);
	view->wall = p->wall < 0 ? -1 : p->wall + since;
	view->record = p->next;
	view->records = r->count;
	view->bad = r->bad;
	view->torn = r->torn;
	view->too_long = r->too_long;
	view->id = r->id;
	view->ticks = r->ticks;
	view->tick_count = r->tick_count;
}
