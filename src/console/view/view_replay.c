/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_replay.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "console/replay/replay_keys.h"
#include "console/view/view_page.h"
#include "console/draw/words.h"

#define BAR_COLS_MIN 10

/* "12:07", "1:04:33" */
static char *
clock_words(int64_t ms, char *out, size_t size)
{
	int64_t s = ms < 0 ? 0 : ms / 1000;

	if (s < 3600)
		snprintf(
		    out, size, "%lld:%02lld", (long long)(s / 60), (long long)(s % 60));
	else
		snprintf(out, size, "%lld:%02lld:%02lld", (long long)(s / 3600),
		    (long long)(s / 60 % 60), (long long)(s % 60));
	return out;
}

/* --- the first line --- */

static void
speed_words(const struct player_view *v, bool tight, char *out, size_t size)
{
	if (v->live && !v->paused)
		snprintf(out, size, tight ? "live" : "LIVE END: what comes is shown");
	else if (v->end && !v->live)
		snprintf(out, size, tight ? "end" : "END");
	else if (v->paused)
		snprintf(out, size, tight ? "||" : "PAUSED");
	else if (v->speed == 0)
		snprintf(out, size, tight ? "max" : "at once");
	else
		snprintf(out, size, tight ? "x%d" : "speed x%d", v->speed);
}

/* Puts text on the line if it fits, with two blanks in front; returns the column. */
static int
put_if(struct canvas *c, struct rect r, int col, uint32_t look, const char *text)
{
	int cols = canvas_width(text, strlen(text));

	if (!text[0] || col + 2 + cols > r.cols)
		return col;
	return canvas_text(c, r, 0, col + 2, look, text);
}

void
view_replay_head(const struct replay *p, struct canvas *c, struct rect r)
{
	const struct player_view *v = &p->view;
	bool tight = r.cols < 60, tiny = r.cols < 30;
	char at[CLOCK_AT_LEN] = "", when[32], total[32], text[96], speed[40];
	int col;

	canvas_fill(c, r, LOOK_REPLAY_QUIET);
	col =
	    canvas_text(c, r, 0, tight ? 0 : 1, LOOK_REPLAY | STYLE_UNDERLINE, "REPLAY");
	if (v->wall >= 0)
		clock_at(v->wall, at);
	if (at[0] && tiny)
		snprintf(text, sizeof text, "%.8s", at + 11);
	else if (at[0] && tight)
		snprintf(text, sizeof text, "%.8s UTC", at + 11);
	else if (at[0])
		snprintf(text, sizeof text, "%.10s %.8s UTC", at, at + 11);
	else
		text[0] = '\0';
	col = put_if(c, r, tight ? col - 1 : col, LOOK_REPLAY, text);
	speed_words(v, tight, speed, sizeof speed);
	if (tiny) {
		put_if(c, r, col - 1, LOOK_REPLAY, speed);
		return;
	}
	snprintf(text, sizeof text, "%s%s%s", clock_words(v->when, when, sizeof when),
	    tight ? "/" : " of ", clock_words(v->total, total, sizeof total));
	col = put_if(c, r, tight ? col - 1 : col, LOOK_REPLAY_QUIET, text);
	col = put_if(c, r, tight ? col - 1 : col, LOOK_REPLAY, speed);
	put_if(c, r, col, LOOK_REPLAY_QUIET, v->id);
}

/* --- the time line --- */

/* What is beside the bar; "" nothing. */
static void
side_words(const struct player_view *v, bool tight, char *out, size_t size)
{
	char span[32];

	out[0] = '\0';
	if (v->searching)
		snprintf(out, size, "looking …");
	else if (v->pause > 0)
		snprintf(out, size, tight ? "%s cut" : "a pause of %s, cut to 2 s",
		    words_span(v->pause, span, sizeof span));
	else if (v->bad > 0 && !tight)
		snprintf(
		    out, size, "%zu unreadable, %zu/%zu", v->bad, v->record, v->records);
	else if (v->too_long)
		snprintf(out, size, "too long: the rest is not shown");
	else if (v->end && v->torn > 0 && !tight && !v->live)
		snprintf(
		    out, size, "a cut record at its end, %zu/%zu", v->record, v->records);
	else
		snprintf(
		    out, size, "%zu/%zu%s", v->record, v->records, v->opening ? "…" : "");
}

static int
place(const struct player_view *v, int64_t played, int cols)
{
	if (v->length <= 0)
		return 0;
	if (played > v->length)
		played = v->length;
	return (int)(played * (cols - 1) / v->length);
}

/* The more an action matters, the later it is drawn: it covers its neighbours. */
static void
draw_ticks(const struct player_view *v, struct canvas *c, struct rect r)
{
	static const char *const signs[] = {"·", "!", "·", ">", "?"};
	static const uint32_t looks[] = {
	    LOOK_PLAIN, LOOK_BAD, LOOK_PLAIN, LOOK_NAME, LOOK_BUSY | STYLE_BOLD};
	static const enum reel_action order[] = {
	    REEL_VERB_END, REEL_VERB, REEL_VERDICT, REEL_PROMPT, REEL_MUTATION};

	for (size_t o = 0; o < sizeof order / sizeof order[0]; o++)
		for (size_t i = 0; i < v->tick_count; i++)
			if (v->ticks[i].action == order[o])
				canvas_text(c, r, 0, place(v, v->ticks[i].played, r.cols),
				    looks[order[o]], signs[order[o]]);
}

