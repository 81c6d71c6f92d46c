/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "console/view/view_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "console/draw/words.h"

#define TABLE_COLS 56 /* from here the table has columns */
#define MARK_COLS 8   /* "  NOT ok" */

struct detail {
	bool ladder; /* every rung, else one line */
	enum { TEXT_NONE, TEXT_LINE, TEXT_ALL } text;
	enum { TABLE_NONE, TABLE_NAMES, TABLE_ALL } table; /* names: of what is good */
};

/* From all to the least; the first that fits is shown. */
static const struct detail details[] = {
    {true, TEXT_ALL, TABLE_ALL},
    {true, TEXT_NONE, TABLE_ALL},
    {false, TEXT_NONE, TABLE_ALL},
    {true, TEXT_LINE, TABLE_NAMES},
    {false, TEXT_LINE, TABLE_NAMES},
    {false, TEXT_NONE, TABLE_NAMES},
    {false, TEXT_NONE, TABLE_NONE},
};
#define DETAILS (sizeof details / sizeof details[0])

/* --- the ladder --- */

/* The first rung since the verb, each later one since the one before. */
static void
rung_time(const struct proof *p, int i, char *out, size_t size)
{
	int64_t ms = p->rung[i].ms;

	out[0] = '\0';
	if (ms < 0)
		return;
	if (i > 0 && p->rung[i - 1].ms >= 0) {
		/* Two that were asked for together may answer in either order. */
		ms = ms > p->rung[i - 1].ms ? ms - p->rung[i - 1].ms : 0;
		if (ms < 1000)
			snprintf(out, size, " +%" PRId64 " ms", ms);
		else
			snprintf(out, size, " +%" PRId64 ".%" PRId64 " s", ms / 1000,
			    ms % 1000 / 100);
	} else {
		snprintf(
		    out, size, " %" PRId64 ".%" PRId64 " s", ms / 1000, ms % 1000 / 100);
	}
}

static void
say_rest(struct lines *l, const struct proof *p, int reached)
{
	const char *text = p->rung[reached].text;

	if (reached > 0)
		lines_str(l, LOOK_PLAIN, "   ");
	lines_str(l, LOOK_BUSY, p->rung[reached].rung);
	lines_str(l, LOOK_BUSY, p->done ? ": not reached" : ": waiting");
	if (text[0]) {
		lines_str(l, LOOK_PLAIN, ", ");
		lines_str(l, LOOK_PLAIN, text);
	}
	for (int i = reached + 1; i < p->rungs; i++) {
		lines_str(l, LOOK_QUIET, i == reached + 1 ? "  then " : ", ");
		lines_str(l, LOOK_QUIET, p->rung[i].rung);
	}
}

/* A rung and its time stay on one line. */
static void
say_rung(struct lines *l, const struct proof *p, int i)
{
	char time[32];
	int cols = canvas_width(p->rung[i].rung, strlen(p->rung[i].rung));

	rung_time(p, i, time, sizeof time);
	cols += (int)strlen(time) + 3;
	if (l->open && l->line[l->count - 1].cols + cols > l->width)
		lines_break(l);
	if (i > 0)
		lines_str(l, LOOK_PLAIN, l->open ? "   " : "  ");
	lines_str(l, LOOK_GOOD, p->rung[i].rung);
	lines_str(l, LOOK_QUIET, time);
}

static void
say_ladder(struct lines *l, const struct proof *p)
{
	int reached = proof_reached(p);

	if (p->rungs == 0)
		return;
	snprintf(l->indent, sizeof l->indent, "  ");
	lines_str(l, LOOK_PLAIN, "  ");
	for (int i = 0; i < reached; i++)
		say_rung(l, p, i);
	if (reached < p->rungs)
		say_rest(l, p, reached);
	lines_break(l);
}

static void
say_ladder_short(struct lines *l, const struct proof *p)
{
	int reached = proof_reached(p);
	char text[128];

	if (p->rungs == 0)
		return;
	if (reached == p->rungs)
		snprintf(text, sizeof text, "  ssh: all %d rungs", reached);
	else
		snprintf(text, sizeof text, "  ssh: %d of %d, %s %s", reached, p->rungs,
		    p->rung[reached].rung, p->done ? "not reached" : "waiting");
	lines_cut(l, reached == p->rungs ? LOOK_PLAIN : LOOK_BUSY, text);
	lines_break(l);
}