static void
draw_line(const struct player_view *v, struct canvas *c, struct rect r)
{
	int at = place(v, v->played, r.cols);

	for (int x = 0; x < r.cols; x++)
		canvas_text(c, r, 0, x,
		    x <= at ? LOOK_REPLAY_LINE | STYLE_BOLD : LOOK_QUIET,
		    x <= at ? "━" : "─");
	draw_ticks(v, c, r);
	canvas_text(c, r, 0, at, LOOK_REPLAY, v->paused ? "‖" : "▸");
}

void
view_replay_bar(const struct screen *s, struct canvas *c, struct rect r)
{
	const struct player_view *v = &s->replay.view;
	struct rect line = r;
	char side[64];
	int cols;

	if (s->replay.notice[0] && s->now < s->replay.notice_until) {
		canvas_text(c, r, 0, 0, s->replay.notice_look, s->replay.notice);
		return;
	}
	side_words(v, r.cols < 60, side, sizeof side);
	cols = canvas_width(side, strlen(side));
	if (r.cols - cols - 2 < BAR_COLS_MIN)
		cols = -2;
	line.cols = r.cols - cols - 2;
	draw_line(v, c, line);
	if (cols > 0)
		canvas_text(c, r, 0, r.cols - cols,
		    v->bad > 0 || v->too_long ? LOOK_BAD : LOOK_QUIET, side);
}

/* --- keys --- */

static int
key_cols(const struct replay_key *k, int gap)
{
	return canvas_width(k->bar_keys, strlen(k->bar_keys)) + 1 + (int)strlen(k->bar) +
	    gap;
}

/* The worst rank that still fits, with every better one. */
static int
fitting(int cols, int gap)
{
	int rank = 0, used = 0;

	for (;;) {
		const struct replay_key *next = NULL;

		for (size_t i = 0; i < replay_key_count; i++)
			if (replay_keys[i].bar && replay_keys[i].rank > rank &&
			    (!next || replay_keys[i].rank < next->rank))
				next = &replay_keys[i];
		if (!next || used + key_cols(next, gap) - gap > cols)
			return rank;
		used += key_cols(next, gap);
		rank = next->rank;
	}
}

static int
draw_keys(struct canvas *c, struct rect r, int col, int gap, int rank)
{
	for (size_t i = 0; i < replay_key_count; i++) {
		const struct replay_key *k = &replay_keys[i];

		if (!k->bar || k->rank > rank)
			continue;
		col = canvas_text(c, r, 0, col, LOOK_REPLAY, k->bar_keys) + 1;
		col = canvas_text(c, r, 0, col, LOOK_REPLAY_QUIET, k->bar) + gap;
	}
	return col;
}

void
view_replay_keys(struct canvas *c, struct rect r)
{
	int gap = fitting(r.cols - 9, 2) < 7 ? 1 : 2;
	int rank = fitting(r.cols, gap), col;

	canvas_fill(c, r, LOOK_REPLAY_QUIET);
	col = draw_keys(c, r, 0, gap, rank);
	if (col + 7 <= r.cols) {
		col = canvas_text(c, r, 0, col, LOOK_REPLAY, "F1");
		canvas_text(c, r, 0, col, LOOK_REPLAY_QUIET, " help");
	}
}

/* --- help --- */

static void
help_row(struct lines *l, const char *keys, char also, const char *text)
{
	char key[24];

	if (also == ' ' || (keys[0] == also && !keys[1]) || !also)
		snprintf(key, sizeof key, "%s", keys);
	else
		snprintf(key, sizeof key, "%s or %c", keys, also);
	snprintf(l->indent, sizeof l->indent, "%*s", l->width < 60 ? 4 : 13, "");
	lines_str(l, LOOK_STRONG, key);
	for (int i = canvas_width(key, strlen(key)); i < (l->width < 60 ? 3 : 12); i++)
		lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, " ");
	lines_str(l, LOOK_PLAIN, text);
	lines_break(l);
	l->indent[0] = '\0';
}

static void
help_keys(struct lines *l)
{
	for (size_t i = 0; i < replay_key_count; i++)
		help_row(
		    l, replay_keys[i].keys, replay_keys[i].also, replay_keys[i].help);
	help_row(l, "PgUp PgDn", 0, "scroll the pane, as always");
	help_row(l, "Tab", 0, "the other pane; Ctrl-O: one pane on the whole screen");
	help_row(l, "F1", 0, "this page; also Esc 1");
}

static void
help_signs(struct lines *l)
{
	lines_break(l);
	lines_str(l, LOOK_NAME, "On the line of time");
	lines_break(l);
	help_row(l, "!", 0, "a verb that changes VM 102 was asked for");
	help_row(l, ">", 0, "a prompt, or a runbook");
	help_row(l, "?", 0, "a verdict that said something new");
	help_row(l, "·", 0, "status or forensics; how a verb ended");
}

void
view_replay_help(struct canvas *c, struct rect r, struct page_at *at)
{
	struct lines l;

	lines_init(&l, view_page_cols(r));
	lines_str(&l, LOOK_STRONG,
	    "This is the past: an incident's journal, shown again. Nothing is sent, no engine "
	    "is needed, and the journal stays as it is.");
	lines_break(&l);
	lines_break(&l);
	help_keys(&l);
	help_signs(&l);
	lines_break(&l);
	lines_str(&l, LOOK_PLAIN,
	    "Ages and running times are those of the moment that is shown. A pause of more "
	    "than 2 s is cut to 2 s; the first line counts all of it. The answers of the "
	    "agent come whole, block by block, as they are recorded.");
	lines_break(&l);
	view_page_draw(c, r, "replay", &l, at);
	lines_fini(&l);
}