/* --- the table --- */

struct widths {
	int what, before, after;
};

static int
max(int a, int b)
{
	return a > b ? a : b;
}

/* The two values share what is left when they are too wide for the line. */
static struct widths
measure(const struct proof *p, int cols)
{
	struct widths w = {0, (int)strlen("before"), (int)strlen("after")};
	int room;

	for (int i = 0; i < p->rows; i++) {
		const struct proof_row *r = &p->row[i];

		w.what = max(w.what, canvas_width(r->what, strlen(r->what)));
		w.before = max(w.before, canvas_width(r->before, strlen(r->before)));
		w.after = max(w.after, canvas_width(r->after, strlen(r->after)));
	}
	room = cols - 2 - w.what - 4 - MARK_COLS;
	if (w.before + w.after > room) {
		w.before = w.before < room / 2 ? w.before : room / 2;
		w.after = w.after < room - w.before ? w.after : room - w.before;
	}
	return w;
}

static void
cell(struct lines *l, uint32_t look, const char *text, int cols, int gap)
{
	struct lines one;

	lines_init(&one, max(cols, 1));
	lines_cut(&one, look, text);
	if (one.count > 0)
		lines_put(l, look, one.line[0].text, one.line[0].len);
	for (int i = one.count > 0 ? one.line[0].cols : 0; i < cols + gap; i++)
		lines_str(l, LOOK_PLAIN, " ");
	lines_fini(&one);
}

static void
mark(struct lines *l, const struct proof_row *r)
{
	if (r->judged)
		lines_cut(l, r->ok ? LOOK_GOOD : LOOK_BAD, r->ok ? "ok" : "NOT ok");
}

static void
say_row(struct lines *l, const struct proof_row *r, const struct widths *w)
{
	bool keep = l->keep_blanks;

	l->keep_blanks = true;
	lines_str(l, LOOK_PLAIN, "  ");
	cell(l, LOOK_QUIET, r->what, w->what, 2);
	cell(l, LOOK_PLAIN, r->before[0] ? r->before : "-", w->before, 2);
	cell(l, LOOK_PLAIN, r->after[0] ? r->after : "-", w->after, 2);
	mark(l, r);
	lines_break(l);
	l->keep_blanks = keep;
}

/* "4711 -> 5022"; where both do not fit, of each its beginning. */
static void
put_values(struct lines *l, const struct proof_row *r)
{
	const char *before = r->before[0] ? r->before : "-";
	const char *after = r->after[0] ? r->after : "-";
	int room = l->width - l->line[l->count - 1].cols - (int)strlen(" -> ");
	int cols = canvas_width(before, strlen(before));

	if (strcmp(before, after) == 0) {
		lines_cut(l, LOOK_PLAIN, after);
		return;
	}
	if (cols + canvas_width(after, strlen(after)) > room && cols > room / 2)
		cols = room / 2;
	cell(l, LOOK_PLAIN, before, cols, 0);
	lines_cut(l, LOOK_PLAIN, " -> ");
	lines_cut(l, LOOK_PLAIN, after);
}

/* Narrow: the judgement first, for what is cut is the end. */
static void
say_row_tight(struct lines *l, const struct proof_row *r)
{
	char text[192];

	lines_str(l, LOOK_PLAIN, "  ");
	mark(l, r);
	snprintf(text, sizeof text, "%s%s ", r->judged ? " " : "", r->what);
	lines_cut(l, LOOK_QUIET, text);
	put_values(l, r);
	lines_break(l);
}

/* One line for all rows that are as they should be. */
static void
say_good(struct lines *l, const struct proof *p)
{
	int named = 0;

	snprintf(l->indent, sizeof l->indent, "      ");
	for (int i = 0; i < p->rows; i++) {
		const struct proof_row *r = &p->row[i];

		if (!r->judged || !r->ok)
			continue;
		lines_str(l, LOOK_GOOD, named == 0 ? "  ok  " : "");
		lines_str(l, LOOK_QUIET, named++ == 0 ? "" : ", ");
		lines_str(l, LOOK_QUIET, r->what);
	}
	if (named > 0)
		lines_break(l);
	l->indent[0] = '\0';
}

static void
say_table(struct lines *l, const struct proof *p, bool all)
{
	bool roomy = l->width >= TABLE_COLS;
	struct widths w = measure(p, l->width);

	l->indent[0] = '\0';
	if (roomy && all && p->rows > 0) {
		struct proof_row head = {
		    .what = "", .before = "before", .after = "after"};

		say_row(l, &head, &w);
	}
	for (int i = 0; i < p->rows; i++) {
		const struct proof_row *r = &p->row[i];

		if (!all && (r->ok || !r->judged))
			continue;
		if (roomy && all)
			say_row(l, r, &w);
		else
			say_row_tight(l, r);
	}
	if (!all)
		say_good(l, p);
}

/* --- the whole --- */

static void
say_head(struct lines *l, const struct proof *p, int64_t now)
{
	int64_t ms = proof_elapsed(p, now);
	const char *how = proof_is_climbing(p) ? "coming back"
	    : p->end[0]			       ? p->end
	    : proof_is_healthy(p)	       ? "healthy"
					       : "given up";
	uint32_t look = proof_is_climbing(p) ? LOOK_BUSY
	    : proof_is_healthy(p)	     ? LOOK_GOOD
	    : strcmp(how, "superseded") == 0 ? LOOK_QUIET
					     : LOOK_BAD;
	char age[32], text[96];

	lines_str(l, look | STYLE_BOLD,
	    l->width < TABLE_COLS || p->rungs == 0 ? "proof: " : "proof of recovery: ");
	lines_cut(l, look | STYLE_BOLD, how);
	if (ms >= 0)
		words_span(ms, age, sizeof age);
	snprintf(text, sizeof text, "%s%s%s%s", ms >= 0 ? ", " : "", ms >= 0 ? age : "",
	    p->verb[0] ? " after the " : "", p->verb);
	lines_cut(l, LOOK_PLAIN, text);
	lines_break(l);
}

static void
build(struct lines *l, const struct proof *p, const struct detail *d, int64_t now)
{
	say_head(l, p, now);
	if (d->ladder)
		say_ladder(l, p);
	else
		say_ladder_short(l, p);
	if (d->table != TABLE_NONE && p->done)
		say_table(l, p, d->table == TABLE_ALL);
	snprintf(l->indent, sizeof l->indent, "  ");
	/* What a healthy table says is said. */
	if (p->text[0] && (d->text != TEXT_NONE || !proof_is_healthy(p) || !p->rows)) {
		/* The sentence last: where the pane is small, it is what is seen. */
		lines_str(l, LOOK_PLAIN, "  ");
		if (d->text == TEXT_ALL)
			lines_str(l, LOOK_PLAIN, p->text);
		else
			lines_cut(l, LOOK_PLAIN, p->text);
		lines_break(l);
	}
	l->indent[0] = '\0';
}

void
view_proof_render(struct lines *l, const struct proof *p, int rows, int64_t now)
{
	struct lines probe;
	bool fits = false;
	size_t i = 0;

	while (rows > 0 && !fits && i < DETAILS - 1) {
		lines_init(&probe, l->width);
		build(&probe, p, &details[i], now);
		fits = (int)probe.count <= rows;
		i += !fits;
		lines_fini(&probe);
	}
	build(l, p, &details[i], now);
}

void
view_proof_words(const struct proof *p, int64_t now, bool tight, char *out, size_t size)
{
	int reached = proof_reached(p);
	int64_t ms = proof_elapsed(p, now);
	char age[32] = "";
	const char *rung = reached < p->rungs ? p->rung[reached].rung : "ssh";

	out[0] = '\0';
	if (!proof_is_climbing(p))
		return;
	if (ms >= 0)
		words_span(ms, age, sizeof age);
	if (tight)
		snprintf(out, size, "%s? %s", rung, age);
	else
		snprintf(out, size, "devvm coming back: %d/%d, waits for %s%s%s", reached,
		    p->rungs, rung, age[0] ? ", " : "", age);
}
